package specs

import "fmt"

// Limits of what Parse reads. Beyond each there is a diagnostic.
const (
	MaxBytes   = 16 << 20
	MaxNesting = 16 // lists and quotes inside each other
	MaxTasks   = 20000
)

// maxSteps bounds the memory of a parse to about 1 GB in the worst case. A
// step is a line, or a list or quote that goes on in a line. Prose and lists of
// 10 MB have about a million of them.
const maxSteps = 2 << 20

// tooLarge says why a spec is not read and where it becomes too large, or "".
func tooLarge(src []byte) string {
	if len(src) > MaxBytes {
		return fmt.Sprintf("the spec has %d bytes; at most %d are read", len(src), MaxBytes)
	}
	return ""
}

// tooManySteps returns the offset of the line at which the parser would have
// taken more than maxSteps steps, or -1. It counts from above: what a line
// starts with (indentation, list markers, quote marks) bounds how many lists
// and quotes are open in it, and the blank line behind it costs as much again.
func (s *source) tooManySteps() int {
	steps := 0
	for i, from := range s.lines {
		steps += 1 + 2*min(s.depthBound(from), 2*MaxNesting)
		if steps > maxSteps {
			return s.lines[i]
		}
	}
	return -1
}

// depthBound returns how many lists and quotes the line at offset i can be in.
// Two columns of indentation, or one marker, make one level.
func (s *source) depthBound(i int) int {
	columns, markers := 0, 0
	for ; i < len(s.plain) && markers < 2*MaxNesting && columns < 4*MaxNesting; i++ {
		switch c := s.plain[i]; c {
		case ' ':
			columns++
		case '\t':
			columns += 4
		case '>', '-', '+', '*', '.', ')':
			markers++
		case '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		default:
			return columns/2 + markers
		}
	}
	return columns/2 + markers
}
