package agent

import (
	"strings"
	"testing"

	"github.com/wrapix/wrapix/engine"
)

func TestSignal(t *testing.T) {
	far := strings.Repeat("x\n", signalWindow)
	tests := []struct {
		name, text string
		want       engine.Signal
		message    string
	}{
		{"none", "all good\n", engine.SignalNone, ""},
		{"complete", "done\nRALPH_COMPLETE\n", engine.SignalComplete, ""},
		{"without newline at the end", "RALPH_COMPLETE", engine.SignalComplete, ""},
		{"carriage return", "RALPH_COMPLETE\r\n", engine.SignalComplete, ""},
		{"in a sentence", "I will not print RALPH_COMPLETE\n", engine.SignalNone, ""},
		{"with more on its line", "RALPH_COMPLETE now\n", engine.SignalNone, ""},
		{"in a fence", "```\nRALPH_COMPLETE\n```\n", engine.SignalNone, ""},
		{"in a tilde fence", "~~~~ text\nRALPH_COMPLETE\n~~~\nRALPH_COMPLETE\n~~~~\n", engine.SignalNone, ""},
		{"after a fence", "```go\nx\n```\nRALPH_COMPLETE\n", engine.SignalComplete, ""},
		{"fence closed by a longer one", "```\nx\n`````\nRALPH_COMPLETE\n", engine.SignalComplete, ""},
		{"fence not closed by text after it", "```\nx\n``` go\nRALPH_COMPLETE\n", engine.SignalNone, ""},
		{"inline code is no fence", "```not a fence```\nRALPH_COMPLETE\n", engine.SignalComplete, ""},
		{"indented code", "    RALPH_COMPLETE\n", engine.SignalNone, ""},
		{"a little indented", "  RALPH_COMPLETE\n", engine.SignalComplete, ""},
		{"blocked", "RALPH_BLOCKED: no key\n", engine.SignalBlocked, "no key"},
		{"blocked without reason", "RALPH_BLOCKED:\n", engine.SignalBlocked, ""},
		{"clarify", "RALPH_CLARIFY: which one?\n", engine.SignalClarify, "which one?"},
		{"the last wins", "RALPH_COMPLETE\nRALPH_CLARIFY: sure?\n", engine.SignalClarify, "sure?"},
		{"text after it", "RALPH_COMPLETE\nbye\n", engine.SignalComplete, ""},
		{"too far from the end", "RALPH_COMPLETE\n" + far, engine.SignalNone, ""},
		{"fence opened long before", "```\n" + far + "RALPH_COMPLETE\n", engine.SignalNone, ""},
		{"line of any length", strings.Repeat("y", 1<<20) + "RALPH_COMPLETE\n", engine.SignalNone, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, size := range []int{1, 7, 4096, len(tt.text)} {
				var s signals
				for rest := tt.text; rest != ""; {
					n := min(size, len(rest))
					s.write([]byte(rest[:n]))
					rest = rest[n:]
				}
				if signal, message := s.result(); signal != tt.want || message != tt.message {
					t.Fatalf("in pieces of %d: %q %q, want %q %q", size, signal, message, tt.want, tt.message)
				}
			}
		})
	}
}

// FuzzSignal holds that the way in which the output is split does not matter, and that memory stays bounded.
func FuzzSignal(f *testing.F) {
	f.Add("```\nRALPH_COMPLETE\n```\nRALPH_BLOCKED: a\n", 3)
	f.Fuzz(func(t *testing.T, text string, size int) {
		var whole, parts signals
		whole.write([]byte(text))
		size = max(1, size%64)
		for rest := text; rest != ""; {
			n := min(size, len(rest))
			parts.write([]byte(rest[:n]))
			rest = rest[n:]
		}
		ws, wm := whole.result()
		ps, pm := parts.result()
		if ws != ps || wm != pm {
			t.Fatalf("%q %q in one piece, %q %q in parts", ws, wm, ps, pm)
		}
		if cap(parts.line) > 2*signalLine {
			t.Fatalf("a line of %d bytes is kept", cap(parts.line))
		}
	})
}
