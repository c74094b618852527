package snapshot

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
)

// The cache says what the files of the latest snapshot looked like to stat, so that only changed ones are read again.
// It is not synced, and nothing depends on it: without it, all is read.

const (
	cacheName  = "stat-cache"
	cacheMagic = "snapshot stat cache 1\n"
	cacheFixed = 4 + 4*8 + 20 + 1 // of an entry: mode, stat, object, racy
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// loadCache returns the entries that were saved for the tree, or nothing.
func (r *Repo) loadCache(tree string) []entry {
	b, err := os.ReadFile(filepath.Join(r.dir, cacheName))
	if err != nil || len(b) < 4 {
		return nil
	}
	b, sum := b[:len(b)-4], b[len(b)-4:]
	if crc32.Checksum(b, castagnoli) != binary.LittleEndian.Uint32(sum) {
		return nil
	}
	b, ok := bytes.CutPrefix(b, r.cacheHead(tree))
	if !ok {
		return nil
	}
	text := string(b) // the paths are parts of it
	all := make([]entry, 0, len(b)/(cacheFixed+32))
	for at := 0; at < len(b); {
		size, n := binary.Uvarint(b[at:])
		at += n
		path := text[at : at+int(size)]
		at += int(size)
		f := b[at : at+cacheFixed]
		e := entry{path: path, mode: binary.LittleEndian.Uint32(f), racy: f[cacheFixed-1] != 0}
		e.stat = stat{
			size: int64(binary.LittleEndian.Uint64(f[4:])), mtime: int64(binary.LittleEndian.Uint64(f[12:])),
			ctime: int64(binary.LittleEndian.Uint64(f[20:])), inode: binary.LittleEndian.Uint64(f[28:]),
		}
		copy(e.oid[:], f[36:])
		at += cacheFixed
		all = append(all, e)
	}
	return all
}

// saveCache replaces the cache. Only a lost cache comes of a failure, so there is nobody to tell.
func (r *Repo) saveCache(tree string, entries []entry) {
	b := r.cacheHead(tree)
	for i := range entries {
		e := &entries[i]
		b = binary.AppendUvarint(b, uint64(len(e.path)))
		b = append(b, e.path...)
		b = binary.LittleEndian.AppendUint32(b, e.mode)
		for _, v := range []uint64{uint64(e.stat.size), uint64(e.stat.mtime), uint64(e.stat.ctime), e.stat.inode} {
			b = binary.LittleEndian.AppendUint64(b, v)
		}
		b = append(b, e.oid[:]...)
		racy := byte(0)
		if e.racy {
			racy = 1
		}
		b = append(b, racy)
	}
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	temp := filepath.Join(r.dir, "tmp_"+cacheName)
	if os.WriteFile(temp, b, 0o600) == nil {
		_ = os.Rename(temp, filepath.Join(r.dir, cacheName))
	}
}

// cacheHead is what the cache must begin with to be for this tree of this folder.
func (r *Repo) cacheHead(tree string) []byte {
	b := append(make([]byte, 0, 1<<16), cacheMagic...)
	b = append(b, tree...)
	b = binary.AppendUvarint(b, uint64(len(r.worktree)))
	return append(b, r.worktree...)
}
