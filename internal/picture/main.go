// Picture turns what a terminal shows into an SVG file. It reads the lines of `tmux capture-pane -e -p` on standard
// input: text with the control sequences that set colour and weight, and no others.
//
//	tmux capture-pane -e -p | picture "ralph loop" >docs/loop.svg
package main

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"os"
	"strconv"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: picture TITLE <SCREEN >FILE.svg")
		os.Exit(2)
	}
	if err := draw(os.Stdout, os.Stdin, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}

// Sizes in pixels. The font's own width does not matter: each run of text is fitted to its columns.
const (
	charWidth, lineHeight = 8.4, 19.0
	margin, titleHeight   = 16.0, 34.0
	fontSize              = 14
)

// Colours of the page, and of the eight that SGR 30 to 37 and 90 to 97 choose.
const background, foreground, frame = "#161b22", "#d7dde4", "#30363d"

var palette = [8]string{"#6e7681", "#ff7b72", "#7ee787", "#e3b341", "#79c0ff", "#d2a8ff", "#76e3ea", "#f0f6fc"}

// style is how a run of text looks.
type style struct {
	color     string
	bold, dim bool
}

// run is text in one style, from a column on.
type run struct {
	style
	column int
	text   string
}

// draw writes the screen as a picture with a title.
func draw(w io.Writer, screen io.Reader, title string) error {
	var lines [][]run
	columns := len([]rune(title)) + 8
	scanner := bufio.NewScanner(screen)
	var now style
	for scanner.Scan() {
		var runs []run
		var width int
		var err error
		if runs, now, width, err = parse(scanner.Text(), now); err != nil {
			return fmt.Errorf("line %d: %w", len(lines)+1, err)
		}
		lines, columns = append(lines, runs), max(columns, width)
	}
	if err := scanner.Err(); err != nil {
		return err
	}
	for len(lines) > 0 && len(lines[len(lines)-1]) == 0 {
		lines = lines[:len(lines)-1]
	}
	var b strings.Builder
	width := float64(columns)*charWidth + 2*margin
	height := float64(len(lines))*lineHeight + titleHeight + 2*margin
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" role="img">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, "<title>%s</title>\n", html.EscapeString(title))
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="8" fill="%s"/><path d="M0 %.0fH%.0f" stroke="%s"/>`+"\n", background, titleHeight, width, frame)
	for i := range 3 {
		fmt.Fprintf(&b, `<circle cx="%d" cy="%.0f" r="5" fill="%s"/>`, 20+18*i, titleHeight/2, frame)
	}
	fmt.Fprintf(&b, "\n"+`<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="%d" fill="%s" xml:space="preserve">`+"\n", fontSize, foreground)
	fmt.Fprintf(&b, `<text x="%.0f" y="%.1f" text-anchor="middle" fill="%s">%s</text>`+"\n", width/2, titleHeight/2+5, palette[0], html.EscapeString(title))
	for i, line := range lines {
		for _, r := range line {
			b.WriteString(element(r, titleHeight+margin+float64(i)*lineHeight+fontSize))
		}
	}
	b.WriteString("</g>\n</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func element(r run, y float64) string {
	var look string
	if r.color != "" {
		look += ` fill="` + r.color + `"`
	}
	if r.bold {
		look += ` font-weight="bold"`
	}
	if r.dim {
		look += ` opacity="0.65"`
	}
	length := float64(len([]rune(r.text))) * charWidth
	return fmt.Sprintf(`<text x="%.1f" y="%.1f" textLength="%.1f" lengthAdjust="spacingAndGlyphs"%s>%s</text>`+"\n",
		margin+float64(r.column)*charWidth, y, length, look, html.EscapeString(r.text))
}

// parse takes one line apart. Spaces at its end are left out. Every character counts as one column.
func parse(line string, now style) (runs []run, _ style, width int, err error) {
	column := 0
	for len(line) > 0 {
		text, rest, sequence := strings.Cut(line, "\x1b")
		if trimmed := strings.TrimLeft(text, " "); trimmed != "" {
			runs = append(runs, run{style: now, column: column + len(text) - len(trimmed), text: trimmed})
		}
		column += len([]rune(text))
		if !sequence {
			break
		}
		parameters, after, ok := strings.Cut(rest, "m")
		if !ok || !strings.HasPrefix(parameters, "[") {
			return nil, now, 0, fmt.Errorf("a control sequence that is not about colour: %.20q", rest)
		}
		if now, err = now.set(parameters[1:]); err != nil {
			return nil, now, 0, err
		}
		line = after
	}
	for len(runs) > 0 {
		last := &runs[len(runs)-1]
		if last.text = strings.TrimRight(last.text, " "); last.text != "" {
			return runs, now, last.column + len([]rune(last.text)), nil
		}
		runs = runs[:len(runs)-1]
	}
	return nil, now, 0, nil
}

// set applies the parameters of one SGR sequence (ECMA-48, 8.3.117).
func (s style) set(parameters string) (style, error) {
	for _, p := range strings.Split(parameters, ";") {
		n := 0
		if p != "" {
			var err error
			if n, err = strconv.Atoi(p); err != nil {
				return s, fmt.Errorf("colour parameter %q: %w", p, err)
			}
		}
		switch {
		case n == 0:
			s = style{}
		case n == 1:
			s.bold = true
		case n == 2:
			s.dim = true
		case n == 22:
			s.bold, s.dim = false, false
		case n >= 30 && n <= 37:
			s.color = palette[n-30]
		case n >= 90 && n <= 97:
			s.color = palette[n-90]
		case n == 39:
			s.color = ""
		case n == 49: // the background that we have
		default:
			return s, fmt.Errorf("colour parameter %d is not known", n)
		}
	}
	return s, nil
}
