package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/bits"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// checkFile reads the structure of a bbolt file and says what is wrong with it. bbolt follows the page numbers, offsets
// and lengths in its file without looking: a wrong one makes it read foreign memory, recurse for ever or kill the
// process. After this check it finds every page where it expects it, and each once. The bucket named in except, if any,
// is not looked into, and must not be used before a check without exception.
//
// The format is that of bbolt's file version 2 (its internal/common: meta.go, page.go, bucket.go), in the byte order
// of the machine.
func checkFile(path string, file *os.File, except []byte) error {
	_, err := inspect(path, file, except)
	return err
}

// inspect is checkFile, and returns what it found. The data of it is not to be used any more.
func inspect(path string, file *os.File, except []byte) (c *checker, err error) {
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("check %s: %w", path, err)
	}
	if info.Size() == 0 {
		return nil, damaged(path, "it is empty")
	}
	data, err := unix.Mmap(int(file.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("check %s: %w", path, err)
	}
	defer func() { _ = unix.Munmap(data) }()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil { // the file became shorter, or the disk cannot read it
			err = damaged(path, "%v", p)
		}
	}()
	c = &checker{data: data, size: len(data), except: except}
	if err := c.check(); err != nil {
		return nil, damaged(path, "%v", err)
	}
	return c, nil
}

const (
	pageHeader   = 16 // id uint64, flags uint16, count uint16, overflow uint32
	elementSize  = 16 // branch: pos, ksize uint32, page uint64; leaf: flags, pos, ksize, vsize uint32
	bucketHeader = 16 // root page uint64, sequence uint64
	metaLength   = 64 // magic, version, page size, flags uint32, root bucket, free list, page count, tx uint64, sum

	branchPage   = 0x01
	leafPage     = 0x02
	freeListPage = 0x10
	bucketFlag   = 0x01 // of a leaf element

	magic       = 0xED0CDAED
	fileVersion = 2
	noFreeList  = ^uint64(0)
	maxDepth    = 64
)

var native = binary.NativeEndian

type checker struct {
	data     []byte
	size     int
	except   []byte
	pageSize uint64
	pages    uint64   // below the high-water mark
	seen     []uint64 // a bit for each page that something refers to
}

// meta is the content of a meta page. The one with the higher transaction is in force.
type meta struct {
	pageSize              uint32
	root, freeList, pages uint64
	tx                    uint64
}

func (c *checker) check() error {
	m, err := c.findMeta()
	if err != nil {
		return err
	}
	c.pageSize, c.pages = uint64(m.pageSize), m.pages
	if m.pages < 3 || m.pages > uint64(len(c.data))/c.pageSize {
		return fmt.Errorf("it is cut off: %d bytes instead of %d pages of %d", len(c.data), m.pages, m.pageSize)
	}
	c.seen = make([]uint64, m.pages/64+1)
	c.seen[0] = 0b11 // the meta pages
	if err := c.tree(m.root, nil, nil, 0); err != nil {
		return err
	}
	if m.freeList != noFreeList {
		return c.freeList(m.freeList)
	}
	return nil
}

// findMeta returns the meta page that bbolt will use. One of the two may be torn: then the other is in force.
func (c *checker) findMeta() (meta, error) {
	first, ok := c.readMeta(0)
	second, ok2 := meta{}, false
	if ok {
		second, ok2 = c.readMeta(int(first.pageSize))
	}
	// Without the first, the page size is not known yet; bbolt tries these too.
	for shift := 10; !ok && !ok2 && shift <= 24; shift++ {
		second, ok2 = c.readMeta(1 << shift)
		ok2 = ok2 && second.pageSize == 1<<shift
	}
	switch {
	case !ok && !ok2:
		return meta{}, fmt.Errorf("it does not begin as a database does (%d bytes)", len(c.data))
	case ok && ok2 && first.pageSize != second.pageSize:
		return meta{}, fmt.Errorf("its two meta pages differ in the size of pages")
	case !ok || ok2 && second.tx > first.tx:
		return second, nil
	}
	return first, nil
}

func (c *checker) readMeta(at int) (m meta, ok bool) {
	if at+pageHeader+metaLength > len(c.data) {
		return m, false
	}
	b := c.data[at+pageHeader:]
	sum := fnv.New64a()
	_, _ = sum.Write(b[:56])
	if native.Uint32(b) != magic || native.Uint32(b[4:]) != fileVersion || native.Uint64(b[56:]) != sum.Sum64() {
		return m, false
	}
	m = meta{
		pageSize: native.Uint32(b[8:]), root: native.Uint64(b[16:]),
		freeList: native.Uint64(b[32:]), pages: native.Uint64(b[40:]), tx: native.Uint64(b[48:]),
	}
	return m, bits.OnesCount32(m.pageSize) == 1 && m.pageSize >= 1<<10 && m.pageSize <= 1<<24
}

// page returns a page with its overflow, and marks it as referred to.
func (c *checker) page(id uint64) ([]byte, error) {
	if id < 2 || id >= c.pages {
		return nil, fmt.Errorf("page %d is outside of its %d pages", id, c.pages)
	}
	b := c.data[id*c.pageSize:]
	overflow := uint64(native.Uint32(b[12:]))
	if native.Uint64(b) != id || overflow >= c.pages-id {
		return nil, fmt.Errorf("page %d is not one", id)
	}
	for p := id; p <= id+overflow; p++ {
		if err := c.mark(p); err != nil {
			return nil, err
		}
	}
	return b[:(overflow+1)*c.pageSize], nil
}

func (c *checker) mark(id uint64) error {
	if c.seen[id/64]&(1<<(id%64)) != 0 {
		return fmt.Errorf("page %d is used twice", id)
	}
	c.seen[id/64] |= 1 << (id % 64)
	return nil
}

// tree checks the pages below one page, whose keys must lie in [low, high).
func (c *checker) tree(id uint64, low, high []byte, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("page %d lies too deep", id)
	}
	b, err := c.page(id)
	if err != nil {
		return err
	}
	switch flags := native.Uint16(b[8:]); flags {
	case leafPage:
		return c.leaf(id, b, low, high, depth)
	case branchPage:
		return c.branch(id, b, low, high, depth)
	default:
		return fmt.Errorf("page %d is of the kind %#x", id, flags)
	}
}

func (c *checker) branch(id uint64, b, low, high []byte, depth int) error {
	count := int(native.Uint16(b[10:]))
	if count == 0 {
		return fmt.Errorf("page %d is empty", id)
	}
	keys, children := make([][]byte, count+1), make([]uint64, count)
	for i := range count {
		at := pageHeader + i*elementSize
		if at+elementSize > len(b) {
			return fmt.Errorf("page %d says that it has %d elements", id, count)
		}
		key, ok := part(b, at, count, native.Uint32(b[at:]), native.Uint32(b[at+4:]))
		if !ok || !between(low, key, high, i > 0) {
			return fmt.Errorf("page %d, element %d is out of place", id, i)
		}
		keys[i], children[i], low = key, native.Uint64(b[at+8:]), key
	}
	keys[count] = high
	for i, child := range children {
		if err := c.tree(child, keys[i], keys[i+1], depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) leaf(id uint64, b, low, high []byte, depth int) error {
	count := int(native.Uint16(b[10:]))
	for i := range count {
		at := pageHeader + i*elementSize
		if at+elementSize > len(b) {
			return fmt.Errorf("page %d says that it has %d elements", id, count)
		}
		flags, pos, klen, vlen := native.Uint32(b[at:]), native.Uint32(b[at+4:]), native.Uint32(b[at+8:]), native.Uint32(b[at+12:])
		key, ok := part(b, at, count, pos, klen)
		value, ok2 := part(b, at, count, pos+klen, vlen)
		if !ok || !ok2 || flags > bucketFlag || !between(low, key, high, i > 0) {
			return fmt.Errorf("page %d, element %d is out of place", id, i)
		}
		if low = key; flags != bucketFlag {
			continue
		}
		if len(value) < bucketHeader {
			return fmt.Errorf("page %d holds half a bucket", id)
		}
		if depth == 0 && c.except != nil && bytes.Equal(key, c.except) {
			continue
		}
		if err := c.child(id, value, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// child checks a bucket that is an element of another: a small one lies in the element itself, as a leaf page.
func (c *checker) child(id uint64, value []byte, depth int) error {
	if root := native.Uint64(value); root != 0 {
		return c.tree(root, nil, nil, depth)
	}
	inline := value[bucketHeader:]
	if depth > maxDepth || len(inline) < pageHeader || native.Uint64(inline) != 0 || native.Uint16(inline[8:]) != leafPage {
		return fmt.Errorf("page %d holds half a bucket", id)
	}
	return c.leaf(id, inline, nil, nil, depth)
}

// part returns the bytes that an element at the given place refers to, if they lie behind the elements and in the page.
func part(b []byte, at, count int, pos, length uint32) ([]byte, bool) {
	from := int64(at) + int64(pos)
	to := from + int64(length)
	if from < int64(pageHeader+count*elementSize) || to > int64(len(b)) {
		return nil, false
	}
	return b[from:to:to], true
}

// between says whether low <= key < high; nil is no bound. Where low is the key before, it must not come again.
func between(low, key, high []byte, above bool) bool {
	order := bytes.Compare(low, key)
	return len(key) > 0 && (order < 0 || order == 0 && !above) && (high == nil || bytes.Compare(key, high) < 0)
}

// freeList checks the list of free pages, which this package never writes but bbolt's own tools do.
func (c *checker) freeList(id uint64) error {
	b, err := c.page(id)
	if err != nil {
		return err
	}
	if native.Uint16(b[8:]) != freeListPage {
		return fmt.Errorf("page %d is not the list of free pages", id)
	}
	ids, count := b[pageHeader:], uint64(native.Uint16(b[10:]))
	if count == 0xFFFF { // more than fit there: the first entry says how many
		count, ids = native.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids)/8) {
		return fmt.Errorf("page %d says that %d pages are free", id, count)
	}
	last := uint64(1)
	for i := range count {
		free := native.Uint64(ids[i*8:])
		if free <= last || free >= c.pages {
			return fmt.Errorf("page %d lists the free page %d", id, free)
		}
		if err := c.mark(free); err != nil {
			return err
		}
		last = free
	}
	return nil
}
