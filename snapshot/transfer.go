package snapshot

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// importedPrefix is where the snapshots lie that came from another repository, a ref for each import.
const importedPrefix = "refs/snapshots/imported/"

// allocLimit bounds what git takes into memory at once of a foreign pack.
const allocLimit = "GIT_ALLOC_LIMIT=512m"

// Record is a snapshot as it travels to another repository, beside a pack with its files.
type Record struct {
	ID      string    `json:"id"` // where it comes from; it gets another
	Tree    string    `json:"tree"`
	Time    time.Time `json:"time"`
	Message string    `json:"message"`
	note
}

// Records lists the snapshots that are wanted, the oldest first.
func (r *Repo) Records(ctx context.Context, wanted func(Snapshot) bool) ([]Record, error) {
	all, err := r.List(ctx)
	if err != nil {
		return nil, err
	}
	var records []Record
	for _, s := range slices.Backward(all) {
		if !wanted(s) {
			continue
		}
		record := Record{ID: s.ID, Tree: s.Tree, Time: s.Time.UTC(), Message: s.Message, note: note{Ignored: s.Ignored, More: s.More}}
		for _, w := range s.Warnings {
			record.Warnings = append(record.Warnings, noteWarning{w.Kind, []byte(w.Path), w.Reason})
		}
		records = append(records, record)
	}
	return records, nil
}

// Pack writes the files of the snapshots as one pack: folders and contents, and no commits, so that nothing of other
// snapshots comes along.
func (r *Repo) Pack(ctx context.Context, records []Record, w io.Writer) error {
	err := r.git(ctx, call{
		args: []string{"pack-objects", "--revs", "--stdout", "--quiet"},
		in: func(in io.Writer) error {
			b := bufio.NewWriter(in)
			for _, tree := range treesOf(records) {
				if _, err := fmt.Fprintln(b, tree); err != nil {
					return err
				}
			}
			return b.Flush()
		},
		out: func(out io.Reader) error {
			_, err := io.Copy(w, out)
			return err
		},
	})
	if err != nil {
		return fmt.Errorf("pack snapshots: %w", err)
	}
	return nil
}

// treesOf names each tree once.
func treesOf(records []Record) []string {
	var all []string
	seen := map[string]bool{}
	for _, record := range records {
		if !seen[record.Tree] {
			seen[record.Tree] = true
			all = append(all, record.Tree)
		}
	}
	return all
}

// ErrForeign says that what came from another repository is not what Records and Pack make.
var ErrForeign = errors.New("not snapshots of ours")

var treeName = regexp.MustCompile(`^[0-9a-f]{40}$`)

// What git shall not accept in a foreign tree, and what it shall not care about: the content of files that mean something
// to git elsewhere, which an agent may have written in any form and nothing here ever reads. The second list is of
// names that older gits do not know.
const (
	strictly  = "--strict=emptyName=error,fullPathname=error,hasDot=error,hasDotdot=error,hasDotgit=error,nullSha1=error,badFilemode=error"
	carefree  = ",gitmodulesMissing=ignore,gitmodulesBlob=ignore,gitmodulesLarge=ignore,gitmodulesName=ignore,gitmodulesParse=ignore,gitmodulesSymlink=ignore,gitmodulesUrl=ignore,gitmodulesPath=ignore,gitmodulesUpdate=ignore"
	carefree2 = ",gitattributesMissing=ignore,gitattributesLarge=ignore,gitattributesLineLength=ignore,gitattributesBlob=ignore"
)

// Check takes a pack from elsewhere into this repository, which should be one made for that, and holds that it is whole
// and has the files of all the records, and nothing in it that git forbids. The error is [ErrForeign] where not.
func (r *Repo) Check(ctx context.Context, pack io.ReadSeeker, records []Record) error {
	for _, record := range records {
		if !treeName.MatchString(record.Tree) || strings.ContainsAny(record.Message, "\n\x00") || len(record.Message) > 1024 ||
			len(record.Warnings) > maxWarnings || record.Time.Unix() < 0 || record.Time.Year() > 9999 {
			return fmt.Errorf("snapshot %q: %w", record.Message, ErrForeign)
		}
	}
	index := func(strict string) error {
		if _, err := pack.Seek(0, io.SeekStart); err != nil {
			return err
		}
		return r.git(ctx, call{env: []string{allocLimit}, args: []string{"index-pack", "--stdin", strict}, in: func(w io.Writer) error {
			_, err := io.Copy(w, pack)
			return err
		}})
	}
	err := index(strictly + carefree + carefree2)
	if err != nil && strings.Contains(err.Error(), "message id") {
		err = index(strictly + carefree)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrForeign, err)
	}
	return r.hasTrees(ctx, treesOf(records))
}

// hasTrees wants the folders that nothing in the pack refers to; those that something does were looked for on indexing.
func (r *Repo) hasTrees(ctx context.Context, trees []string) error {
	return r.git(ctx, call{
		args: []string{"cat-file", "--batch-check=%(objectname) %(objecttype)"},
		in: func(w io.Writer) error {
			_, err := io.WriteString(w, strings.Join(trees, "\n"))
			return err
		},
		out: func(out io.Reader) error {
			lines := bufio.NewScanner(out)
			for _, tree := range trees {
				if !lines.Scan() || lines.Text() != tree+" tree" {
					return fmt.Errorf("%w: the files of %s are missing: %s", ErrForeign, tree, lines.Text())
				}
			}
			return nil
		},
	})
}

// Adopt takes the snapshots over from a repository that Check was called on, under a name that Disown knows. They are
// listed with the others, and the next snapshot has nothing to do with them.
func (r *Repo) Adopt(ctx context.Context, from *Repo, name string, records []Record) error {
	lock, err := r.lock(ctx)
	if err != nil {
		return fmt.Errorf("take over snapshots: %w", err)
	}
	defer lock.Close()
	if err := r.adopt(ctx, lock, from, name, records); err != nil {
		return fmt.Errorf("take over snapshots: %w", err)
	}
	return nil
}

func (r *Repo) adopt(ctx context.Context, lock *os.File, from *Repo, name string, records []Record) error {
	if len(records) == 0 {
		return nil
	}
	// A pack counts from the moment that its index is there.
	for _, kind := range []string{"pack", "rev", "idx"} {
		found, err := filepath.Glob(filepath.Join(from.dir, "objects/pack/*."+kind))
		if err != nil {
			return err
		}
		for _, path := range found {
			to := filepath.Join(r.dir, "objects/pack", filepath.Base(path))
			if _, err := os.Lstat(to); err == nil {
				continue // the same objects, from an import before
			}
			if err := os.Rename(path, to); err != nil {
				return err
			}
		}
	}
	var commit string
	err := r.git(ctx, call{
		args: []string{"fast-import", "--quiet", "--done", "--date-format=raw"}, lock: lock,
		in: func(w io.Writer) error { return writeCommits(w, records) },
		out: func(out io.Reader) error {
			b, err := io.ReadAll(out)
			commit = strings.TrimSpace(string(b))
			return err
		},
	})
	if err != nil {
		return err
	}
	if err := syncFolders(filepath.Join(r.dir, "objects/pack")); err != nil {
		return err
	}
	if err := r.git(ctx, call{args: []string{"update-ref", importedPrefix + name, commit}, lock: lock}); err != nil {
		return err
	}
	return syncFolders(filepath.Join(r.dir, importedPrefix), filepath.Join(r.dir, filepath.Dir(ref)))
}

// writeCommits makes the snapshots anew, each from the files that the record names.
func writeCommits(w io.Writer, records []Record) error {
	b := bufio.NewWriter(w)
	for i, record := range records {
		text, err := record.text(record.Message)
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "commit %s\nmark :%d\ncommitter ralph <ralph@localhost> %d +0000\ndata %d\n%s\n", nextRef, i+1, record.Time.Unix(), len(text), text)
		if i > 0 {
			fmt.Fprintf(b, "from :%d\n", i)
		}
		fmt.Fprintf(b, "M 040000 %s \n", record.Tree)
	}
	fmt.Fprintf(b, "get-mark :%d\ndone\n", len(records))
	return b.Flush()
}

// Disown drops the snapshots that Adopt took over under the name. It may be called again.
func (r *Repo) Disown(ctx context.Context, name string) error {
	lock, err := r.lock(ctx)
	if err == nil {
		err = r.git(ctx, call{args: []string{"update-ref", "-d", importedPrefix + name}, lock: lock})
		err = errors.Join(err, lock.Close())
	}
	if err != nil {
		return fmt.Errorf("drop the snapshots of %s: %w", name, err)
	}
	return nil
}

// imported names the tips of what was taken over.
func (r *Repo) imported(ctx context.Context) ([]string, error) {
	if _, err := os.Stat(filepath.Join(r.dir, importedPrefix)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil // the usual case, without asking git
	}
	out, err := r.output(ctx, "for-each-ref", "--format=%(objectname)", importedPrefix)
	return strings.Fields(out), err
}
