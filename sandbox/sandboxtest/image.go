package sandboxtest

import (
	"archive/tar"
	"fmt"
	"io"
	"os"
	"path"
)

// BusyboxPath is where Debian's package busybox-static puts the program that the image is made of.
const BusyboxPath = "/bin/busybox"

// applets are the names by which the image has busybox.
var applets = []string{
	"sh", "ash", "ls", "cat", "echo", "true", "false", "sleep", "kill", "id", "ps", "mkdir", "mv", "rm", "rmdir", "touch", "dd", "head",
	"tail", "wc", "stat", "grep", "nc", "wget", "ip", "mount", "umount", "env", "test", "printf", "seq", "yes", "tr", "sed", "awk", "ln",
	"chmod", "chown", "readlink", "sha256sum", "nproc", "od", "setsid", "stty", "tty", "find", "cp", "basename", "sort", "mkfifo",
}

// ImageTar writes the root file system of the suite's image: static busybox and the folders that any image has. It is a
// hostile image where an image can be: it has set-user-id programs.
func ImageTar(w io.Writer) error {
	busybox, err := os.ReadFile(BusyboxPath)
	if err != nil {
		return fmt.Errorf("the suite needs busybox, for example from: sudo apt-get install busybox-static: %w", err)
	}
	t := tar.NewWriter(w)
	for _, dir := range []string{"bin", "dev", "etc", "home", "proc", "root", "run", "sys", "tmp", "usr", "var", "var/tmp"} {
		mode := int64(0o755)
		if path.Base(dir) == "tmp" {
			mode = 0o1777
		}
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: mode}); err != nil {
			return err
		}
	}
	for _, file := range []tar.Header{{Name: "bin/busybox", Mode: 0o755}, {Name: "bin/busybox-suid", Mode: 0o4755}} {
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: file.Name, Mode: file.Mode, Size: int64(len(busybox))}); err != nil {
			return err
		}
		if _, err := t.Write(busybox); err != nil {
			return err
		}
	}
	for _, name := range applets {
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + name, Linkname: "busybox"}); err != nil {
			return err
		}
	}
	return t.Close()
}
