package agent

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// stream is what a client prints in a long night: mostly what tools returned.
func stream(size int) []byte {
	var b bytes.Buffer
	text := strings.Repeat("line of a file with \\\"quotes\\\" and more\\n", 200)
	fmt.Fprintln(&b, claudeInit)
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, `{"type":"user","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"t%d","content":"%s"}]},"session_id":"s-1","tool_use_result":{"stdout":"%s"}}`+"\n", i, text, text)
		fmt.Fprintln(&b, claudeSays)
		fmt.Fprintln(&b, claudeTool)
	}
	return b.Bytes()
}

func BenchmarkClaude(b *testing.B) {
	all := stream(100 << 20)
	b.SetBytes(int64(len(all)))
	for b.Loop() {
		r := Claude{}.Reader(func([]byte) {})
		for at := 0; at < len(all); at += 32 << 10 {
			r.Write(all[at:min(at+32<<10, len(all))])
		}
	}
}
