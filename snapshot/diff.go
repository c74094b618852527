package snapshot

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Change is one difference between two states.
type Change struct {
	Path string // as it is in the file system, in any encoding
	Kind ChangeKind
}

// ChangeKind says what became of a path.
type ChangeKind string

// The kinds of changes. A file that became a link, or the reverse, is Changed.
const (
	Added   ChangeKind = "added"
	Removed ChangeKind = "removed"
	Changed ChangeKind = "changed"
	Mode    ChangeKind = "mode" // only whether it may be executed
)

// Diff writes a unified diff from one snapshot to another, in git's form with quoted paths: binary and very large files
// are named only, and there are no renames. The content is as the files have it, for the caller to make safe.
func (r *Repo) Diff(ctx context.Context, from, to string, w io.Writer) error {
	args, err := r.diffTree(ctx, from, to, "-p", "--no-color", "--no-ext-diff", "--no-textconv", "--no-relative",
		"--src-prefix=a/", "--dst-prefix=b/", "--ignore-submodules=none")
	if err == nil {
		err = r.git(ctx, call{args: args, out: func(out io.Reader) error {
			_, err := io.Copy(w, out)
			return err
		}})
	}
	if err != nil {
		return fmt.Errorf("compare snapshots %s and %s: %w", from, to, err)
	}
	return nil
}

// Changes lists what differs from one snapshot to another, sorted by path.
func (r *Repo) Changes(ctx context.Context, from, to string) ([]Change, error) {
	deltas, err := r.deltas(ctx, from, to)
	if err != nil {
		return nil, fmt.Errorf("compare snapshots %s and %s: %w", from, to, err)
	}
	return changesOf(deltas), nil
}

func (r *Repo) diffTree(ctx context.Context, from, to string, flags ...string) ([]string, error) {
	args := append([]string{"diff-tree", "-r", "--no-renames"}, flags...)
	for _, id := range []string{from, to} {
		full, err := r.resolve(ctx, id)
		if err != nil {
			return nil, err
		}
		args = append(args, full)
	}
	return append(args, "--"), nil
}

// delta is a change with both sides; a side that is missing has mode 0.
type delta struct {
	Change
	from, to entry
}

func changesOf(deltas []delta) []Change {
	all := make([]Change, len(deltas))
	for i := range deltas {
		all[i] = deltas[i].Change
	}
	return all
}

func (r *Repo) deltas(ctx context.Context, from, to string) ([]delta, error) {
	args, err := r.diffTree(ctx, from, to, "--raw", "-z", "--no-abbrev")
	if err != nil {
		return nil, err
	}
	var all []delta
	meta := ""
	err = r.git(ctx, call{args: args, out: func(out io.Reader) error {
		return records(out, func(text string) error {
			if meta == "" {
				meta = text
				return nil
			}
			d, err := parseDelta(meta, text)
			all, meta = append(all, d), ""
			return err
		})
	}})
	return all, err
}

// parseDelta reads a line of git's raw form, which is ":mode mode object object letter".
func parseDelta(meta, path string) (d delta, err error) {
	f := strings.Fields(strings.TrimPrefix(meta, ":"))
	if len(f) != 5 {
		return d, fmt.Errorf("unexpected output of git diff-tree: %q", meta)
	}
	for i, side := range []*entry{&d.from, &d.to} {
		mode, err := strconv.ParseUint(f[i], 8, 32)
		if err != nil {
			return d, err
		}
		if side.oid, err = parseOID(f[i+2]); err != nil {
			return d, err
		}
		side.path, side.mode = path, uint32(mode)
	}
	d.Path = path
	switch {
	case d.from.mode == 0:
		d.Kind = Added
	case d.to.mode == 0:
		d.Kind = Removed
	case d.from.oid == d.to.oid && d.from.mode != modeLink && d.to.mode != modeLink:
		d.Kind = Mode
	default:
		d.Kind = Changed
	}
	return d, nil
}
