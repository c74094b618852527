package main

import (
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/sandbox/frame"
)

// collect reads the files that exist and are regular. A command may have put anything at their place: links are not
// followed, and nothing is opened that could make us wait.
func collect(paths []string) map[string][]byte {
	files := make(map[string][]byte)
	room := int64(frame.MaxCollect)
	for _, path := range paths {
		content, err := readFile(path, min(room, frame.MaxFile))
		if err != nil {
			continue
		}
		files[path] = content
		room -= int64(len(content))
	}
	return files
}

func readFile(path string, limit int64) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	if fi, err := f.Stat(); err != nil || !fi.Mode().IsRegular() {
		return nil, os.ErrInvalid
	}
	return io.ReadAll(io.LimitReader(f, limit))
}
