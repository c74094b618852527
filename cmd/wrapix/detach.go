package main

import (
	"bytes"
	"errors"
	"io"
)

// errDetached is the cause of a context that a person ended to let a sandbox go on without them.
var errDetached = errors.New("detached")

// detachKeys are Ctrl-P and Ctrl-Q, as for podman attach.
var detachKeys = []byte{0x10, 0x11}

// detachable is the terminal's input, until the keys for detaching come. The first of them is kept back until the next
// key.
type detachable struct {
	from   io.Reader
	detach func()
	held   bool
}

// Read reads what is typed, into at least two bytes.
func (d *detachable) Read(p []byte) (int, error) {
	for {
		at := 0
		if d.held {
			p[0], at = detachKeys[0], 1
		}
		n, err := d.from.Read(p[at:])
		typed := p[:at+n]
		if before, _, found := bytes.Cut(typed, detachKeys); found {
			d.held = false
			d.detach()
			return len(before), io.EOF
		}
		d.held = err == nil && len(typed) > 0 && typed[len(typed)-1] == detachKeys[0]
		if d.held {
			typed = typed[:len(typed)-1]
		}
		if len(typed) > 0 || err != nil {
			return len(typed), err
		}
	}
}
