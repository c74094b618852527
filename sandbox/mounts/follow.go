package mounts

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is how many symbolic links a path may lead through, as in Linux.
const maxLinks = 40

// id tells a file of the host from all others, whatever name leads to it.
type id struct{ dev, ino uint64 }

// place is what a path leads to.
type place struct {
	path  string // without links
	mode  uint32
	chain []id // of the path, from / to the place itself
	links []id // of the folders in which a link lay that was followed, and of those around them
}

func (p place) self() id { return p.chain[len(p.chain)-1] }

// inside says whether the place is the folder or lies in it.
func (p place) inside(folder place) bool { return slices.Contains(p.chain, folder.self()) }

// led says whether a link in the folder led to the place.
func (p place) led(folder place) bool { return slices.Contains(p.links, folder.self()) }

// step is one folder on the way.
type step struct {
	fd int
	id id
}

// follow goes along an absolute path, link by link. Each step starts from the folder that the one before found, so what
// happens to the path meanwhile does not matter.
func follow(path string) (p place, err error) {
	var at []step
	var names []string
	defer func() {
		for _, s := range at {
			unix.Close(s.fd)
		}
		if err != nil {
			err = &fs.PathError{Op: "follow", Path: path, Err: err}
		}
	}()
	back := func(to int) {
		for _, s := range at[to:] {
			unix.Close(s.fd)
		}
		at, names = at[:to], names[:max(0, to-1)]
	}
	open := func(from int, name string) (fd int, st unix.Stat_t, err error) {
		fd, err = unix.Openat(from, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err == nil {
			if err = unix.Fstat(fd, &st); err != nil {
				unix.Close(fd)
			}
		}
		return fd, st, err
	}
	fd, st, err := open(unix.AT_FDCWD, "/")
	if err != nil {
		return p, err
	}
	root := step{fd, id{uint64(st.Dev), st.Ino}}
	at = []step{root}
	rest := components(path)
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		if name == ".." {
			back(max(1, len(at)-1))
			continue
		}
		fd, st, err := open(at[len(at)-1].fd, name)
		if err != nil {
			return p, err
		}
		here := id{uint64(st.Dev), st.Ino}
		if st.Mode&unix.S_IFMT != unix.S_IFLNK {
			at, names = append(at, step{fd, here}), append(names, name)
			continue
		}
		for _, s := range at {
			p.links = append(p.links, s.id)
		}
		target, err := readlink(fd)
		unix.Close(fd)
		if links++; err == nil && links > maxLinks {
			err = unix.ELOOP
		}
		if err != nil {
			return p, err
		}
		if filepath.IsAbs(target) {
			back(1)
		}
		rest = append(components(target), rest...)
	}
	if err := unix.Fstat(at[len(at)-1].fd, &st); err != nil {
		return p, err
	}
	p.path, p.mode = "/"+strings.Join(names, "/"), st.Mode
	for _, s := range at {
		p.chain = append(p.chain, s.id)
	}
	return p, nil
}

func readlink(fd int) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", buf)
	if err == nil && n == len(buf) {
		err = errors.New("the link is too long")
	}
	return string(buf[:max(n, 0)]), err
}

// components takes a path apart as it is followed: ".." is not taken together with what stands before it, which may be
// a link.
func components(path string) []string {
	return slices.DeleteFunc(strings.Split(path, "/"), func(c string) bool { return c == "" || c == "." })
}
