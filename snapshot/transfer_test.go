package snapshot

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestTransfer takes two of three snapshots to another project's repository: they can be listed, compared and restored
// there, nothing of the third comes along, and what was there stays.
func TestTransfer(t *testing.T) {
	from, tree := transferRepo(t)
	write := func(dir, name, content string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// What an agent may leave and git would care about elsewhere.
	write(tree, "sub/.gitmodules", "[submodule \"../x\"]\nurl = --upload-pack=touch /tmp/owned\npath = -x\n")
	write(tree, ".gitmodules", "[submodule \"../x\"]\nurl = --upload-pack=touch /tmp/owned\npath = -x\n[broken")
	write(tree, ".gitattributes", "* filter="+strings.Repeat("x", 5000)+"\n")
	write(tree, "file", "one\n")
	before := take(t, from, "before w-1 T1/1")
	write(tree, "secret-of-another", "secret\n")
	take(t, from, "before w-2 T1/1")
	if err := os.Remove(filepath.Join(tree, "secret-of-another")); err != nil {
		t.Fatal(err)
	}
	write(tree, "file", "two\n")
	after := take(t, from, "after w-1 T1/1")
	ctx := t.Context()
	records, err := from.Records(ctx, func(s Snapshot) bool { return strings.Contains(s.Message, " w-1 ") })
	if err != nil || len(records) != 2 || records[0].ID != before.ID || records[1].ID != after.ID {
		t.Fatalf("%v %v", records, err)
	}
	var pack bytes.Buffer
	if err := from.Pack(ctx, records, &pack); err != nil {
		t.Fatal(err)
	}

	to, otherTree := transferRepo(t)
	write(otherTree, "own", "own\n")
	own := take(t, to, "before x-1 T1/1")
	stage := func() *Repo {
		staged, err := Open(filepath.Join(t.TempDir(), "staged.git"), otherTree, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return staged
	}
	for range 2 { // the second time as after a crash
		staged := stage()
		if err := staged.Check(ctx, bytes.NewReader(pack.Bytes()), records); err != nil {
			t.Fatal(err)
		}
		if err := to.Adopt(ctx, staged, "w-1", records); err != nil {
			t.Fatal(err)
		}
	}
	all, err := to.List(ctx)
	if err != nil || len(all) != 3 {
		t.Fatalf("%v %v", all, err)
	}
	at := func(message string) Snapshot {
		return all[slices.IndexFunc(all, func(s Snapshot) bool { return s.Message == message })]
	}
	if got := at("after w-1 T1/1"); got.Tree != after.Tree || !got.Time.Equal(after.Time) {
		t.Errorf("%+v is not %+v", got, after)
	}
	changes, err := to.Changes(ctx, at("before w-1 T1/1").ID, at("after w-1 T1/1").ID)
	if err != nil || len(changes) != 1 || changes[0].Path != "file" {
		t.Errorf("%v %v", changes, err)
	}
	dest := filepath.Join(t.TempDir(), "dest")
	if err := to.Restore(ctx, at("after w-1 T1/1").ID, dest); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(dest, "file")); err != nil || string(b) != "two\n" {
		t.Errorf("%q %v", b, err)
	}
	if out, err := to.output(ctx, "cat-file", "--batch-all-objects", "--batch-check=%(objecttype)"); err != nil || strings.Count(out, "commit") != 3 {
		t.Errorf("%v %s", err, out)
	}
	write(otherTree, "own", "changed\n")
	next := take(t, to, "after x-1 T1/1")
	if changes, err := to.Changes(ctx, own.ID, next.ID); err != nil || len(changes) != 1 {
		t.Errorf("the next snapshot has to do with what was taken over: %v %v", changes, err)
	}
	if err := to.Forget(ctx, func(s Snapshot) bool { return s.ID == next.ID }); err != nil {
		t.Fatal(err)
	}
	if all, err := to.List(ctx); err != nil || len(all) != 3 {
		t.Errorf("%d snapshots are left, not the latest and those from elsewhere: %v", len(all), err)
	}
	if err := errors.Join(to.Compact(ctx), to.Disown(ctx, "w-1"), to.Disown(ctx, "w-1")); err != nil {
		t.Fatal(err)
	}
	if all, err := to.List(ctx); err != nil || len(all) != 1 {
		t.Errorf("%v %v", all, err)
	}
	for name, bad := range map[string][]Record{
		"a tree that is not there": {{Tree: strings.Repeat("1", 40), Message: "x", Time: own.Time}},
		"no tree":                  {{Tree: "--all", Message: "x", Time: own.Time}},
		"a message of two lines":   {{Tree: after.Tree, Message: "x\ny", Time: own.Time}},
	} {
		if err := stage().Check(ctx, bytes.NewReader(pack.Bytes()), bad); !errors.Is(err, ErrForeign) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, cut := range map[string][]byte{"nothing": nil, "half": pack.Bytes()[:pack.Len()/2], "noise": []byte("PACK\x00\x00\x00\x02\xff\xff\xff\xff")} {
		if err := stage().Check(ctx, bytes.NewReader(cut), records); !errors.Is(err, ErrForeign) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestHostileTrees refuses folders that git itself never makes.
func TestHostileTrees(t *testing.T) {
	from, tree := transferRepo(t)
	if err := os.WriteFile(filepath.Join(tree, "file"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	good := take(t, from, "before w-1 T1/1")
	ctx := t.Context()
	blob, err := from.output(ctx, "rev-parse", good.ID+":file")
	if err != nil {
		t.Fatal(err)
	}
	id, err := parseOID(strings.TrimSpace(blob))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range []string{"100644 ..", "100644 .git", "100644 .", "100644 a/b", "100644 ", "100644 .GIT"} {
		bad := append([]byte(entry+"\x00"), id[:]...)
		var name string
		err := from.git(ctx, call{args: []string{"hash-object", "-t", "tree", "-w", "--stdin", "--literally"}, in: func(w io.Writer) error {
			_, err := w.Write(bad)
			return err
		}, out: func(out io.Reader) error {
			var b bytes.Buffer
			_, err := b.ReadFrom(out)
			name = strings.TrimSpace(b.String())
			return err
		}})
		if err != nil {
			t.Fatal(err)
		}
		records := []Record{{Tree: name, Message: "before w-1 T1/1", Time: good.Time}}
		var pack bytes.Buffer
		if err := from.Pack(ctx, records, &pack); err != nil {
			continue // git does not even pack it
		}
		staged, err := Open(filepath.Join(t.TempDir(), "staged.git"), tree, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := staged.Check(ctx, bytes.NewReader(pack.Bytes()), records); !errors.Is(err, ErrForeign) {
			t.Errorf("%q was taken: %v", entry, err)
		}
	}
}

func transferRepo(t *testing.T) (r *Repo, tree string) {
	t.Helper()
	tree = t.TempDir()
	r, err := Open(filepath.Join(t.TempDir(), "snapshots.git"), tree, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r, tree
}

func take(t *testing.T, r *Repo, message string) Snapshot {
	t.Helper()
	s, err := r.Take(t.Context(), message)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
