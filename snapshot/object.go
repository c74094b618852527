package snapshot

import (
	"bufio"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// oid is the name of an object. The repository is ours, so it is always SHA-1.
type oid [20]byte

func (o oid) String() string { return hex.EncodeToString(o[:]) }

func parseOID(s string) (o oid, err error) {
	if len(s) != 2*len(o) {
		return o, fmt.Errorf("%q is no object name", s)
	}
	_, err = hex.Decode(o[:], []byte(s))
	return o, err
}

// logFormat is read by parseSnapshot.
const logFormat = "--format=%H%n%T%n%ct%n%B"

// note is what a commit says besides its message, as JSON in the last line of the text.
type note struct {
	Ignored  int           `json:"ignored"`
	Warnings []noteWarning `json:"warnings,omitempty"`
	More     int           `json:"more,omitempty"`
}

// noteWarning holds bytes, which JSON encodes whatever they are: paths need not be UTF-8.
type noteWarning struct {
	Kind   WarningKind `json:"kind"`
	Path   []byte      `json:"path"`
	Reason string      `json:"reason,omitempty"`
}

// maxWarnings bounds what one commit says.
const maxWarnings = 1000

func commitText(message string, ignored int, warnings []Warning) ([]byte, error) {
	// What is missing comes first: nobody shall push it out with a thousand empty folders.
	slices.SortFunc(warnings, func(a, b Warning) int {
		if a.Kind.lost() != b.Kind.lost() {
			if a.Kind.lost() {
				return -1
			}
			return 1
		}
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(string(a.Kind), string(b.Kind)))
	})
	n := note{Ignored: ignored, More: max(0, len(warnings)-maxWarnings)}
	for _, w := range warnings[:min(len(warnings), maxWarnings)] {
		n.Warnings = append(n.Warnings, noteWarning{w.Kind, []byte(w.Path), w.Reason})
	}
	return n.text(message)
}

// text is what the commit says, read by parseSnapshot.
func (n note) text(message string) ([]byte, error) {
	b, err := json.Marshal(n)
	if err != nil {
		return nil, err
	}
	message = strings.TrimSpace(strings.ReplaceAll(message, "\x00", ""))
	return append([]byte(message+"\n\n"), append(b, '\n')...), nil
}

func parseSnapshot(text string) (s Snapshot, err error) {
	parts := strings.SplitN(text, "\n", 4)
	if len(parts) < 4 {
		return s, fmt.Errorf("unexpected output of git log: %q", text)
	}
	seconds, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil {
		return s, fmt.Errorf("unexpected output of git log: %w", err)
	}
	body := strings.TrimRight(parts[3], "\n")
	last := strings.LastIndexByte(body, '\n') + 1
	var n note
	if err = json.Unmarshal([]byte(body[last:]), &n); err != nil {
		return s, fmt.Errorf("snapshot %s: %w", parts[0], err)
	}
	s = Snapshot{
		ID: parts[0], Tree: parts[1], Time: time.Unix(seconds, 0), Message: strings.TrimSpace(body[:last]), Ignored: n.Ignored, More: n.More,
	}
	for _, w := range n.Warnings {
		s.Warnings = append(s.Warnings, Warning{w.Kind, string(w.Path), w.Reason})
	}
	return s, nil
}

// List returns all snapshots, the latest first, those included that came from elsewhere.
func (r *Repo) List(ctx context.Context) ([]Snapshot, error) {
	tip, _, err := r.tip(ctx)
	if err != nil {
		return nil, err
	}
	tips, err := r.imported(ctx)
	if err != nil {
		return nil, err
	}
	return r.list(ctx, append(tips, tip))
}

// own returns those that were taken here.
func (r *Repo) own(ctx context.Context) ([]Snapshot, error) {
	tip, _, err := r.tip(ctx)
	if err != nil {
		return nil, err
	}
	return r.list(ctx, []string{tip})
}

func (r *Repo) list(ctx context.Context, tips []string) ([]Snapshot, error) {
	if tips = slices.DeleteFunc(tips, func(tip string) bool { return tip == "" }); len(tips) == 0 {
		return nil, nil
	}
	all, err := r.log(ctx, tips...)
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	return all, nil
}

// Get returns the snapshot with the ID, of which at least four digits must be given. [ErrUnknown] when there is none,
// or more than one.
func (r *Repo) Get(ctx context.Context, id string) (Snapshot, error) {
	full, err := r.resolve(ctx, id)
	if err != nil {
		return Snapshot{}, err
	}
	found, err := r.log(ctx, "-1", full)
	if err != nil {
		return Snapshot{}, fmt.Errorf("read snapshot %s: %w", id, err)
	}
	return found[0], nil
}

// resolve makes an ID of what somebody wrote. Nothing but digits gets to git.
func (r *Repo) resolve(ctx context.Context, id string) (string, error) {
	if len(id) < 4 || len(id) > 40 || strings.Trim(id, "0123456789abcdef") != "" {
		return "", fmt.Errorf("%q: %w", id, ErrUnknown)
	}
	full, err := r.output(ctx, "rev-parse", "--verify", "--quiet", id+"^{commit}")
	if exit := new(exec.ExitError); errors.As(err, &exit) && ctx.Err() == nil {
		return "", fmt.Errorf("%s: %w", id, ErrUnknown)
	}
	return strings.TrimSpace(full), err
}

func (r *Repo) log(ctx context.Context, args ...string) ([]Snapshot, error) {
	out, err := r.output(ctx, append(append([]string{"log", "-z", "--no-show-signature", "--no-color", logFormat}, args...), "--")...)
	if err != nil {
		return nil, err
	}
	var all []Snapshot
	for text := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		s, err := parseSnapshot(text)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// tip returns the latest snapshot's ID and tree, or nothing when there is none yet.
func (r *Repo) tip(ctx context.Context) (id, tree string, err error) {
	out, err := r.output(ctx, "for-each-ref", "--format=%(objectname) %(tree)", ref)
	if err != nil {
		return "", "", fmt.Errorf("find the latest snapshot: %w", err)
	}
	if id, tree, _ = strings.Cut(strings.TrimSpace(out), " "); tree != "" {
		return id, tree, nil
	}
	// Git passes over a ref that it cannot read. A new beginning would leave all snapshots to the next cleaning.
	if _, err := os.Lstat(filepath.Join(r.dir, ref)); err == nil {
		return "", "", fmt.Errorf("find the latest snapshot: %s in %s is damaged", ref, r.dir)
	}
	return "", "", nil
}

// files lists what a snapshot holds, sorted by path, without stats.
func (r *Repo) files(ctx context.Context, id string) ([]entry, error) {
	var all []entry
	err := r.git(ctx, call{args: []string{"ls-tree", "-r", "-z", "--full-tree", id}, out: func(out io.Reader) error {
		return records(out, func(line string) error {
			meta, path, _ := strings.Cut(line, "\t")
			fields := strings.Fields(meta)
			if len(fields) != 3 || path == "" {
				return fmt.Errorf("unexpected output of git ls-tree: %q", line)
			}
			mode, err := strconv.ParseUint(fields[0], 8, 32)
			if err != nil {
				return err
			}
			id, err := parseOID(fields[2])
			all = append(all, entry{path: path, mode: uint32(mode), oid: id, racy: true})
			return err
		})
	}})
	if err != nil {
		return nil, fmt.Errorf("list the files of snapshot %s: %w", id, err)
	}
	slices.SortFunc(all, byPath)
	return all, nil
}

func byPath(a, b entry) int { return strings.Compare(a.path, b.path) }

// records calls do for each text that a zero byte ends.
func records(in io.Reader, do func(string) error) error {
	b := bufio.NewReaderSize(in, 1<<16)
	for {
		text, err := b.ReadString(0)
		if err == io.EOF && text == "" {
			return nil
		}
		if err != nil {
			return err
		}
		if err = do(text[:len(text)-1]); err != nil {
			return err
		}
	}
}

// contents hands over the contents of blobs in their order.
func (r *Repo) contents(ctx context.Context, blobs []oid, do func(i int, size int64, content io.Reader) error) error {
	if len(blobs) == 0 {
		return nil
	}
	return r.git(ctx, call{
		args: []string{"cat-file", "--batch"},
		in: func(w io.Writer) error {
			b := bufio.NewWriter(w)
			for _, id := range blobs {
				if _, err := fmt.Fprintln(b, id); err != nil {
					return err
				}
			}
			return b.Flush()
		},
		out: func(out io.Reader) error {
			b := bufio.NewReaderSize(out, 1<<16)
			for i, id := range blobs {
				line, err := b.ReadString('\n')
				if err != nil {
					return err
				}
				fields := strings.Fields(line)
				if len(fields) != 3 || fields[0] != id.String() || fields[1] != "blob" {
					return fmt.Errorf("object %s: git says %q", id, strings.TrimSpace(line))
				}
				size, err := strconv.ParseInt(fields[2], 10, 64)
				if err != nil {
					return err
				}
				content := io.LimitReader(b, size)
				if err = do(i, size, content); err != nil {
					return err
				}
				if _, err = io.Copy(io.Discard, content); err != nil {
					return err
				}
				if _, err = b.Discard(1); err != nil {
					return err
				}
			}
			return nil
		},
	})
}
