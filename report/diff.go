package report

import (
	"bytes"
	"errors"
	"strings"
)

// errEnough ends a reading that has given what is wanted.
var errEnough = errors.New("that is enough")

// maxDiffRead bounds how much of a diff is read to count what is left out.
const maxDiffRead = 64 << 20

// fileDiff is what one file's diff says, as far as it is told.
type fileDiff struct {
	Name string   // as git writes it behind "diff --git"
	Text []string // lines
	Left int      // lines that are left out
}

// diffCutter keeps the begin of each file's diff, and counts the rest.
type diffCutter struct {
	perFile, left int // bytes that may still be kept
	read          int
	files         []fileDiff
	used          int // bytes of the file under way
	more          int // files that are not even named
	line          []byte
	skip          bool // the rest of a long line
	cut           bool // the reading was ended
}

const (
	maxDiffFiles = 100
	maxDiffLine  = 1 << 10
	// What a page needs around a line and a file counts too: a diff of short lines is mostly that.
	aroundLine = 40
	aroundFile = 160
)

// Write takes the next part. The error is errEnough when more was read than is worth counting.
func (c *diffCutter) Write(p []byte) (int, error) {
	if c.read += len(p); c.read > maxDiffRead {
		c.cut = true
		return 0, errEnough
	}
	for rest := p; len(rest) > 0; {
		part, after, ended := bytes.Cut(rest, []byte("\n"))
		rest = after
		if room := maxDiffLine - len(c.line); !c.skip {
			if len(part) > room {
				part, c.skip = part[:room], true
			}
			c.line = append(c.line, part...)
		}
		if ended {
			c.take(string(c.line), c.skip)
			c.line, c.skip = c.line[:0], false
		}
	}
	return len(p), nil
}

// take adds one line. Lines of content begin with a blank, a sign or a backslash, so nothing in a file looks like the
// header of another.
func (c *diffCutter) take(line string, cut bool) {
	if name, ok := strings.CutPrefix(line, "diff --git "); ok {
		c.used = 0
		if len(c.files) >= maxDiffFiles || c.left < aroundFile {
			c.more++
			return
		}
		c.left -= aroundFile
		c.files = append(c.files, fileDiff{Name: name})
		return
	}
	if len(c.files) == 0 || c.more > 0 || strings.HasPrefix(line, "index ") {
		return
	}
	f := &c.files[len(c.files)-1]
	if cut {
		line += " …"
	}
	if size := len(line) + aroundLine; f.Left == 0 && c.used+size <= c.perFile && size <= c.left {
		c.used, c.left = c.used+size, c.left-size
		f.Text = append(f.Text, line)
		return
	}
	f.Left++
}

// end takes the last line, when nothing ends it.
func (c *diffCutter) end() {
	if len(c.line) > 0 {
		c.take(string(c.line), c.skip)
		c.line = nil
	}
}

// tone is how a line of a diff is coloured.
func tone(line string) string {
	switch {
	case strings.HasPrefix(line, "+++ "), strings.HasPrefix(line, "--- "):
		return "head"
	case strings.HasPrefix(line, "+"):
		return "plus"
	case strings.HasPrefix(line, "-"):
		return "minus"
	case strings.HasPrefix(line, "@@"):
		return "at"
	}
	return ""
}
