package snapshot

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
)

// pathSet is a sorted list of paths.
type pathSet []string

func newPathSet(paths []string) pathSet {
	if !slices.IsSorted(paths) {
		slices.Sort(paths)
	}
	return paths
}

// has tells whether the path is in the set.
func (s pathSet) has(path string) bool {
	_, ok := slices.BinarySearch(s, path)
	return ok
}

// below tells whether the set has a path inside of the folder.
func (s pathSet) below(folder string) bool {
	i, _ := slices.BinarySearch(s, folder+"/")
	return i < len(s) && strings.HasPrefix(s[i], folder+"/")
}

var errIndex = errors.New("not an index that can be understood here")

const (
	maxIndex     = 64 << 20  // bytes of an index that is read: some 600,000 files
	maxPathBytes = 256 << 20 // of all paths in it, which version 4 can write in very little
	maxPath      = 4096
)

// parseIndex lists the paths of a git index (gitformat-index(5)): what the project tracks is not ignored, whatever the
// patterns say. The file belongs to the work tree, so it is read here, as data, and not handed to git.
func parseIndex(b []byte, base string) (pathSet, error) {
	const header, fixed, hash, extended = 12, 62, 20, 0x4000
	if len(b) < header+hash || string(b[:4]) != "DIRC" {
		return nil, errIndex
	}
	version, count := binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	if version < 2 || version > 4 {
		return nil, errIndex
	}
	var paths []string
	var path string
	all := b[:len(b)-hash]
	at, total := header, 0
	for range count {
		start := at
		if at+fixed > len(all) {
			return nil, errIndex
		}
		folder := binary.BigEndian.Uint32(all[at+24:])&0o170000 == 0o040000 // of a sparse index
		if binary.BigEndian.Uint16(all[at+60:])&extended != 0 {
			at += 2
		}
		at += fixed
		if version == 4 {
			drop, n := offsetVarint(all[min(at, len(all)):])
			if n == 0 || drop > uint64(len(path)) {
				return nil, errIndex
			}
			at += n
			path = path[:len(path)-int(drop)]
		} else {
			path = ""
		}
		end := at
		for end < len(all) && all[end] != 0 {
			end++
		}
		if end >= len(all) {
			return nil, errIndex
		}
		path += string(all[at:end])
		if total += len(path); path == "" || len(path) > maxPath || total > maxPathBytes {
			return nil, errIndex
		}
		if at = end + 1; version != 4 {
			at = start + (end-start+8)&^7
		}
		if !folder {
			paths = append(paths, join(base, path))
		}
	}
	if at+4 <= len(all) && string(all[at:at+4]) == "link" { // the entries are in another file
		return nil, errIndex
	}
	return newPathSet(paths), nil
}

// offsetVarint reads the form of number that git uses in packs and in index version 4; n is 0 when there is none.
func offsetVarint(b []byte) (v uint64, n int) {
	for i, c := range b[:min(len(b), 9)] {
		if i > 0 {
			v++
		}
		v = v<<7 | uint64(c&0x7f)
		if c&0x80 == 0 {
			return v, i + 1
		}
	}
	return 0, 0
}

func join(folder, name string) string {
	if folder == "" {
		return name
	}
	return folder + "/" + name
}
