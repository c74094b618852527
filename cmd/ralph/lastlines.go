package main

import (
	"bytes"
	"errors"
	"io"
	"os"
)

// lastLines returns where the last n lines of a file begin. It reads backwards from the end, so it takes the time of
// those lines, and the memory of one block however long a line is.
func lastLines(f *os.File, n int) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if n == 0 {
		return info.Size(), nil
	}
	block := make([]byte, 64<<10)
	for end := info.Size(); end > 0; {
		begin := max(0, end-int64(len(block)))
		block = block[:end-begin]
		if _, err := f.ReadAt(block, begin); errors.Is(err, io.EOF) {
			return lastLines(f, n) // it is made anew just now, and was longer
		} else if err != nil {
			return 0, err
		}
		for i := bytes.LastIndexByte(block, '\n'); i >= 0; i = bytes.LastIndexByte(block[:i], '\n') {
			// A line end at the very end begins no further line.
			if at := begin + int64(i) + 1; at < info.Size() {
				if n--; n == 0 {
					return at, nil
				}
			}
		}
		end = begin
	}
	return 0, nil
}
