package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Export writes an image that the host has to a file, as an OCI archive, and returns how long that is. The file is there
// whole or not at all: it is made under another name beside it, and synced. One that is there is [fs.ErrExist], or, with
// replace, replaced. The error of an image that is not there is ErrNotFound.
func Export(ctx context.Context, eng Engine, ref, path string, replace bool) (size int64, err error) {
	if _, err := eng.Image(ctx, ref); err != nil {
		return 0, fmt.Errorf("export the image %s: %w", ref, err)
	}
	if !replace { // to say so now, and not after minutes; the name is asked for again at the end
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			if err == nil {
				err = &fs.PathError{Op: "write", Path: path, Err: fs.ErrExist}
			}
			return 0, err
		}
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-") // mode 0600
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := eng.ExportImage(ctx, ref, f); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return 0, err
	}
	if replace {
		err = os.Rename(f.Name(), path)
	} else {
		err = os.Link(f.Name(), path) // unlike a rename it replaces nothing
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
