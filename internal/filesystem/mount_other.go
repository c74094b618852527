//go:build !linux

package filesystem

import "golang.org/x/sys/unix"

// mountOf returns what statfs itself says.
func mountOf(_ string, st *unix.Statfs_t) (mount, device string) {
	return unix.ByteSliceToString(st.Mntonname[:]), unix.ByteSliceToString(st.Mntfromname[:])
}
