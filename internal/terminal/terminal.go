// Package terminal is where text meets a person's screen: the program's streams, what they can show, the cleaning of
// text that others wrote, and a display that is redrawn in place.
//
// Text from an agent, from a spec or from a check is hostile until [Clean], [Line] or a [Cleaner] had it: it may hold
// sequences that move the cursor, rename the window, write the clipboard or turn the reading direction.
package terminal

import (
	"io"
	"os"
	"sync/atomic"

	"golang.org/x/term"
)

// Streams are a program's ends to the world. Tests put buffers there.
type Streams struct {
	In  io.Reader
	Out *Output
	Err *Output
}

// System returns the streams of this process.
func System() *Streams {
	return &Streams{In: os.Stdin, Out: forFile(os.Stdout), Err: forFile(os.Stderr)}
}

// InTerminal says whether a person can be asked.
func (s *Streams) InTerminal() bool {
	f, ok := s.In.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Output is a stream with what it can show.
type Output struct {
	io.Writer
	Terminal bool // a screen that understands cursor movement
	Color    bool
	size     func() (width, height int)
	written  atomic.Bool
}

// Write writes to the stream.
func (o *Output) Write(b []byte) (int, error) {
	o.written.Store(true)
	return o.Writer.Write(b)
}

// Written says whether anything was written to it.
func (o *Output) Written() bool { return o.written.Load() }

// NewOutput returns a plain stream, as a pipe is.
func NewOutput(w io.Writer) *Output { return &Output{Writer: w} }

// NewScreen returns a stream that is taken for a terminal of the size that the function tells.
func NewScreen(w io.Writer, size func() (width, height int)) *Output {
	return &Output{Writer: w, Terminal: true, size: size}
}

// forFile looks at what the file is. NO_COLOR (with any value but the empty one, see no-color.org) takes the colour
// away, and a dumb terminal can neither colour nor move its cursor.
func forFile(f *os.File) *Output {
	o := &Output{Writer: f}
	if kind := os.Getenv("TERM"); !term.IsTerminal(int(f.Fd())) || kind == "dumb" || kind == "" {
		return o
	}
	o.Terminal = true
	o.Color = os.Getenv("NO_COLOR") == ""
	o.size = func() (int, int) {
		width, height, err := term.GetSize(int(f.Fd()))
		if err != nil || width <= 0 || height <= 0 {
			return 80, 24
		}
		return width, height
	}
	return o
}

// Size returns the width and height in characters, and 80 by 24 for what is no terminal.
func (o *Output) Size() (width, height int) {
	if o.size == nil {
		return 80, 24
	}
	return o.size()
}

// Style is a way to set text off.
type Style string

// The styles, as the parameters of the SGR control sequence.
const (
	Bold   Style = "1"
	Dim    Style = "2"
	Red    Style = "31"
	Green  Style = "32"
	Yellow Style = "33"
	Cyan   Style = "36"
)

// Paint returns the text in the style where the stream shows colour, and else as it is. The text must be clean.
func (o *Output) Paint(style Style, text string) string {
	if !o.Color || text == "" || style == "" {
		return text
	}
	return "\x1b[" + string(style) + "m" + text + "\x1b[0m"
}
