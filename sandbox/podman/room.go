package podman

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"syscall"

	"github.com/containers/podman/v5/pkg/bindings/system"
)

// noRoom is how Podman, and what it runs, say that a disk is full or a quota used up, mostly with the path before it.
var noRoom = regexp.MustCompile(`(?i)(?:(/[^\s:"]+): )?(no space left on device|disk quota exceeded)`)

// withErrno gives an error of Podman's, which is words only, the number by which callers know a full disk, and the path
// that could not be written: where Podman names none, that of its storage.
func (e *Engine) withErrno(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	said := noRoom.FindStringSubmatch(err.Error())
	if said == nil {
		return err
	}
	number, path := syscall.ENOSPC, said[1]
	if said[2][0] == 'd' || said[2][0] == 'D' {
		number = syscall.EDQUOT
	}
	if path == "" {
		path = e.storage(ctx)
	}
	return fmt.Errorf("%w (%w)", err, &fs.PathError{Op: "write", Path: path, Err: number})
}

// storage is the folder in which Podman keeps images and containers, "" where it does not say.
func (e *Engine) storage(ctx context.Context) string {
	info, err := system.Info(e.with(ctx), nil)
	if err != nil || info.Store == nil {
		return ""
	}
	return info.Store.GraphRoot
}

// fullWatch passes a build's output on and notices when that says that the disk is full: the build's own error may say
// only that a command failed.
type fullWatch struct {
	io.Writer
	said []byte
}

// Write passes b on.
func (f *fullWatch) Write(b []byte) (int, error) {
	f.said = append(f.said, b...)
	if found := noRoom.Find(f.said); found != nil {
		f.said = bytes.Clone(found)
	} else if over := len(f.said) - 4096; over > 0 {
		f.said = append(f.said[:0], f.said[over:]...)
	}
	return f.Writer.Write(b)
}

// explain adds to a build's error what its output said of the disk.
func (f *fullWatch) explain(err error) error {
	if found := noRoom.Find(f.said); err != nil && found != nil && !noRoom.MatchString(err.Error()) {
		return fmt.Errorf("%w: %s", err, found)
	}
	return err
}
