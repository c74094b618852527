package agent

import (
	"bytes"
	"strings"

	"github.com/wrapix/wrapix/engine"
)

// signalWindow is how far from the end of its output an agent's signal counts.
const signalWindow = 64 << 10

// signalLine is the longest line that can be a signal.
const signalLine = 8 << 10

// signals finds the agent's signal in a stream of any length: the last line that is nothing but a signal, outside
// code fences. It reads from the first byte, because whether a line is fenced depends on all lines before.
type signals struct {
	offset int64  // of the end of what was read
	line   []byte // the present line as far as it was read, at most signalLine
	long   bool   // the present line is longer than that
	fence  string // the open fence, or ""

	signal  engine.Signal
	message string
	at      int64 // where the signal's line ends
}

func (s *signals) write(b []byte) {
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		part := b
		if i >= 0 {
			part = b[:i]
		}
		if room := signalLine - len(s.line); len(part) > room {
			s.line, s.long = append(s.line, part[:room]...), true
		} else {
			s.line = append(s.line, part...)
		}
		s.offset += int64(len(part))
		if i < 0 {
			return
		}
		s.offset++
		s.endLine()
		b = b[i+1:]
	}
}

// result returns the signal that counts if the stream ends here.
func (s signals) result() (engine.Signal, string) {
	s.endLine()
	if s.signal == engine.SignalNone || s.offset-s.at > signalWindow {
		return engine.SignalNone, ""
	}
	return s.signal, s.message
}

func (s *signals) endLine() {
	line, long := strings.TrimRight(string(s.line), " \t\r"), s.long
	s.line, s.long = s.line[:0], false
	text := strings.TrimLeft(line, " ")
	if len(line)-len(text) > 3 { // indented code
		return
	}
	if fence := fenceOf(text); fence != "" {
		switch {
		case s.fence == "":
			s.fence = fence
		case fence[0] == s.fence[0] && len(fence) >= len(s.fence) && fence == text:
			s.fence = ""
		}
		return
	}
	if s.fence != "" || long {
		return
	}
	if signal, message := parseSignal(text); signal != engine.SignalNone {
		s.signal, s.message, s.at = signal, message, s.offset
	}
}

// fenceOf returns the run of three or more backticks or tildes that the line starts with. Backticks that are followed
// by another backtick are inline code, not a fence (CommonMark 4.5).
func fenceOf(line string) string {
	if line == "" || line[0] != '`' && line[0] != '~' {
		return ""
	}
	rest := strings.TrimLeft(line, line[:1])
	run := line[:len(line)-len(rest)]
	if len(run) < 3 || run[0] == '`' && strings.Contains(rest, "`") {
		return ""
	}
	return run
}

func parseSignal(line string) (engine.Signal, string) {
	if line == "RALPH_COMPLETE" {
		return engine.SignalComplete, ""
	}
	if reason, ok := strings.CutPrefix(line, "RALPH_BLOCKED:"); ok {
		return engine.SignalBlocked, strings.TrimSpace(reason)
	}
	if question, ok := strings.CutPrefix(line, "RALPH_CLARIFY:"); ok {
		return engine.SignalClarify, strings.TrimSpace(question)
	}
	return engine.SignalNone, ""
}
