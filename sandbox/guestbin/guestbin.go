// Package guestbin carries the built guest, process 1 of every sandbox, so that host and guest are always of the same
// version. `make build` puts the program in place before it builds the commands.
package guestbin

import (
	"embed"
	"errors"
	"fmt"
)

// The folder holds a README besides the ignored program, so that the pattern matches before the first build.
//
//go:embed bin
var files embed.FS

// ErrNotBuilt means that this program was built without the guest.
var ErrNotBuilt = errors.New("this program was built without its guest")

// Bytes returns the guest, a static Linux program for the architecture that this program was built for.
func Bytes() ([]byte, error) {
	b, err := files.ReadFile("bin/guest")
	if err != nil {
		return nil, fmt.Errorf("%w: run `make build`", ErrNotBuilt)
	}
	return b, nil
}
