package snapshot

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// inMemory is the size up to which a file is read whole before git hears of it, and again when it changed meanwhile.
const inMemory = 8 << 20

// readTries is how often a file that changes while it is read is read.
const readTries = 3

// imports is one stream to `git fast-import`: the blobs of files that changed, then a commit that says how the tree
// differs from the one before.
type imports struct {
	repo    *Repo
	place   *place
	message string
	start   time.Time
	parent  string // commit, empty for the first
	base    []entry
	byPath  map[string]int // in base
	found   findings

	out    *bufio.Writer
	buf    bytes.Buffer
	commit string // the new one
	added  int    // of found.entries, those that base lacks
	stale  bool   // the cache of the base does not hold for the new entries
}

func (p *imports) run(ctx context.Context, lock *os.File) error {
	return p.repo.git(ctx, call{
		args: []string{"fast-import", "--quiet", "--done", "--date-format=raw", "--depth=0"},
		lock: lock,
		in: func(w io.Writer) error {
			p.out = bufio.NewWriterSize(w, 1<<18)
			if err := p.blobs(ctx); err != nil {
				return err
			}
			if err := p.tree(); err != nil {
				return err
			}
			return p.out.Flush()
		},
		out: func(out io.Reader) error {
			b, err := io.ReadAll(out)
			p.commit = strings.TrimSpace(string(b))
			return err
		},
	})
}

// blobs sends what is new, and leaves in found.entries what could be read.
func (p *imports) blobs(ctx context.Context) error {
	kept := p.found.entries[:0]
	keep := func(e entry, recorded bool) {
		kept = append(kept, e)
		if !recorded {
			p.added++
		}
	}
	for _, e := range p.found.entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		i, ok := p.byPath[e.path]
		if ok && p.base[i].stat == e.stat && p.base[i].mode == e.mode && !p.base[i].racy {
			e.oid = p.base[i].oid
			keep(e, true)
			continue
		}
		p.stale = true
		var old *entry
		if ok {
			old = &p.base[i]
		}
		switch err := p.blob(&e, old); {
		case err == nil:
			keep(e, ok)
		case errors.As(err, new(streamError)):
			return err
		case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP), errors.Is(err, unix.EINVAL), errors.Is(err, errNotRegular):
			// Replaced by something else since the walk: not there, as far as this snapshot goes.
		case errors.Is(err, errTooLarge):
			p.warn(TooLarge, e.path, fmt.Sprintf("%d bytes", e.stat.size))
		default:
			p.warn(Unreadable, e.path, err.Error())
		}
	}
	clear(p.found.entries[len(kept):])
	p.found.entries = kept
	return nil
}

// streamError is a failure of the stream to git, and no matter of one file.
type streamError struct{ error }

func (e streamError) Unwrap() error { return e.error }

var errTooLarge = errors.New("too large")

func (p *imports) warn(kind WarningKind, path, reason string) {
	p.found.warnings = append(p.found.warnings, Warning{kind, path, reason})
}

// blob reads one file or link and sends it, when it is not what the last snapshot has under the path.
func (p *imports) blob(e *entry, old *entry) error {
	at, name, err := p.place.parent(e.path, false)
	if err != nil {
		return err
	}
	if e.mode == modeLink {
		target, err := readLink(at, name)
		if err != nil {
			return err
		}
		return p.whole(e, old, target)
	}
	for try := 1; ; try++ {
		f, st, err := openFile(at, name)
		if err != nil {
			return err
		}
		e.stat, e.mode = statOf(&st), gitMode(&st)
		changed, err := p.file(f, e, old, try == readTries)
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		if !changed || err != nil {
			return err
		}
	}
}

// file sends an open file. It tells to try again when the file changed while it was read and nothing was sent yet.
func (p *imports) file(f *os.File, e *entry, old *entry, last bool) (again bool, err error) {
	size := e.stat.size
	switch {
	case size > p.repo.opts.MaxFile:
		return false, errTooLarge
	case size > inMemory:
		if err = p.stream(f, size, e); err != nil {
			return false, err
		}
	default:
		p.buf.Reset()
		// One byte more than there should be shows a file that grew.
		if _, err = p.buf.ReadFrom(io.LimitReader(f, size+1)); err != nil {
			return false, err
		}
	}
	var st unix.Stat_t
	if err = unix.Fstat(int(f.Fd()), &st); err != nil {
		return false, err
	}
	changed := statOf(&st) != e.stat
	if changed && !last && size <= inMemory {
		return true, nil
	}
	if changed {
		p.warn(Changing, e.path, "")
	}
	if size <= inMemory {
		err = p.whole(e, old, p.buf.Bytes())
	}
	e.racy = e.racy || changed
	return false, err
}

// whole sends content that is in memory.
func (p *imports) whole(e *entry, old *entry, content []byte) error {
	sum := blobHash(int64(len(content)))
	sum.Write(content)
	p.name(e, sum)
	if old != nil && old.oid == e.oid {
		return nil
	}
	_, err := fmt.Fprintf(p.out, "blob\ndata %d\n", len(content))
	if err == nil {
		_, err = p.out.Write(content)
	}
	if err == nil {
		err = p.out.WriteByte('\n')
	}
	return streamed(err)
}

// stream sends a large file as it is read. Git must be told the size before, so a file that shrinks meanwhile is filled
// up with zeros; that it changed is seen and said.
func (p *imports) stream(f *os.File, size int64, e *entry) error {
	if _, err := fmt.Fprintf(p.out, "blob\ndata %d\n", size); err != nil {
		return streamed(err)
	}
	sum := blobHash(size)
	buf := make([]byte, 1<<18)
	for left := size; left > 0; {
		n, err := f.Read(buf[:min(int64(len(buf)), left)])
		if n == 0 && err != nil {
			n = int(min(int64(len(buf)), left))
			clear(buf[:n])
			e.racy = true
			if err != io.EOF {
				p.warn(Changing, e.path, err.Error())
			}
		}
		sum.Write(buf[:n])
		if _, err := p.out.Write(buf[:n]); err != nil {
			return streamed(err)
		}
		left -= int64(n)
	}
	p.name(e, sum)
	return streamed(p.out.WriteByte('\n'))
}

func streamed(err error) error {
	if err != nil {
		return streamError{err}
	}
	return nil
}

func blobHash(size int64) hash.Hash {
	sum := sha1.New()
	fmt.Fprintf(sum, "blob %d\x00", size)
	return sum
}

// name gives the entry its object's name.
func (p *imports) name(e *entry, sum hash.Hash) {
	sum.Sum(e.oid[:0])
	e.racy = e.racy || max(e.stat.mtime, e.stat.ctime) >= p.start.Add(-racyWindow).UnixNano()
}

// tree sends the commit. What is gone comes first, so that a file can take the place of a folder and the reverse.
func (p *imports) tree() error {
	text, err := commitText(p.message, len(p.found.ignored), p.found.warnings)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "commit %s\nmark :1\ncommitter ralph <ralph@localhost> %d +0000\ndata %d\n", nextRef, p.repo.opts.Now().Unix(), len(text))
	p.out.Write(text)
	if p.parent != "" {
		fmt.Fprintf(p.out, "from %s\n", p.parent)
	}
	if len(p.found.entries)-p.added != len(p.base) {
		p.stale = true
		for i := range p.base {
			if _, ok := slices.BinarySearchFunc(p.found.entries, p.base[i], byPath); !ok {
				fmt.Fprintf(p.out, "D %s\n", quote(p.base[i].path))
			}
		}
	}
	for i := range p.found.entries {
		e := &p.found.entries[i]
		if old, ok := p.byPath[e.path]; ok && p.base[old].oid == e.oid && p.base[old].mode == e.mode {
			continue
		}
		fmt.Fprintf(p.out, "M %o %s %s\n", e.mode, e.oid, quote(e.path))
	}
	_, err = p.out.WriteString("\nget-mark :1\ndone\n") // the writer keeps its first error
	return err
}

var quoter = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// quote writes a path as fast-import reads it. All other bytes stand for themselves.
func quote(path string) string { return `"` + quoter.Replace(path) + `"` }
