package engine

import (
	"errors"
	"syscall"
)

// NoRoom says whether an error comes from a file system that is full, or from a quota that is used up. Nothing of a task
// is at fault then, and nothing goes on before there is room.
func NoRoom(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }
