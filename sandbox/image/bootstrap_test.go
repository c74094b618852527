package image

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestRemoveLeftovers(t *testing.T) {
	program, err := exec.LookPath("mmdebstrap")
	if err != nil || os.Getuid() == 0 {
		t.Skip("needs mmdebstrap and an unprivileged user")
	}
	work, err := makeWork()
	if err != nil {
		t.Fatal(err)
	}
	// As a killed build leaves it: files of other ids in a folder of ours.
	tree := filepath.Join(work.Name(), "tree")
	if err := os.Mkdir(tree, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(tree, 0o777); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, "--unshare-helper", "sh", "-c", `mkdir -m 700 "$1/root"; touch "$1/root/f"`, "-", tree).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}

	removeLeftovers(program)
	if _, err := os.Stat(tree); err != nil {
		t.Error("removed a folder that is in use: ", err)
	}
	work.Close()
	removeLeftovers(program)
	if _, err := os.Stat(work.Name()); !os.IsNotExist(err) {
		t.Error("left: ", err)
	}
}
