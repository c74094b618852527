package sandboxtest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/wrapix/wrapix/sandbox"
)

var outputTests = []test{
	{"Streams", func(t *testing.T, s *suite) {
		o := s.sh(t, `echo out; echo err >&2; printf 'no newline'`)
		check(t, "stdout", o.stdout, "out\nno newline")
		check(t, "stderr", o.stderr, "err\n")
		check(t, "stderr hash", o.Stderr.SHA256, fmt.Sprintf("%x", sha256.Sum256([]byte("err\n"))))
	}},
	{"Nothing", func(t *testing.T, s *suite) {
		o := s.sh(t, "true")
		check(t, "stdout", o.stdout+o.stderr, "")
		check(t, "bytes", o.Stdout.Bytes, 0)
	}},
	{"Live", func(t *testing.T, s *suite) {
		// The first line has to come while the command runs: it waits for us to have seen it.
		ws := t.TempDir()
		spec := s.spec(t, `echo first; while ! test -e go; do sleep 0.02; done; echo second`)
		spec.Workspace = sandbox.Workspace{Source: ws}
		r := s.start(t, testContext(t), spec, "first\n")
		writeFile(t, ws+"/go", "")
		<-r.done
		if r.err != nil {
			t.Fatal(r.err)
		}
		check(t, "stdout", r.out.String(), "first\nsecond\n")
	}},
	{"Binary", func(t *testing.T, s *suite) {
		var want []byte
		for i := range 256 {
			want = append(want, byte(i), '\n', '\\', 'n')
		}
		ws := t.TempDir()
		writeFile(t, ws+"/bytes", string(want))
		spec := s.spec(t, "cat bytes bytes")
		spec.Workspace = sandbox.Workspace{Source: ws, Access: sandbox.ReadOnly}
		if o := s.want0(t, spec); o.stdout != strings.Repeat(string(want), 2) {
			t.Errorf("other bytes came out: %q", o.stdout)
		}
	}},
	{"ManyLines", func(t *testing.T, s *suite) {
		var want bytes.Buffer
		for i := 1; i <= 10_000; i++ {
			fmt.Fprintln(&want, i)
		}
		o := s.sh(t, "i=0; while [ $i -lt 10000 ]; do i=$((i+1)); echo $i; done")
		if o.stdout != want.String() {
			t.Errorf("%d bytes came, %d written", len(o.stdout), want.Len())
		}
	}},
	{"LongLine", func(t *testing.T, s *suite) {
		o := s.sh(t, `dd if=/dev/zero bs=1M count=3 2>/dev/null | tr '\0' x; echo; echo end`)
		if o.stdout != strings.Repeat("x", 3<<20)+"\nend\n" {
			t.Errorf("%d bytes came out", len(o.stdout))
		}
		if len(o.Exits[0].Output) > 9<<10 || !strings.HasSuffix(o.Exits[0].Output, "x\nend\n") {
			t.Errorf("excerpt of %d bytes", len(o.Exits[0].Output))
		}
		contains(t, "excerpt", o.Exits[0].Output, "bytes left out")
	}},
	{"Limit", func(t *testing.T, s *suite) {
		spec := s.spec(t, `seq 1 100000`)
		spec.TranscriptLimit = 4096
		o := s.do(t, spec)
		var all bytes.Buffer
		for i := 1; i <= 100_000; i++ {
			fmt.Fprintln(&all, i)
		}
		cut := int64(all.Len()) - 4096
		check(t, "bytes", o.Stdout.Bytes, int64(all.Len()))
		check(t, "cut", o.Stdout.Cut, cut)
		want := string(all.Bytes()[:3072]) + fmt.Sprintf("\n[... %d bytes left out ...]\n", cut) + string(all.Bytes()[all.Len()-1024:])
		check(t, "transcript", o.stdout, want)
	}},
	{"LimitExactly", func(t *testing.T, s *suite) {
		spec := s.spec(t, `printf 12345678; printf abcdefgh >&2`)
		spec.TranscriptLimit = 8
		o := s.do(t, spec)
		check(t, "transcript", o.stdout+o.stderr, "12345678abcdefgh")
		check(t, "cut", o.Stdout.Cut, 0)
	}},
	{"BothAtOnce", func(t *testing.T, s *suite) {
		o := s.sh(t, `yes out 2>/dev/null | head -n 200000 & yes err 2>/dev/null | head -n 200000 >&2; wait`)
		if o.stdout != strings.Repeat("out\n", 200_000) || o.stderr != strings.Repeat("err\n", 200_000) {
			t.Errorf("%d and %d bytes came out", len(o.stdout), len(o.stderr))
		}
	}},
}
