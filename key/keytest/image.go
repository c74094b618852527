package keytest

import (
	"archive/tar"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wrapix/wrapix/sandbox/sandboxtest"
)

// programs of the host that the image has, beside busybox. Those of /usr/lib/openssh are what newer versions of sshd
// start.
var programs = []string{
	"/usr/bin/git", "/usr/bin/git-shell", "/usr/bin/ssh", "/usr/bin/ssh-add", "/usr/bin/ssh-keygen", "/usr/bin/ssh-keyscan", "/usr/sbin/sshd",
	"/usr/lib/openssh/sshd-session", "/usr/lib/openssh/sshd-auth",
}

// applets are the names by which the image has busybox.
var applets = []string{"sh", "cat", "echo", "env", "find", "grep", "id", "ls", "mkdir", "mv", "rm", "sed", "test", "touch", "true"}

// ImageTar writes a root file system with the host's own git and OpenSSH, and what they need to run.
func ImageTar(w io.Writer) error {
	files := map[string]string{"bin/busybox": sandboxtest.BusyboxPath} // name inside, file of the host
	for _, p := range programs {
		if _, err := os.Stat(p); err != nil {
			continue // of another version; what is really missing shows in the tests
		}
		files[p[1:]] = p
		libraries, err := exec.Command("ldd", p).Output()
		if err != nil {
			return fmt.Errorf("look for the libraries of %s: %w", p, err)
		}
		for field := range strings.FieldsSeq(string(libraries)) {
			if filepath.IsAbs(field) {
				files[strings.TrimPrefix(field, "/")] = field
			}
		}
	}
	dirs := map[string]bool{"dev": true, "etc": true, "home": true, "proc": true, "run": true, "sys": true, "tmp": true, "var/tmp": true}
	for name := range files {
		dirs[path.Dir(name)] = true
	}
	t := tar.NewWriter(w)
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		mode := int64(0o755)
		if path.Base(dir) == "tmp" {
			mode = 0o1777
		}
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: mode}); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		content, err := os.ReadFile(files[name])
		if err != nil {
			return err
		}
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755, Size: int64(len(content))}); err != nil {
			return err
		}
		if _, err := t.Write(content); err != nil {
			return err
		}
	}
	links := map[string]string{}
	for _, name := range applets {
		links["bin/"+name] = "busybox"
	}
	for _, name := range []string{"git-receive-pack", "git-upload-pack"} {
		links["usr/bin/"+name] = "git"
	}
	for _, name := range slices.Sorted(maps.Keys(links)) {
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: links[name]}); err != nil {
			return err
		}
	}
	return t.Close()
}
