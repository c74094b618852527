package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// maxSize bounds the file; a real one has some hundred bytes. It also bounds how deep its brackets can nest: the library
// calls itself for each, and a stack that overflows cannot be caught.
const maxSize = 64 << 10

// Load reads and checks the configuration file. The error of a file that is not there is fs.ErrNotExist; what is
// wrong inside is [*Problems].
func Load(path string) (Config, error) {
	text, err := read(path)
	if err != nil {
		return Config{}, err
	}
	return parse(path, filepath.Dir(path), text, (*reader).complete)
}

// LoadPart is Load for a program that starts no agent: the file need not name one.
func LoadPart(path string) (Config, error) {
	text, err := read(path)
	if err != nil {
		return Config{}, err
	}
	return parse(path, filepath.Dir(path), text, func(*reader) {})
}

// read opens the file once and reads only what a configuration can be. The agent can write in the project folder, so
// a link could show it a file of the host's, and a pipe or a device could keep us waiting for ever.
func read(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ELOOP) {
		err = errors.New("it is a symbolic link; the configuration must be a regular file")
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("the configuration must be a regular file")}
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxSize {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("the configuration is larger than %d bytes", maxSize)}
	}
	return text, nil
}
