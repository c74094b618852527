package powercut

import (
	"context"
	"fmt"
	iofs "io/fs"
	"os/exec"
	"path"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// Recorder is a mounted folder, empty at first, of which every change is noted.
//
// The process that has it must neither open files in it nor map them: where the garbage collector waits for a thread
// that waits for this very file system, nobody goes on.
type Recorder struct {
	dir   string
	watch func(n int, op Op) bool

	mu  sync.Mutex
	log Log
}

// Mount mounts an empty folder over dir, for this user's processes only. Before each operation watch is called with its
// number and the operation, one call at a time; when it returns false, the operation fails and is not noted. It may be
// nil, and must not touch the folder.
func Mount(dir string, watch func(n int, op Op) bool) (*Recorder, error) {
	r := &Recorder{dir: dir, watch: watch}
	root := &node{r: r, mode: syscall.S_IFDIR | 0o700, at: time.Now(), links: 2}
	_, err := fs.Mount(dir, root, &fs.Options{
		MountOptions:    fuse.MountOptions{FsName: "powercut", Name: "powercut", DisableXAttrs: true},
		RootStableAttr:  &fs.StableAttr{Ino: 1},
		NullPermissions: true,
	})
	if err != nil {
		return nil, fmt.Errorf("mount a recorder on %s: %w", dir, err)
	}
	return r, nil
}

// Close unmounts the folder, and waits for nobody who still has it. What it held is in the log.
func (r *Recorder) Close() error {
	if out, err := exec.Command("fusermount3", "-u", "-z", r.dir).CombinedOutput(); err != nil {
		return fmt.Errorf("unmount the recorder on %s: %w: %s", r.dir, err, out)
	}
	return nil
}

// Log returns what was noted so far. It does not change any more.
func (r *Recorder) Log() *Log {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &Log{ops: slices.Clip(r.log.ops)}
}

// note asks watch and notes the operation. Whoever calls has the lock, and does the operation after it.
func (r *Recorder) note(ctx context.Context, op Op) syscall.Errno {
	if caller, ok := fuse.FromContext(ctx); ok {
		op.PID = int(caller.Pid)
	}
	if r.watch != nil && !r.watch(len(r.log.ops), op) {
		return syscall.EIO
	}
	r.log.ops = append(r.log.ops, op)
	return 0
}

// node is a file, folder, symbolic link, socket or pipe. Its fields belong to the recorder's lock.
type node struct {
	fs.Inode
	r      *Recorder
	id     int
	mode   uint32
	links  uint32
	at     time.Time
	target string
	data   []byte
}

var (
	_ fs.NodeCreater    = (*node)(nil)
	_ fs.NodeFsyncer    = (*node)(nil)
	_ fs.NodeGetattrer  = (*node)(nil)
	_ fs.NodeLinker     = (*node)(nil)
	_ fs.NodeMkdirer    = (*node)(nil)
	_ fs.NodeMknoder    = (*node)(nil)
	_ fs.NodeOpener     = (*node)(nil)
	_ fs.NodeReader     = (*node)(nil)
	_ fs.NodeReadlinker = (*node)(nil)
	_ fs.NodeRenamer    = (*node)(nil)
	_ fs.NodeRmdirer    = (*node)(nil)
	_ fs.NodeSetattrer  = (*node)(nil)
	_ fs.NodeStatfser   = (*node)(nil)
	_ fs.NodeSymlinker  = (*node)(nil)
	_ fs.NodeUnlinker   = (*node)(nil)
	_ fs.NodeWriter     = (*node)(nil)
)

func (n *node) path() string {
	if p := n.Path(nil); p != "" {
		return p
	}
	return "."
}

func (n *node) child(name string) *node {
	if c := n.GetChild(name); c != nil {
		return c.Operations().(*node)
	}
	return nil
}

// add makes a new child. Its number is that of the operation, plus one: the root has 0.
func (n *node) add(ctx context.Context, name string, mode uint32, target string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	n.r.mu.Lock()
	defer n.r.mu.Unlock()
	c := &node{r: n.r, id: len(n.r.log.ops) + 1, mode: mode, at: time.Now(), links: 1, target: target}
	if mode&syscall.S_IFMT == syscall.S_IFDIR {
		c.links = 2
	}
	errno := n.r.note(ctx, Op{
		Kind: Make, Path: path.Join(n.path(), name), file: c.id, dir: n.id, name: name, mode: fileMode(mode), target: target,
	})
	if errno != 0 {
		return nil, errno
	}
	c.attr(&out.Attr)
	return n.NewPersistentInode(ctx, c, fs.StableAttr{Mode: mode & syscall.S_IFMT, Ino: uint64(c.id) + 1}), 0
}

func fileMode(mode uint32) iofs.FileMode {
	m := iofs.FileMode(mode & 0o777)
	switch mode & syscall.S_IFMT {
	case syscall.S_IFREG:
		return m
	case syscall.S_IFDIR:
		return m | iofs.ModeDir
	case syscall.S_IFLNK:
		return m | iofs.ModeSymlink
	}
	return m | iofs.ModeIrregular
}

// Create makes and opens a file. The kernel asks for it only where it knows of no file.
func (n *node) Create(ctx context.Context, name string, _, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	c, errno := n.add(ctx, name, mode&0o7777|syscall.S_IFREG, "", out)
	return c, nil, 0, errno
}

// Mkdir makes a folder.
func (n *node) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	return n.add(ctx, name, mode&0o7777|syscall.S_IFDIR, "", out)
}

// Mknod makes a socket or a pipe, or a file.
func (n *node) Mknod(ctx context.Context, name string, mode, _ uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	return n.add(ctx, name, mode, "", out)
}

// Symlink makes a symbolic link.
func (n *node) Symlink(ctx context.Context, target, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	return n.add(ctx, name, 0o777|syscall.S_IFLNK, target, out)
}

// Link gives a file another name.
func (n *node) Link(ctx context.Context, target fs.InodeEmbedder, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	c := target.(*node)
	n.r.mu.Lock()
	defer n.r.mu.Unlock()
	if errno := n.r.note(ctx, Op{Kind: Link, Path: path.Join(n.path(), name), file: c.id, dir: n.id, name: name}); errno != 0 {
		return nil, errno
	}
	c.links++
	c.attr(&out.Attr)
	return c.EmbeddedInode(), 0
}

// Unlink removes a name of a file.
func (n *node) Unlink(ctx context.Context, name string) syscall.Errno { return n.remove(ctx, name) }

// Rmdir removes an empty folder.
func (n *node) Rmdir(ctx context.Context, name string) syscall.Errno {
	if c := n.child(name); c != nil && len(c.Children()) > 0 {
		return syscall.ENOTEMPTY
	}
	return n.remove(ctx, name)
}

func (n *node) remove(ctx context.Context, name string) syscall.Errno {
	c := n.child(name)
	if c == nil {
		return syscall.ENOENT
	}
	n.r.mu.Lock()
	defer n.r.mu.Unlock()
	if errno := n.r.note(ctx, Op{Kind: Remove, Path: path.Join(n.path(), name), file: c.id, dir: n.id, name: name}); errno != 0 {
		return errno
	}
	c.links--
	return 0
}

// Rename moves a name to another, which may have been taken.
func (n *node) Rename(ctx context.Context, name string, parent fs.InodeEmbedder, to string, flags uint32) syscall.Errno {
	const noReplace = 1
	at, c := parent.(*node), n.child(name)
	old := at.child(to)
	switch {
	case c == nil:
		return syscall.ENOENT
	case flags&^noReplace != 0:
		return syscall.EINVAL
	case old != nil && flags&noReplace != 0:
		return syscall.EEXIST
	case old != nil && len(old.Children()) > 0:
		return syscall.ENOTEMPTY
	}
	n.r.mu.Lock()
	defer n.r.mu.Unlock()
	errno := n.r.note(ctx, Op{
		Kind: Rename, Path: path.Join(n.path(), name), To: path.Join(at.path(), to), file: c.id, dir: n.id, name: name, toDir: at.id, to: to,
	})
	if errno == 0 && old != nil {
		old.links--
	}
	return errno
}

// Open empties the file where that is wanted.
func (n *node) Open(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	if flags&syscall.O_TRUNC == 0 {
		return nil, 0, 0
	}
	n.r.mu.Lock()
	defer n.r.mu.Unlock()
	return nil, 0, n.resize(ctx, 0)
}

func (n *node) resize(ctx context.Context, size int64) syscall.Errno {
	if errno := n.r.note(ctx, Op{Kind: Resize, Path: n.path(), file: n.id, size: size}); errno != 0 {
		return errno
	}
	n.data = resized(n.data, size)
	n.at = time.Now()
	return 0
}

// resized returns the content with another length, filled up with zeros.
func resized(b []byte, size int64) []byte {
	if size <= int64(len(b)) {
		return b[:size:size]
	}
	return append(b, make([]byte, size-int64(len(b)))...)
}

// Read reads a part.
func (n *node) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	n.r.mu.Lock()
	defer n.r.mu.Unlock()
	if off >= int64(len(n.data)) {
		return fuse.ReadResultData(nil), 0
	}
	return fuse.ReadResultData(dest[:copy(dest, n.data[off:])]), 0
}

// Write writes a part.
func (n *node) Write(ctx context.Context, _ fs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	n.r.mu.Lock()
	defer n.r.mu.Unlock()
	data = slices.Clone(data)
	if errno := n.r.note(ctx, Op{Kind: Write, Path: n.path(), file: n.id, data: data, off: off}); errno != 0 {
		return 0, errno
	}
	n.data = resized(n.data, max(int64(len(n.data)), off+int64(len(data))))
	copy(n.data[off:], data)
	n.at = time.Now()
	return uint32(len(data)), 0
}

// Fsync is that of files and of folders.
func (n *node) Fsync(ctx context.Context, _ fs.FileHandle, _ uint32) syscall.Errno {
	n.r.mu.Lock()
	defer n.r.mu.Unlock()
	return n.r.note(ctx, Op{Kind: Sync, Path: n.path(), file: n.id})
}

// Readlink returns where a symbolic link leads.
func (n *node) Readlink(context.Context) ([]byte, syscall.Errno) { return []byte(n.target), 0 }

// Getattr describes the file.
func (n *node) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	n.r.mu.Lock()
	defer n.r.mu.Unlock()
	n.attr(&out.Attr)
	return 0
}

func (n *node) attr(a *fuse.Attr) {
	a.Mode, a.Size, a.Nlink, a.Blksize = n.mode, uint64(len(n.data)), n.links, 4096
	a.Blocks = (a.Size + 511) / 512
	a.Uid, a.Gid = uint32(syscall.Getuid()), uint32(syscall.Getgid())
	a.SetTimes(&n.at, &n.at, &n.at)
}

// Setattr changes length, mode and times; owners are always this user.
func (n *node) Setattr(ctx context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	n.r.mu.Lock()
	defer n.r.mu.Unlock()
	if size, ok := in.GetSize(); ok {
		if errno := n.resize(ctx, int64(size)); errno != 0 {
			return errno
		}
	}
	if mode, ok := in.GetMode(); ok {
		mode = n.mode&syscall.S_IFMT | mode&0o7777
		if errno := n.r.note(ctx, Op{Kind: Chmod, Path: n.path(), file: n.id, mode: fileMode(mode)}); errno != 0 {
			return errno
		}
		n.mode = mode
	}
	if at, ok := in.GetMTime(); ok {
		n.at = at
	}
	n.attr(&out.Attr)
	return 0
}

// Statfs says that there is room.
func (n *node) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	const blocks = 1 << 22
	*out = fuse.StatfsOut{Blocks: blocks, Bfree: blocks, Bavail: blocks, Files: blocks, Ffree: blocks, Bsize: 4096, Frsize: 4096, NameLen: 255}
	return 0
}
