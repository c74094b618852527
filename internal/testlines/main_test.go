package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	tests := []struct {
		name  string
		in    string
		want  []string
		never []string
		ok    bool
	}{
		{
			name: "passes and skips",
			in: `{"Action":"output","Package":"p","Test":"TestA","Output":"chatter\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"=== RUN TestB\n"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:3: needs Podman\n"}
{"Action":"skip","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Output":"PASS\n"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
{"Action":"pass","Package":"p"}`,
			want:  []string{"ok  \tp\t0.1s\n", "1 TESTS WERE SKIPPED", "p TestB: b_test.go:3: needs Podman", "\n1 passed, 0 failed, 1 skipped\n"},
			never: []string{"chatter", "PASS"},
			ok:    true,
		},
		{
			name: "failure shows its output",
			in: `{"Action":"output","Package":"p","Test":"TestA","Output":"expected 2\n"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p"}`,
			want: []string{"expected 2\n", "FAIL\tp\t0.1s\n", "\nfailed:\n  p TestA\n", "0 passed, 1 failed, 0 skipped"},
		},
		{
			name: "a package that does not build",
			in: `{"ImportPath":"p","Action":"build-output","Output":"p.go:1: syntax error\n"}
{"ImportPath":"p","Action":"build-fail"}
{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}
{"Action":"fail","Package":"p","FailedBuild":"p"}`,
			want: []string{"p.go:1: syntax error\n", "FAIL\tp [build failed]\n", "1 failed"},
		},
		{
			name: "a test that took the process with it",
			in: `{"Action":"output","Package":"p","Test":"TestA","Output":"panic: oh\n"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p"}`,
			want: []string{"panic: oh\n", "1 failed"},
		},
		{
			name: "nothing ran",
			in:   "go: cannot find module\n",
			want: []string{"go: cannot find module\n", "0 passed, 0 failed, 0 skipped"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			if ok := report(strings.NewReader(tt.in), &out); ok != tt.ok {
				t.Errorf("ok = %v", ok)
			}
			for _, w := range tt.want {
				if !strings.Contains(out.String(), w) {
					t.Errorf("lacks %q in:\n%s", w, &out)
				}
			}
			for _, n := range tt.never {
				if strings.Contains(out.String(), n) {
					t.Errorf("has %q in:\n%s", n, &out)
				}
			}
		})
	}
}
