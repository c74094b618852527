// Package powercut shows what a power cut can leave of a folder. A [Recorder] is a file system in memory, mounted with
// FUSE, that notes each change and each fsync that any process makes in it, in order. From the [Log] the folder can be
// built as a disk may hold it when the power goes between any two of these operations.
//
// # The model
//
// A disk promises what POSIX says of fsync, and nothing that a particular file system adds to it:
//
//   - The content of a file, with its length, is safe as of the last fsync or fdatasync of that file.
//   - A name (of a new file or folder, a link, a removal) is safe as of the last fsync of the folder that it is in. That
//     a file was synced makes its name no safer, as it would on ext4. A removal that is not safe is undone: the file is
//     there again.
//   - A rename is one operation, safe when one of its two folders was synced, and never half done. File systems with a
//     journal hold that; POSIX alone does not.
//   - What is not safe can be on the disk all the same, in any part and order: of a file each sector of 512 bytes as it
//     was at some time since the last fsync, and its length as it was at some other time, so that the file ends in zeros
//     or in the middle of a record; of the names each operation, or not.
//
// [Log.State] gives the four corners of that: names and content, each as synced or as they were. [Log.Random] gives
// what lies between.
//
// # Its limits
//
// What was synced stays: no disk here lies about a flush, and none spoils what is not written to. Nothing that is stored
// in shared memory maps is seen (bbolt and git write with calls). Modes, times and owners are taken to be safe at once.
// Programs see one file system without room's end.
package powercut

import (
	"fmt"
	"io/fs"
)

// Serve is the function that answers the kernel. It may go on after Close for as long as a mount namespace lives that
// somebody made meanwhile; tests that look for forgotten goroutines leave it out.
const Serve = "github.com/hanwen/go-fuse/v2/fuse.(*Server).loop"

// Kind says what an operation does.
type Kind uint8

// The kinds of operations.
const (
	Make   Kind = iota // a new file, folder, link or socket, with its first name
	Link               // one more name of a file
	Remove             // a name goes
	Rename             // a name becomes another, in the place of what had that
	Write
	Resize
	Chmod
	Sync // of a file's content, or of a folder's names
)

// String names the kind.
func (k Kind) String() string {
	return [...]string{"make", "link", "remove", "rename", "write", "resize", "chmod", "sync"}[k]
}

// Op is one operation, with the path that it was made by.
type Op struct {
	Kind Kind
	Path string // of the file, relative to the mounted folder; "." is that folder
	To   string // what Rename makes of the path
	PID  int    // of the thread that called

	file       int // of each, its number in the order of creation; the mounted folder is 0
	dir, toDir int // of the names
	name, to   string
	mode       fs.FileMode
	target     string // of a symbolic link
	off        int64
	data       []byte
	size       int64
}

// String is for messages of tests.
func (o Op) String() string {
	switch o.Kind {
	case Rename:
		return fmt.Sprintf("rename %s to %s", o.Path, o.To)
	case Write:
		return fmt.Sprintf("write %d bytes at %d of %s", len(o.data), o.off, o.Path)
	case Resize:
		return fmt.Sprintf("resize %s to %d", o.Path, o.size)
	}
	return fmt.Sprintf("%s %s", o.Kind, o.Path)
}
