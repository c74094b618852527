// Package filesystem says on which file system a path lies, and how much room is left there.
package filesystem

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Info is a file system as this user sees it.
type Info struct {
	Mount  string // the folder that it is mounted on
	Device string // as the system names it: /dev/sda2, tmpfs, host:/export
	Size   uint64 // bytes
	Free   uint64 // bytes that this user may still write
	// Files and FreeFiles count what it can hold and can still hold; both are 0 where it does not count them.
	Files, FreeFiles uint64
}

// Of returns the file system on which the path lies. A path that does not exist lies where the nearest folder above it
// does.
func Of(path string) (Info, error) {
	path, err := existing(path)
	if err != nil {
		return Info{}, fmt.Errorf("find the file system of %s: %w", path, err)
	}
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return Info{}, &fs.PathError{Op: "statfs", Path: path, Err: err}
	}
	i := Info{
		Size: uint64(st.Blocks) * uint64(st.Bsize), Free: uint64(st.Bavail) * uint64(st.Bsize),
		Files: uint64(st.Files), FreeFiles: uint64(st.Ffree),
	}
	i.Mount, i.Device = mountOf(path, &st)
	return i, nil
}

// existing returns the real path of the nearest thing on the way that exists.
func existing(path string) (string, error) {
	path, err := filepath.Abs(path)
	for err == nil {
		var real string
		if real, err = filepath.EvalSymlinks(path); err == nil {
			return real, nil
		}
		if !errors.Is(err, fs.ErrNotExist) || path == filepath.Dir(path) {
			break
		}
		path, err = filepath.Dir(path), nil
	}
	return path, err
}

// String names the file system: "/home (/dev/sda2)".
func (i Info) String() string { return fmt.Sprintf("%s (%s)", i.Mount, i.Device) }

// Room says how much is left: "1.2 GB free", and how many files where these are about to run out.
func (i Info) Room() string {
	text := Bytes(i.Free) + " free"
	if i.Files > 0 && i.FreeFiles < i.Files/100 {
		text += fmt.Sprintf(", room for %d files", i.FreeFiles)
	}
	return text
}

// Bytes writes a size for people: "512 B", "4.2 MB".
func Bytes(n uint64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n)/1000, 0
	for value >= 999.95 && unit < len("kMGTPE")-1 {
		value, unit = value/1000, unit+1
	}
	return fmt.Sprintf("%.1f %cB", value, "kMGTPE"[unit])
}

// Takes says whether the file system of the folder takes so many bytes more, by writing them to a file without a name,
// which is gone again whatever happens. Unlike the numbers of Info, that also tells of quotas.
func Takes(folder string, bytes int) error {
	f, err := os.CreateTemp(folder, ".room-*")
	if err != nil {
		return err
	}
	err = os.Remove(f.Name())
	if err == nil {
		_, err = f.Write(make([]byte, bytes))
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
