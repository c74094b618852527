package sandboxtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/wrapix/wrapix/sandbox"
)

// socketTests are about services of the host that a sandbox reaches through a socket, in a folder of its own that is
// mounted read-only.
var socketTests = []test{
	{"ReadOnlyFolder", func(t *testing.T, s *suite) {
		dir := socketDir(t)
		server := listen(t, "unix", filepath.Join(dir, "a"))
		spec := s.withService(t, "/run/probe dial unix:/run/service/a; "+
			refuse("rm /run/service/a", "mv /run/service/a /run/service/b", "touch /run/service/x", "rmdir /run/service", "mv /run/service /run/x", "ln -s /x /run/service/y"), dir)
		check(t, "stdout", s.want0(t, spec).stdout, "dial unix /run/service/a: DONE\n")
		check(t, "visits", server.hits.Load(), 1)
	}},
	// As after a crash: the process that listens next does so in the folder that the sandbox has had all along.
	{"ListenedLater", func(t *testing.T, s *suite) {
		dir := socketDir(t)
		spec := s.withService(t, "echo up; until /run/probe dial unix:/run/service/a | grep DONE; do :; done", dir)
		r := s.start(t, testContext(t), spec, "up")
		listen(t, "unix", filepath.Join(dir, "a"))
		<-r.done
		check(t, "error", r.err, nil)
		check(t, "stdout", r.out.String(), "up\ndial unix /run/service/a: DONE\n")
	}},
}

// socketDir is a folder whose name leaves room for that of a socket.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "wrapix-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (s *suite) withService(t *testing.T, script, dir string) sandbox.Spec {
	t.Helper()
	spec := s.withProbe(t, s.spec(t, script))
	spec.Mounts = append(spec.Mounts, sandbox.Mount{Source: dir, Dest: "/run/service", ReadOnly: true})
	return spec
}
