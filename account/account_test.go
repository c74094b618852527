package account

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/snapshot"
	"github.com/wrapix/wrapix/steps"
	"github.com/wrapix/wrapix/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// machine is a project with its state.
type machine struct {
	testing.TB
	project, state string
	store          *store.Store
	repo           *snapshot.Repo
	now            time.Time
}

func newMachine(t testing.TB) *machine {
	m := &machine{TB: t, project: t.TempDir(), state: t.TempDir(), now: time.Date(2026, 3, 1, 22, 0, 0, 0, time.UTC)}
	var err error
	if m.store, err = store.Open(filepath.Join(m.state, store.File), store.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.store.Close(); err != nil {
			t.Error(err)
		}
	})
	if m.repo, err = snapshot.Open(filepath.Join(m.state, steps.SnapshotsName), m.project, snapshot.Options{}); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *machine) must(err error) {
	m.Helper()
	if err != nil {
		m.Fatal(err)
	}
}

func (m *machine) do(id engine.WorkflowID, c engine.Command) engine.Workflow {
	m.Helper()
	w, err := m.store.Load(context.Background(), id)
	if errors.Is(err, engine.ErrNotFound) {
		w, err = engine.Workflow{}, nil
	}
	m.must(err)
	events, err := engine.Decide(w, c, m.now)
	m.must(err)
	next, err := engine.Evolve(w, events...)
	m.must(err)
	m.must(m.store.Append(context.Background(), w, next, events))
	m.now = m.now.Add(time.Minute)
	return next
}

// start makes a workflow with three tasks.
func (m *machine) start(id engine.WorkflowID) {
	m.do(id, engine.Start{ID: id, Label: "Night", SpecPath: "specs/night.md", Limits: engine.Limits{MaxAttempts: 3}, Config: "agent.command = [\"x\"]\n", Source: engine.Source{
		Text: "# Night\n", Complete: true, Reason: "it has tasks",
		Tasks: []engine.PlannedTask{{ID: "T1", Title: "One", Checks: []string{"true"}}, {ID: "T2", Title: "Two"}, {ID: "T3", Title: "Three"}},
	}})
	m.do(id, engine.SkipPlan{})
	m.do(id, engine.TakeTasks{})
}

// begin announces the next activity of a task, with the folder and snapshot that it gets.
func (m *machine) begin(w engine.WorkflowID, task engine.TaskID) engine.AttemptID {
	m.Helper()
	id := m.do(w, engine.Intend{Task: task}).Task(task).Open.ID
	dir := steps.AttemptDir(m.state, w, id)
	m.must(os.MkdirAll(filepath.Join(dir, steps.InputName), 0o700))
	for name, text := range map[string]string{
		"input/" + steps.PromptName: "do " + id.String(), steps.TranscriptName: m.printed(id), steps.StderrName: "", steps.RecordName: "frames",
	} {
		m.must(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	if id.Check == 0 {
		m.take("before", w, id)
	}
	return id
}

func (m *machine) printed(id engine.AttemptID) string { return "transcript of " + id.String() + "\n" }

func (m *machine) take(when string, w engine.WorkflowID, id engine.AttemptID) {
	m.Helper()
	_, err := m.repo.Take(context.Background(), steps.SnapshotMessage(when, w, id))
	m.must(err)
}

// finish ends it.
func (m *machine) finish(w engine.WorkflowID, id engine.AttemptID, o engine.Outcome) {
	m.Helper()
	m.must(os.WriteFile(filepath.Join(m.project, "work"), []byte("of "+string(w)+" "+id.String()), 0o600))
	if id.Check == 0 {
		m.take("after", w, id)
	}
	sum := sha256.Sum256([]byte(m.printed(id)))
	o.Started, o.Finished = m.now, m.now.Add(time.Minute)
	o.Transcript = engine.Transcript{Bytes: int64(len(m.printed(id))), SHA256: hex.EncodeToString(sum[:])}
	m.do(w, engine.Finish{ID: id, Outcome: o})
}

// night works on a workflow: one task is verified, one asks, and one runs.
func (m *machine) night(w engine.WorkflowID) {
	m.start(w)
	m.finish(w, m.begin(w, "T1"), engine.Outcome{Signal: engine.SignalComplete, CostUSD: 0.5})
	m.finish(w, m.begin(w, "T1"), engine.Outcome{Checks: []engine.CheckResult{{Command: "true", Passed: true}}})
	m.finish(w, m.begin(w, "T2"), engine.Outcome{Signal: engine.SignalClarify, Message: "Which?"})
	m.begin(w, "T3")
}

func (m *machine) events(w engine.WorkflowID) Events {
	return func(ctx context.Context, yield func(engine.Event) error) error {
		return m.store.Events(ctx, w, 0, yield)
	}
}

func (m *machine) export(id engine.WorkflowID) ([]byte, Exported) {
	m.Helper()
	w, err := m.store.Load(context.Background(), id)
	m.must(err)
	var b bytes.Buffer
	done, err := Export{Workflow: w, Events: m.events(id), State: m.state, Snapshots: m.repo, Program: "test", Now: m.now}.Write(context.Background(), &b)
	m.must(err)
	return b.Bytes(), done
}

func (m *machine) imports(archive []byte) (Imported, error) {
	return Import{
		Store: m.store, State: m.state, Project: m.project, Now: m.now, MaxSize: 1 << 20,
		Snapshots: func() (*snapshot.Repo, error) { return m.repo, nil },
	}.Read(context.Background(), bytes.NewReader(archive))
}

// files lists what lies in the state folder besides the database and the repository.
func (m *machine) files() (all []string) {
	m.must(filepath.WalkDir(m.state, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == steps.SnapshotsName {
			return fs.SkipDir
		}
		if rel, _ := filepath.Rel(m.state, path); err == nil && !strings.HasPrefix(rel, store.File) {
			all = append(all, rel)
		}
		return err
	}))
	return all
}

func TestThereAndBack(t *testing.T) {
	from, to := newMachine(t), newMachine(t)
	from.night("other-1")
	from.night("night-1")
	archive, done := from.export("night-1")
	if done.Attempts != 3 || done.Snapshots != 4 || fmt.Sprint(done.Open) != "[T3/1]" {
		t.Errorf("exported %+v", done)
	}
	raw := unzip(t, archive)
	for _, secret := range []string{"other-1", steps.RecordName, "T3/1/"} {
		if bytes.Contains(raw, []byte(secret)) {
			t.Errorf("%q is in the archive", secret)
		}
	}
	to.night("here-1")
	got, err := to.imports(archive)
	to.must(err)
	if fmt.Sprint(got.Interrupted) != "[T3/1]" || got.Snapshots != 4 || got.Workflow.State.Ended() {
		t.Errorf("imported %+v", got)
	}
	ctx := t.Context()
	problems, err := to.store.Verify(ctx)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
	w, err := to.store.Load(ctx, "night-1")
	to.must(err)
	if w.Task("T1").Verified == nil || w.Task("T3").State != engine.TaskReady || w.Task("T3").Attempts != 1 || w.CostUSD != 0.5 || len(w.OpenActivities()) > 0 {
		t.Errorf("the workflow is %+v", w)
	}
	for _, id := range []string{"T1/1", "T1/1/check-1", "T2/1"} {
		id, err := engine.ParseAttemptID(id)
		to.must(err)
		for _, name := range []string{steps.TranscriptName, steps.StderrName, "input/" + steps.PromptName} {
			want, err := os.ReadFile(filepath.Join(steps.AttemptDir(from.state, "night-1", id), name))
			to.must(err)
			if got, err := os.ReadFile(filepath.Join(steps.AttemptDir(to.state, "night-1", id), name)); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s of %s: %q %v", name, id, got, err)
			}
		}
	}
	all, err := to.repo.List(ctx)
	to.must(err)
	ids := map[string]string{}
	for _, s := range all {
		ids[s.Message] = s.ID
	}
	var diff strings.Builder
	to.must(to.repo.Diff(ctx, ids["before night-1 T2/1"], ids["after night-1 T2/1"], &diff))
	if !strings.Contains(diff.String(), "+of night-1 T2/1") || len(all) != 9 {
		t.Errorf("%d snapshots, and the diff is %s", len(all), diff.String())
	}
	// It is a workflow like any other: it goes on, and can be exported from here.
	to.finish("night-1", to.begin("night-1", "T3"), engine.Outcome{Signal: engine.SignalComplete})
	again, done := to.export("night-1")
	if done.Attempts != 5 || done.Snapshots != 6 {
		t.Errorf("exported %+v", done)
	}
	if _, err := to.imports(again); !errors.Is(err, ErrExists) {
		t.Errorf("imported twice: %v", err)
	}
	_, err = newMachine(t).imports(again)
	to.must(err)
}

// TestUpToOneEvent exports while the workflow goes on: what comes meanwhile is not in it.
func TestUpToOneEvent(t *testing.T) {
	from, to := newMachine(t), newMachine(t)
	from.night("night-1")
	w, err := from.store.Load(t.Context(), "night-1")
	from.must(err)
	from.finish("night-1", w.Task("T3").Open.ID, engine.Outcome{Signal: engine.SignalComplete})
	var b bytes.Buffer
	done, err := Export{Workflow: w, Events: from.events("night-1"), State: from.state, Snapshots: from.repo, Now: from.now}.Write(t.Context(), &b)
	from.must(err)
	if done.Attempts != 3 || done.Snapshots != 4 {
		t.Errorf("%+v", done)
	}
	_, err = to.imports(b.Bytes())
	to.must(err)
}

// TestUndoUnderWay refuses a workflow whose next step would be to put a project's files back to what its events say.
func TestUndoUnderWay(t *testing.T) {
	from, to := newMachine(t), newMachine(t)
	from.start("night-1")
	from.finish("night-1", from.begin("night-1", "T1"), engine.Outcome{Signal: engine.SignalComplete})
	w := from.do("night-1", engine.Undo{ID: engine.AttemptID{Task: "T1", Number: 1}, Tasks: []engine.TaskID{"T1"}, Snapshot: "aaaa", Before: "bbbb"})
	x := Export{Workflow: w, Events: from.events("night-1"), State: from.state, Snapshots: from.repo, Now: from.now}
	if _, err := x.Write(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), "on their way back") {
		t.Errorf("exported: %v", err)
	}
	var b bytes.Buffer
	x.Workflow.Undo = nil
	_, err := x.Write(t.Context(), &b)
	from.must(err)
	before := to.files()
	if _, err := to.imports(b.Bytes()); !errors.Is(err, ErrForeign) {
		t.Errorf("imported: %v", err)
	}
	to.untouched(t, before)
}

func unzip(t testing.TB, archive []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// part is a member of an archive taken to pieces.
type part struct {
	header tar.Header
	text   []byte
}

func take(t testing.TB, archive []byte) (parts []part) {
	t.Helper()
	r := tar.NewReader(bytes.NewReader(unzip(t, archive)))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return parts
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part{tar.Header{Typeflag: h.Typeflag, Name: h.Name, Size: h.Size, Mode: h.Mode}, text})
	}
}

// build puts an archive together again, with a manifest that holds.
func build(parts []part) []byte {
	var m manifest
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	out := tar.NewWriter(zipped)
	write := func(p part) {
		p.header.Size = int64(len(p.text))
		if p.header.Typeflag != tar.TypeReg {
			p.header.Size = 0
		}
		if out.WriteHeader(&p.header) == nil && p.header.Size > 0 {
			_, _ = out.Write(p.text)
		}
	}
	for _, p := range parts {
		if p.header.Name == manifestName {
			continue
		}
		write(p)
		sum := sha256.Sum256(p.text)
		m.Members = append(m.Members, member{p.header.Name, int64(len(p.text)), hex.EncodeToString(sum[:])})
	}
	text, _ := json.Marshal(m)
	write(part{tar.Header{Typeflag: tar.TypeReg, Name: manifestName, Mode: 0o600}, text})
	_ = out.Close()
	_ = zipped.Close()
	return b.Bytes()
}

func file(name, text string) part {
	return part{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600}, []byte(text)}
}

// TestHostile wants every archive refused that is not what Export makes, and nothing of it left.
func TestHostile(t *testing.T) {
	from := newMachine(t)
	from.night("night-1")
	good, _ := from.export("night-1")
	add := func(p part) func([]part) []part { return func(all []part) []part { return slices.Insert(all, 2, p) } }
	edit := func(name, old, new string) func([]part) []part {
		return func(all []part) []part {
			for i := range all {
				if all[i].header.Name == name {
					if !bytes.Contains(all[i].text, []byte(old)) {
						t.Errorf("%s does not contain %s", name, old)
					}
					all[i].text = bytes.Replace(all[i].text, []byte(old), []byte(new), 1)
				}
			}
			return all
		}
	}
	drop := func(name string) func([]part) []part {
		return func(all []part) []part {
			return slices.DeleteFunc(all, func(p part) bool { return p.header.Name == name })
		}
	}
	kind := func(flag byte, name, link string) func([]part) []part {
		return add(part{header: tar.Header{Typeflag: flag, Name: name, Linkname: link, Mode: 0o600}})
	}
	noise := func(n int) string { return strings.Repeat("0", n) }
	for name, tt := range map[string]struct {
		change func([]part) []part
		want   error
	}{
		"path upwards":             {add(file("../owned", "x")), ErrForeign},
		"path upwards inside":      {add(file("attempts/T1/1/../../../owned.log", "x")), ErrForeign},
		"path of the root":         {add(file("/tmp/owned", "x")), ErrForeign},
		"path of the root inside":  {add(file("attempts//T1/1/x.log", "x")), ErrForeign},
		"backslash":                {add(file(`attempts/T1/1/..\owned.log`, "x")), ErrForeign},
		"file of nobody":           {add(file("ralph.db", "x")), ErrForeign},
		"hidden file":              {add(file("attempts/T1/1/.hidden", "x")), ErrForeign},
		"a check's folder as file": {add(file("attempts/T1/1/check-1", "x")), ErrForeign},
		"record":                   {add(file("attempts/T1/1/record.log", "x")), ErrForeign},
		"symbolic link":            {kind(tar.TypeSymlink, "attempts/T1/1/x.log", "/etc/passwd"), ErrForeign},
		"hard link":                {kind(tar.TypeLink, "attempts/T1/1/x.log", eventsName), ErrForeign},
		"device":                   {kind(tar.TypeChar, "attempts/T1/1/x.log", ""), ErrForeign},
		"pipe":                     {kind(tar.TypeFifo, "attempts/T1/1/x.log", ""), ErrForeign},
		"folder":                   {kind(tar.TypeDir, "attempts/T1", ""), ErrForeign},
		"member twice":             {add(file("attempts/T1/1/transcript.log", "x")), ErrForeign},
		"file and folder": {func(p []part) []part {
			return add(file("attempts/T2/1/x.log", "x"))(add(file("attempts/T2/1/x.log/y.log", "x"))(p))
		}, ErrForeign},
		"attempt that was not":        {add(file("attempts/T1/2/transcript.log", "x")), ErrForeign},
		"attempt that is open":        {add(file("attempts/T3/1/transcript.log", "x")), ErrForeign},
		"task that is not":            {add(file("attempts/T9/1/transcript.log", "x")), ErrForeign},
		"number with a zero":          {add(file("attempts/T1/01/y.log", "x")), ErrForeign},
		"other transcript":            {edit("attempts/T1/1/transcript.log", "transcript", "TRANSCRIPT"), ErrForeign},
		"no head":                     {drop(headName), ErrForeign},
		"no events":                   {drop(eventsName), ErrForeign},
		"no files of snapshots":       {drop(packName), ErrForeign},
		"no list of snapshots":        {drop(recordsName), ErrForeign},
		"newer":                       {edit(headName, `"version":1`, `"version":2`), ErrNewer},
		"version 0":                   {edit(headName, `"version":1`, `"version":0`), ErrForeign},
		"other format":                {edit(headName, "ralph account", "other account"), ErrForeign},
		"id upwards":                  {edit(headName, "night-1", "../owned"), ErrForeign},
		"id of none":                  {edit(headName, "night-1", ""), ErrForeign},
		"id of another":               {edit(headName, "night-1", "night-2"), ErrForeign},
		"fewer events than said":      {edit(headName, `"seq":`, `"seq":9`), ErrForeign},
		"gap in the sequence":         {edit(eventsName, `"seq":5,`, `"seq":6,`), ErrForeign},
		"event of a later version":    {edit(eventsName, `"v":1`, `"v":2`), ErrNewer},
		"event of a later program":    {edit(eventsName, `"task.verified"`, `"task.promoted"`), ErrNewer},
		"step that is not allowed":    {edit(eventsName, `"task.verified"`, `"task.ready"`), ErrForeign},
		"task id upwards in the spec": {edit(eventsName, `"id":"T2"`, `"id":"../T2"`), ErrForeign},
		"task id upwards in the plan": {func(p []part) []part {
			at := bytes.Index(p[1].text, []byte(`"tasks.planned"`))
			p[1].text = append(bytes.Clone(p[1].text[:at]), bytes.Replace(p[1].text[at:], []byte(`"id":"T2"`), []byte(`"id":"../T2"`), 1)...)
			return p
		}, ErrForeign},
		"last event cut": {edit(eventsName, "}\n", ""), ErrForeign},
		"plan before the beginning": {func(p []part) []part {
			p[1].text = []byte(`{"seq":1,"time":"2026-03-01T22:00:00Z","type":"tasks.planned","v":1,"task":"ready","attempt":null,"data":{"from":"spec","tasks":[{"id":"T1"}]}}` + "\n")
			return p
		}, ErrForeign},
		"nothing":                     {func(p []part) []part { p[1].text = nil; return p }, ErrForeign},
		"snapshot of another":         {edit(recordsName, "before night-1 T1/1", "before other-1 T1/1"), ErrForeign},
		"snapshot of what was not":    {edit(recordsName, "before night-1 T1/1", "before night-1 T1/7"), ErrForeign},
		"snapshot with a tree of git": {edit(recordsName, `"tree":"`, `"tree":"--all`), ErrForeign},
		"snapshot without files":      {edit(recordsName, `"tree":"`, `"tree":"`+noise(40)+`","x":"`), ErrForeign},
		"pack of noise":               {edit(packName, "PACK", "KCAP"), ErrForeign},
		"large":                       {add(file("attempts/T1/1/large.log", noise(2<<20))), ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			before := m.files()
			_, err := m.imports(build(tt.change(take(t, good))))
			if !errors.Is(err, tt.want) {
				t.Errorf("the error is %v", err)
			}
			m.untouched(t, before)
		})
	}
}

// untouched wants no trace of an import but the folder that imports are prepared in.
func (m *machine) untouched(t *testing.T, before []string) {
	t.Helper()
	after := slices.DeleteFunc(m.files(), func(name string) bool { return name == stagingName })
	if !slices.Equal(after, before) {
		t.Errorf("left: %v", after)
	}
	if all, err := m.store.List(t.Context()); err != nil || len(all) > 0 {
		t.Errorf("workflows: %v %v", all, err)
	}
	if all, err := m.repo.List(t.Context()); err != nil || len(all) > 0 {
		t.Errorf("snapshots: %v %v", all, err)
	}
}

// TestDamaged cuts an archive at many places, changes bytes of it, and appends to it.
func TestDamaged(t *testing.T) {
	from, m := newMachine(t), newMachine(t)
	from.night("night-1")
	good, _ := from.export("night-1")
	raw, before := unzip(t, good), m.files()
	refuse := func(name string, archive []byte) {
		t.Helper()
		if _, err := m.imports(archive); !errors.Is(err, ErrForeign) {
			t.Fatalf("%s: %v", name, err)
		}
	}
	for cut := 0; cut < len(good); cut += max(1, len(good)/60) {
		refuse(fmt.Sprintf("cut at %d", cut), good[:cut])
	}
	for at := 12; at < len(good); at += max(1, len(good)/60) {
		bad := bytes.Clone(good)
		bad[at] ^= 0x40
		if r, err := gzip.NewReader(bytes.NewReader(bad)); err == nil {
			r.Multistream(false)
			if text, err := io.ReadAll(r); err == nil && bytes.Equal(text, raw) {
				continue // a bit that gzip does not use
			}
		}
		refuse(fmt.Sprintf("byte %d", at), bad)
	}
	parts := take(t, good)
	for _, p := range parts {
		if p.header.Name == manifestName {
			continue
		}
		bad := take(t, good)
		for i := range bad {
			if bad[i].header.Name == p.header.Name {
				bad[i].text = append(bytes.Clone(bad[i].text), ' ')
			}
		}
		refuse("a byte more in "+p.header.Name, rebuildAs(t, bad, good))
	}
	m.untouched(t, before)
	var bomb bytes.Buffer
	zipped := gzip.NewWriter(&bomb)
	_, _ = io.CopyN(zipped, zeros{}, 80<<20)
	m.must(zipped.Close())
	refuse("a bomb", bomb.Bytes())
	m.untouched(t, before)
	if _, err := m.imports(good); err != nil {
		t.Error(err)
	}
}

// rebuildAs writes the parts with the manifest of another archive.
func rebuildAs(t *testing.T, parts []part, of []byte) []byte {
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	out := tar.NewWriter(zipped)
	other := take(t, of)
	for _, p := range append(parts[:len(parts)-1:len(parts)-1], other[len(other)-1]) {
		p.header.Size = int64(len(p.text))
		if err := out.WriteHeader(&p.header); err != nil {
			t.Fatal(err)
		}
		_, _ = out.Write(p.text)
	}
	_, _ = out.Close(), zipped.Close()
	return b.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// memory is a store for imports that go nowhere.
type memory map[engine.WorkflowID]engine.Workflow

func (m memory) Load(_ context.Context, id engine.WorkflowID) (engine.Workflow, error) {
	if w, ok := m[id]; ok {
		return w, nil
	}
	return engine.Workflow{}, engine.ErrNotFound
}

func (m memory) Import(_ context.Context, id engine.WorkflowID, events func(func(engine.Event) error) error) (w engine.Workflow, err error) {
	err = events(func(e engine.Event) error {
		w, err = engine.Evolve(w, e)
		return err
	})
	if err == nil {
		m[id] = w
	}
	return w, err
}

// FuzzImport reads archives whose members anybody wrote, with and without a manifest that holds. Whatever comes, nothing
// lies outside of the state folder, and a refused one leaves nothing.
func FuzzImport(f *testing.F) {
	from := newMachine(f)
	from.night("night-1")
	good, _ := from.export("night-1")
	parts := map[string][]byte{}
	for _, p := range take(f, good) {
		parts[p.header.Name] = p.text
	}
	f.Add(parts[headName], parts[eventsName], "attempts/T1/1/transcript.log", parts["attempts/T1/1/transcript.log"], parts[recordsName], true)
	f.Add(parts[headName], parts[eventsName], "../x", []byte("x"), []byte("[]"), true)
	f.Add(unzip(f, good), []byte{}, "", []byte{}, []byte{}, false)
	f.Fuzz(func(t *testing.T, head, events []byte, name string, text, records []byte, whole bool) {
		archive := head
		if whole {
			all := []part{file(headName, string(head)), file(eventsName, string(events)), file(name, string(text))}
			if len(records) > 0 {
				all = append(all, file(recordsName, string(records)))
			}
			archive = build(all)
		} else {
			var b bytes.Buffer
			zipped := gzip.NewWriter(&b)
			_, _ = zipped.Write(head)
			_ = zipped.Close()
			archive = b.Bytes()
		}
		outer := t.TempDir()
		state := filepath.Join(outer, "state")
		if err := os.Mkdir(state, 0o700); err != nil {
			t.Fatal(err)
		}
		stored := memory{}
		_, err := Import{
			Store: stored, State: state, Project: outer, MaxSize: 1 << 20, Now: from.now,
			Snapshots: func() (*snapshot.Repo, error) {
				return snapshot.Open(filepath.Join(outer, "s.git"), state, snapshot.Options{})
			},
		}.Read(context.Background(), bytes.NewReader(archive))
		if (err == nil) != (len(stored) == 1) {
			t.Errorf("%v, and stored is %v", err, slices.Collect(maps.Keys(stored)))
		}
		allowed := map[string]bool{"state": true, "s.git": true}
		entries, _ := os.ReadDir(outer)
		for _, e := range entries {
			if !allowed[e.Name()] {
				t.Errorf("%s was written", e.Name())
			}
		}
		if left, _ := os.ReadDir(filepath.Join(state, stagingName)); len(left) > 0 {
			t.Errorf("%v is left", left)
		}
		if left, _ := os.ReadDir(filepath.Join(state, attemptsName)); err != nil && len(left) > 0 {
			t.Errorf("%v is left", left)
		}
	})
}
