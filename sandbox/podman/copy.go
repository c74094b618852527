package podman

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/sandbox"
)

// copyPath is where the copy of a workspace lies whose writes are thrown away, where the host has no overlay for it.
func (e *Engine) copyPath(name string) string {
	return filepath.Join(filepath.Dir(e.guest), "discard", name)
}

// copyWorkspace makes the copy for a new sandbox.
func (e *Engine) copyWorkspace(ctx context.Context, name, source string) (string, error) {
	to := e.copyPath(name)
	if _, err := os.Lstat(to); err == nil {
		// Either the name is taken, or we were killed between the copy and the container.
		if _, err := e.Inspect(ctx, name); err == nil {
			return "", sandbox.ErrExists
		} else if !errors.Is(err, sandbox.ErrNotFound) {
			return "", err
		}
		if err := removeTree(to); err != nil {
			return "", err
		}
	}
	return to, copyTree(ctx, source, to)
}

// copyTree copies a folder with its permissions, times and links to a place that must not exist yet. File systems that
// can share blocks do.
func copyTree(ctx context.Context, from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return fmt.Errorf("copy the workspace: %w", err)
	}
	var dirs []string
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case d.IsDir():
			dirs = append(dirs, rel)
			if rel == "." {
				return nil
			}
			return os.Mkdir(target, 0o700)
		case d.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		case d.Type().IsRegular():
			return copyFile(path, target)
		default:
			return nil // sockets, pipes and devices mean nothing in a copy
		}
	})
	// Permissions of folders last: one may be read-only. Innermost first, since times change with what is put inside.
	for i := len(dirs) - 1; i >= 0 && err == nil; i-- {
		err = copyMeta(filepath.Join(from, dirs[i]), filepath.Join(to, dirs[i]))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("copy the workspace: %w", err), removeTree(to))
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if unix.IoctlFileClone(int(out.Fd()), int(in.Fd())) != nil {
		_, err = io.Copy(out, in) // copy_file_range, where the kernel can
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	return copyMeta(from, to)
}

func copyMeta(from, to string) error {
	fi, err := os.Lstat(from)
	if err != nil {
		return err
	}
	return errors.Join(os.Chmod(to, fi.Mode().Perm()), os.Chtimes(to, fi.ModTime(), fi.ModTime()))
}

// removeTree removes what a sandbox may have left in any state, folders without permissions included.
func removeTree(path string) error {
	err := os.RemoveAll(path)
	if err == nil || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			os.Chmod(p, 0o700)
		}
		return nil
	})
	return os.RemoveAll(path)
}
