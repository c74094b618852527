//go:build !linux

package store

import "errors"

func fillFileSystem(string) error { return errors.New("no tmpfs on this system") }
