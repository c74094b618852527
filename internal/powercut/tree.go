package powercut

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// File is a file, a folder, a symbolic link, or something else (fs.ModeIrregular), which no power cut keeps in use.
type File struct {
	Mode    fs.FileMode
	Target  string // of a symbolic link
	Content []byte // not to be changed
}

// Tree is a folder with all that is in it, by path.
type Tree map[string]File

// Below is what is below a folder of the tree.
func (t Tree) Below(dir string) Tree {
	below := Tree{}
	for path, f := range t {
		if rest, ok := strings.CutPrefix(path, dir+"/"); ok {
			below[rest] = f
		}
	}
	return below
}

// Sum is the same for the same tree only.
func (t Tree) Sum() [sha256.Size]byte {
	h := sha256.New()
	for _, path := range slices.Sorted(maps.Keys(t)) {
		f := t[path]
		for _, part := range [][]byte{[]byte(path), []byte(f.Target), f.Content} {
			var size [12]byte
			binary.BigEndian.PutUint64(size[:], uint64(len(part)))
			binary.BigEndian.PutUint32(size[8:], uint32(f.Mode))
			h.Write(size[:])
			h.Write(part)
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// Write makes the tree in a folder that exists. What is neither file nor folder nor link is left out.
func (t Tree) Write(dir string) error {
	for _, path := range slices.Sorted(maps.Keys(t)) { // a folder comes before what is in it
		f, name := t[path], filepath.Join(dir, path)
		var err error
		switch {
		case f.Mode.IsDir():
			err = os.Mkdir(name, f.Mode.Perm()|0o700)
		case f.Mode.IsRegular():
			err = os.WriteFile(name, f.Content, f.Mode.Perm())
		case f.Mode&fs.ModeSymlink != 0:
			err = os.Symlink(f.Target, name)
		}
		if err != nil {
			return fmt.Errorf("write the state of a power cut: %w", err)
		}
	}
	return nil
}
