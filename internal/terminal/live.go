package terminal

import (
	"bytes"
	"fmt"
	"slices"
)

// Span is a piece of a row. Its text is clean and has no line end.
type Span struct {
	Text  string
	Style Style
}

// Row is one line of a display.
type Row []Span

// Text makes a row without style.
func Text(text string) Row { return Row{{Text: text}} }

// Live is a block of rows at the end of a terminal that is redrawn in place. Nothing else may write to the terminal
// between Draw and End. It is not safe for use by several goroutines.
type Live struct {
	out    *Output
	widths []int // of the rows on the screen, as they were drawn
	last   []byte
}

// NewLive returns an empty block on the terminal.
func NewLive(out *Output) *Live { return &Live{out: out} }

// Synchronised output: the terminal shows what is between the two at once, and one that does not know them ignores
// them.
const beginUpdate, endUpdate = "\x1b[?2026h", "\x1b[?2026l"

// Draw replaces the block. Rows are cut to the terminal's width; of more rows than its height the last are shown. Above
// it come rows that stay, at their full length. All goes out in one write, each row over what was there, so that nothing
// flickers.
func (l *Live) Draw(rows []Row, above ...Row) error {
	width, height := l.out.Size()
	rows = rows[max(0, len(rows)-max(height-1, 1)):]
	var body bytes.Buffer
	widths := make([]int, len(rows))
	for i, row := range rows {
		widths[i] = l.row(&body, row, width-1) // the last column would leave the cursor between two lines
	}
	up := l.height(width)
	if len(above) == 0 && up == len(rows) && bytes.Equal(body.Bytes(), l.last) {
		return nil
	}
	var frame bytes.Buffer
	frame.WriteString(beginUpdate)
	frame.WriteByte('\r')
	if up > 0 {
		fmt.Fprintf(&frame, "\x1b[%dA", up)
	}
	for _, row := range above {
		for _, span := range row {
			frame.WriteString(l.out.Paint(span.Style, span.Text))
		}
		frame.WriteString("\x1b[K\r\n")
	}
	frame.Write(body.Bytes())
	frame.WriteString("\x1b[J" + endUpdate)
	l.widths, l.last = widths, slices.Clone(body.Bytes())
	_, err := l.out.Write(frame.Bytes())
	return err
}

// End leaves the block on the screen as it is and forgets it.
func (l *Live) End() { l.widths, l.last = nil, nil }

// row writes one row of at most so many columns and returns how many it took.
func (l *Live) row(b *bytes.Buffer, row Row, columns int) int {
	used := 0
	for _, span := range row {
		text := Fit(span.Text, columns-used)
		used += Width(text)
		b.WriteString(l.out.Paint(span.Style, text))
		if text != span.Text {
			break
		}
	}
	b.WriteString("\x1b[K\r\n")
	return used
}

// height returns how many lines of the screen the block takes now. After the terminal became narrower, it has broken
// the rows that do not fit any more.
func (l *Live) height(width int) int {
	lines := 0
	for _, w := range l.widths {
		lines += max(1, (w+width-1)/width)
	}
	return lines
}
