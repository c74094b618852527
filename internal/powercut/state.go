package powercut

import (
	"math/rand/v2"
	"slices"
	"sort"
)

// sector is what a disk writes whole or not at all.
const sector = 512

// Keep says which of the operations before a power cut are on the disk after it.
type Keep bool

// What a disk may keep.
const (
	Synced Keep = false // only what was synced
	All    Keep = true  // everything, as after a kill
)

// Log is a sequence of operations. It is not to be used by several goroutines at once.
type Log struct {
	ops   []Op
	files map[int]*history // by number; made with the first state
	names []int            // operations that change names
}

// history is what happened to one file or folder, as positions in the log.
type history struct {
	mode     []int // Make, Chmod
	content  []int // Write, Resize
	syncs    []int
	versions [][]byte // of the content: versions[n] is that after n operations, or nil if nobody asked for it yet
}

// Len is the number of operations. There are so many and one more moments for the power to go.
func (l *Log) Len() int { return len(l.ops) }

// Op returns an operation.
func (l *Log) Op(n int) Op { return l.ops[n] }

// index sorts the operations by what they are about.
func (l *Log) index() {
	if l.files != nil {
		return
	}
	l.files = map[int]*history{0: {}}
	for i, op := range l.ops {
		h := l.files[op.file]
		if h == nil {
			h = &history{}
			l.files[op.file] = h
		}
		switch op.Kind {
		case Make:
			h.mode = append(h.mode, i)
			l.names = append(l.names, i)
		case Chmod:
			h.mode = append(h.mode, i)
		case Link, Remove, Rename:
			l.names = append(l.names, i)
		case Write, Resize:
			h.content = append(h.content, i)
		case Sync:
			h.syncs = append(h.syncs, i)
		}
	}
}

// before counts the positions that are before another.
func before(positions []int, at int) int { return sort.SearchInts(positions, at) }

// synced is the position of the last sync of a file before at, or -1.
func (h *history) synced(at int) int {
	if n := before(h.syncs, at); n > 0 {
		return h.syncs[n-1]
	}
	return -1
}

// version returns the content after n operations on it. It must not be changed.
func (l *Log) version(h *history, n int) []byte {
	if h.versions == nil {
		h.versions = make([][]byte, len(h.content)+1)
		h.versions[0] = []byte{}
	}
	known := n
	for h.versions[known] == nil {
		known--
	}
	if known == n {
		return h.versions[n]
	}
	next := slices.Clone(h.versions[known])
	for _, i := range h.content[known:n] {
		op := l.ops[i]
		if op.Kind == Resize {
			next = resized(next, op.size)
			continue
		}
		next = resized(next, max(int64(len(next)), op.off+int64(len(op.data))))
		copy(next[op.off:], op.data)
	}
	if next == nil {
		next = []byte{}
	}
	h.versions[n] = next
	return next
}

// State is the folder after the power went before operation at, when names and content are kept as said.
func (l *Log) State(at int, names, content Keep) Tree {
	l.index()
	return l.build(at,
		func(i int) bool { return names == All || l.safe(i, at) },
		func(h *history) []byte {
			until := at
			if content == Synced {
				until = h.synced(at)
			}
			return l.version(h, before(h.content, until))
		})
}

// Random is the folder after the power went before operation at, when what was not synced is there or not by chance.
func (l *Log) Random(at int, random *rand.Rand) Tree {
	l.index()
	return l.build(at,
		func(i int) bool { return l.safe(i, at) || random.IntN(2) == 0 },
		func(h *history) []byte {
			oldest, newest := before(h.content, h.synced(at)), before(h.content, at)
			pick := func() []byte { return l.version(h, oldest+random.IntN(newest-oldest+1)) }
			if oldest == newest {
				return pick()
			}
			content := make([]byte, len(pick()))
			for from := 0; from < len(content); from += sector {
				if chosen := pick(); from < len(chosen) {
					copy(content[from:min(from+sector, len(content))], chosen[from:])
				}
			}
			return content
		})
}

// safe tells if an operation on names is synced before at.
func (l *Log) safe(i, at int) bool {
	op := l.ops[i]
	return i < l.files[op.dir].synced(at) || op.Kind == Rename && i < l.files[op.toDir].synced(at)
}

// build makes the tree from those operations on names that are kept, with the content that is chosen for each file.
func (l *Log) build(at int, keep func(i int) bool, content func(*history) []byte) Tree {
	folders := map[int]map[string]int{}
	set := func(dir int, name string, file int) {
		if folders[dir] == nil {
			folders[dir] = map[string]int{}
		}
		folders[dir][name] = file
	}
	for _, i := range l.names[:before(l.names, at)] {
		if !keep(i) {
			continue
		}
		switch op := l.ops[i]; op.Kind {
		case Make, Link:
			set(op.dir, op.name, op.file)
		case Remove:
			delete(folders[op.dir], op.name)
		case Rename:
			if folders[op.dir][op.name] == op.file {
				delete(folders[op.dir], op.name)
			}
			set(op.toDir, op.to, op.file)
		}
	}
	t := Tree{}
	l.grow(t, at, folders, 0, "", content)
	return t
}

// grow adds what is below a folder, each name once and in order, so that chance can be repeated.
func (l *Log) grow(t Tree, at int, folders map[int]map[string]int, dir int, prefix string, content func(*history) []byte) {
	names := make([]string, 0, len(folders[dir]))
	for name := range folders[dir] {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		id := folders[dir][name]
		h := l.files[id]
		f := File{Mode: l.ops[h.mode[before(h.mode, at)-1]].mode, Target: l.ops[h.mode[0]].target}
		if f.Mode.IsRegular() {
			f.Content = content(h)
		}
		t[prefix+name] = f
		if f.Mode.IsDir() {
			l.grow(t, at, folders, id, prefix+name+"/", content)
		}
	}
}
