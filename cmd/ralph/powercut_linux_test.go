package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/powercut"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/snapshot"
	"github.com/wrapix/wrapix/steps"
	"github.com/wrapix/wrapix/steps/agent"
	"github.com/wrapix/wrapix/store"
	"github.com/wrapix/wrapix/trust"
	"github.com/wrapix/wrapix/webhook"
)

// TestPowerCut takes one whole workflow and lets the power go before and after every operation that any process made on
// the state folder; package powercut says what a disk may hold then. Each of these states must open, hold all that was
// accepted, and go on: on the engine's level each of them, in real containers one for each accepted step (with
// WRAPIX_SOAK=1 many more).
func TestPowerCut(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	r := record(t)
	recorded := time.Since(begun)
	seed, randoms := uint64(begun.UnixNano()), 2
	soak := os.Getenv("WRAPIX_SOAK") != ""
	if soak {
		randoms = 30
	}
	if _, err := fmt.Sscan(os.Getenv("WRAPIX_SEED"), &seed); err != nil && os.Getenv("WRAPIX_SEED") != "" {
		t.Fatalf("WRAPIX_SEED: %v", err)
	}
	t.Logf("%d operations recorded in %v; seed %d: WRAPIX_SEED=%[3]d repeats the random states of the same operations", r.Len(), recorded.Round(time.Millisecond), seed)

	c := &cuts{t: t, r: r, databases: map[[32]byte]*database{}, snapshots: map[[32]byte]*repository{}}
	c.collect(rand.New(rand.NewPCG(seed, 0)), randoms)
	parallel(slices.Collect(maps.Values(c.databases)), c.openDatabase)
	parallel(slices.Collect(maps.Values(c.snapshots)), c.openSnapshots)
	c.accept()
	for _, one := range c.states {
		c.check(one)
	}
	opened := time.Since(begun)
	parallel(c.distinct(), c.recover)
	recovered := time.Since(begun)
	ran := c.finish(rand.New(rand.NewPCG(seed, 1)), soak)
	t.Logf("%d moments, %d states, %d different: %d databases, %d repositories of snapshots opened and verified (%v); %d recovered (%v), of their open attempts %d finished from the record and %d interrupted; %d finished in real containers (%v); %d failures",
		r.Len()+1, c.cut, len(c.states), len(c.databases), len(c.snapshots), (opened - recorded).Round(time.Millisecond),
		len(c.distinct()), (recovered - opened).Round(time.Millisecond), c.fromRecord, c.interrupted,
		ran, (time.Since(begun) - recovered).Round(time.Millisecond), c.failures)
}

// cuts are all the states that are looked at.
type cuts struct {
	t         *testing.T
	r         *recording
	cut       int // states before equal ones became one
	states    []*cut
	databases map[[32]byte]*database
	snapshots map[[32]byte]*repository

	mu                                sync.Mutex
	failures, fromRecord, interrupted int
}

// cut is one state of the state folder.
type cut struct {
	at, last  int // the first and the last moment at which it can come about
	how       string
	tree      powercut.Tree
	database  *database   // nil: there is none
	snapshots *repository // nil: there are none
}

// database is what one content of ralph.db holds.
type database struct {
	content []byte
	first   *cut
	events  []engine.Event
}

func (d *database) seq() uint64 {
	if d == nil {
		return 0
	}
	return uint64(len(d.events))
}

// repository is what one state of the snapshots holds.
type repository struct {
	tree  powercut.Tree
	first *cut
	ids   map[string]bool
}

func (c *cuts) fail(one *cut, format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failures++; c.failures > 30 {
		return
	}
	before, after := "the beginning", "the end"
	if one.at > 0 {
		before = c.r.Op(one.at - 1).String()
	}
	if one.at < c.r.Len() {
		after = c.r.Op(one.at).String()
	}
	c.t.Errorf("power cut %d (%s), between %q and %q: %s", one.at, one.how, before, after, fmt.Sprintf(format, args...))
}

// parallel works on all items, on as many at once as there are processors.
func parallel[T any](items []T, work func(T)) {
	var next sync.Mutex
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for {
				next.Lock()
				if len(items) == 0 {
					next.Unlock()
					return
				}
				item := items[0]
				items = items[1:]
				next.Unlock()
				work(item)
			}
		})
	}
	all.Wait()
}

// collect makes the states.
func (c *cuts) collect(random *rand.Rand, randoms int) {
	known := map[[32]byte]*cut{}
	add := func(at int, how string, tree powercut.Tree) {
		c.cut++
		sum := tree.Sum()
		if same := known[sum]; same != nil {
			same.last = at
			return
		}
		one := &cut{at: at, last: at, how: how, tree: tree}
		known[sum] = one
		c.states = append(c.states, one)
		if f, ok := tree[state+"/"+store.File]; ok {
			sum := sha256.Sum256(f.Content)
			if c.databases[sum] == nil {
				c.databases[sum] = &database{content: f.Content, first: one}
			}
			one.database = c.databases[sum]
		}
		if below := tree.Below(state + "/" + steps.SnapshotsName); len(below) > 0 {
			sum := below.Sum()
			if c.snapshots[sum] == nil {
				c.snapshots[sum] = &repository{tree: below, first: one}
			}
			one.snapshots = c.snapshots[sum]
		}
	}
	for at := range c.r.Len() + 1 {
		add(at, "as synced", c.r.State(at, powercut.Synced, powercut.Synced))
		add(at, "names kept", c.r.State(at, powercut.All, powercut.Synced))
		add(at, "content kept", c.r.State(at, powercut.Synced, powercut.All))
		add(at, "all kept", c.r.State(at, powercut.All, powercut.All))
		for i := range randoms {
			add(at, fmt.Sprintf("random %d", i+1), c.r.Random(at, random))
		}
	}
}

// openDatabase opens a database as a loop does, verifies it, and learns what it holds.
func (c *cuts) openDatabase(d *database) {
	ctx := context.Background()
	path := filepath.Join(c.folder(), store.File)
	defer os.RemoveAll(filepath.Dir(path))
	err := os.WriteFile(path, d.content, 0o600)
	var s *store.Store
	if err == nil {
		s, err = store.Open(path, store.Options{})
	}
	if err != nil {
		c.fail(d.first, "open the database: %v", err)
		return
	}
	defer s.Close()
	if problems, err := s.Verify(ctx); err != nil || len(problems) > 0 {
		c.fail(d.first, "verify the database: %v, %v", problems, err)
	}
	all, err := s.List(ctx)
	if err != nil || len(all) > 1 {
		c.fail(d.first, "%d workflows, %v", len(all), err)
	}
	for _, w := range all {
		err := s.Events(ctx, w.ID, 0, func(e engine.Event) error {
			d.events = append(d.events, e)
			return nil
		})
		if err != nil || d.seq() != w.Seq || d.events[len(d.events)-1].Seq != w.Seq {
			c.fail(d.first, "%d events, at event %d: %v", len(d.events), w.Seq, err)
		}
	}
}

// openSnapshots opens a repository, goes on in it, and learns which snapshots it holds.
func (c *cuts) openSnapshots(s *repository) {
	ctx := context.Background()
	dir := filepath.Join(c.folder(), steps.SnapshotsName)
	defer os.RemoveAll(filepath.Dir(dir))
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		err = s.tree.Write(dir)
	}
	var repo *snapshot.Repo
	if err == nil {
		repo, err = snapshot.Open(dir, c.r.project, snapshot.Options{})
	}
	if err == nil {
		_, err = repo.Take(ctx, "after the cut")
	}
	var list []snapshot.Snapshot
	if err == nil {
		list, err = repo.List(ctx)
	}
	if err != nil {
		c.fail(s.first, "open the snapshots: %v", err)
		return
	}
	s.ids = map[string]bool{}
	for _, one := range list {
		s.ids[one.ID] = true
	}
	fsck := exec.Command("git", "fsck", "--full", "--strict", "--no-dangling")
	fsck.Env = append(os.Environ(), "GIT_DIR="+dir)
	if out, err := fsck.CombinedOutput(); err != nil {
		c.fail(s.first, "git fsck: %v\n%s", err, out)
	}
}

// accept finds out, for each moment, how much the process had been told is safe: an append had returned when the next
// thing was done, or the command had ended.
func (c *cuts) accept() {
	accepted := make([]uint64, c.r.Len()+1)
	for at := range accepted {
		if at > 0 {
			accepted[at] = accepted[at-1]
		}
		told := slices.Contains(c.r.ends, at)
		if at < c.r.Len() {
			path := c.r.Op(at).Path
			inWork := strings.HasPrefix(path, state+"/"+steps.AttemptsName) || strings.HasPrefix(path, state+"/"+steps.SnapshotsName)
			told = told || inWork && filepath.Base(path) != steps.RecordName // which the monitor writes
		}
		if f, ok := c.r.State(at, powercut.All, powercut.All)[state+"/"+store.File]; ok && told {
			accepted[at] = c.databases[sha256.Sum256(f.Content)].seq()
		}
	}
	for _, one := range c.states {
		if have, want := one.database.seq(), accepted[one.last]; have < want {
			c.fail(one, "%d events, and %d were accepted", have, want)
		}
	}
}

// check holds that what the events tell of is there.
func (c *cuts) check(one *cut) {
	if one.database == nil {
		return
	}
	for _, e := range one.database.events {
		f, ok := e.Data.(engine.FinishedData)
		if !ok {
			continue
		}
		id := engine.AttemptID{Task: e.Task, Number: e.Attempt, Check: f.Check}
		dir := steps.AttemptDir(state, "spec-1", id)
		sum := sha256.Sum256(one.tree[filepath.Join(dir, steps.TranscriptName)].Content)
		if got := hex.EncodeToString(sum[:]); got != f.Outcome.Transcript.SHA256 {
			c.fail(one, "%s is finished, and its transcript is not whole", id)
		}
		if f.Phase == engine.PhaseVerify {
			continue
		}
		if prompt := one.tree[filepath.Join(dir, steps.InputName, steps.PromptName)]; len(prompt.Content) == 0 || slices.Contains(prompt.Content, 0) {
			c.fail(one, "%s is finished, and its prompt is not whole", id)
		}
		if f.Outcome.Snapshot == "" || one.snapshots == nil || !one.snapshots.ids[f.Outcome.Snapshot] {
			c.fail(one, "%s is finished, and its snapshot %.12s is lost", id, f.Outcome.Snapshot)
		}
	}
}

// distinct are the states that differ in more than what was checked by now.
func (c *cuts) distinct() (all []*cut) {
	known := map[[32]byte]bool{}
	for _, one := range c.states {
		tree := powercut.Tree{}
		for path, f := range one.tree {
			if f.Mode.Type()&fs.ModeIrregular == 0 && !strings.HasPrefix(path, state+"/"+steps.SnapshotsName) {
				tree[path] = f
			}
		}
		if sum := tree.Sum(); !known[sum] {
			known[sum] = true
			all = append(all, one)
		}
	}
	return all
}

// folder makes an empty folder. Some file systems in memory sync sooner than the disk.
func (c *cuts) folder() string {
	in := "/dev/shm"
	if info, err := os.Stat(in); err != nil || !info.IsDir() {
		in = ""
	}
	dir, err := os.MkdirTemp(in, "powercut-")
	if err != nil {
		panic(err)
	}
	return dir
}

// errAnew says that a sandbox was to be run from the beginning.
var errAnew = errors.New("there are no containers after this power cut")

// gone is the container engine after the cut: nothing runs, and whatever was there is gone.
type gone struct{ sandbox.Runtime }

func (gone) List(context.Context, map[string]string) ([]sandbox.Container, error) { return nil, nil }
func (gone) Inspect(context.Context, string) (sandbox.Container, error) {
	return sandbox.Container{}, sandbox.ErrNotFound
}
func (gone) Remove(context.Context, string) error     { return nil }
func (gone) EndOrphans(context.Context, string) error { return nil }

// well are hooks that end well.
type well struct{}

func (well) Has(h engine.Hook) bool { return h == engine.PostStep }
func (well) Run(context.Context, engine.HookCall) (engine.HookOutcome, error) {
	return engine.HookOutcome{}, nil
}

type quiet struct{}

func (quiet) Notify(context.Context, engine.Notification) {}

// recover lets a loop take up the state: what is open is concluded, and what comes next is begun, in a folder that was
// never used.
func (c *cuts) recover(one *cut) {
	dir := c.folder()
	defer os.RemoveAll(dir)
	if err := one.tree.Write(dir); err != nil {
		c.fail(one, "%v", err)
		return
	}
	dir = filepath.Join(dir, state)
	if err := config.CheckStateDir(dir, c.r.project); err != nil {
		c.fail(one, "%v", err)
	}
	if _, err := trust.Load(dir, c.r.project); err != nil && (!errors.Is(err, fs.ErrNotExist) || one.last >= c.r.ends[0]) {
		c.fail(one, "%v", err)
	}
	if one.database.seq() == 0 {
		return // `ralph loop SPEC` begins anew: see finish
	}
	s, err := store.Open(filepath.Join(dir, store.File), store.Options{})
	if err != nil {
		c.fail(one, "%v", err)
		return
	}
	defer s.Close()
	ctx := context.Background()
	if _, err := webhook.Look(ctx, dir, s, time.Now()); err != nil {
		c.fail(one, "%v", err)
	}
	r := &engine.Runner{
		Store: s, Notifier: quiet{}, Clock: clock{time.Now}, Hooks: well{},
		Steps: steps.New(steps.Options{
			Runtime: gone{}, Project: c.r.project, State: dir, StoreID: s.ID(), Agent: agent.Command{Args: []string{"./agent.sh"}},
			Image: func(context.Context, string, string) (string, error) { return "", &engine.Hint{Err: errAnew} },
		}),
	}
	w, err := s.Load(ctx, "spec-1")
	if err == nil {
		w, err = r.Loop(ctx, w)
	}
	if err == nil && w.State == engine.AwaitingAnswer {
		if w, err = r.Do(ctx, w.ID, engine.Reply{Task: "T2", Text: "blue"}); err == nil {
			w, err = r.Loop(ctx, w)
		}
	}
	if err != nil && !errors.Is(err, errAnew) || err == nil && w.State != engine.Done {
		c.fail(one, "it is %s and does not go on: %v", w.State, err)
	}
	if problems, err := s.Verify(ctx); err != nil || len(problems) > 0 {
		c.fail(one, "verify the database afterwards: %v, %v", problems, err)
	}
	c.account(one, s)
}

// account holds that what came after the cut continues what was before it.
func (c *cuts) account(one *cut, s *store.Store) {
	before := one.database.events
	open, intended, ended := map[string]bool{}, map[string]int{}, map[string]int{}
	seq := uint64(0)
	err := s.Events(context.Background(), "spec-1", 0, func(e engine.Event) error {
		if seq++; e.Seq != seq {
			c.fail(one, "event %d has the number %d", seq, e.Seq)
		}
		if int(seq) <= len(before) && !before[seq-1].Time.Equal(e.Time) {
			c.fail(one, "event %d is another one", seq)
		}
		late := int(seq) > len(before)
		switch data := e.Data.(type) {
		case engine.IntendedData:
			id := engine.AttemptID{Task: e.Task, Number: e.Attempt, Check: data.Check}.String()
			if intended[id]++; intended[id] > 1 {
				c.fail(one, "%s is announced twice", id)
			}
			open[id] = !late
		case engine.FinishedData:
			id := engine.AttemptID{Task: e.Task, Number: e.Attempt, Check: data.Check}.String()
			if ended[id]++; ended[id] > 1 {
				c.fail(one, "%s ended twice", id)
			}
			c.count(late && open[id], &c.fromRecord)
		case engine.InterruptedData:
			id := engine.AttemptID{Task: e.Task, Number: e.Attempt, Check: data.Check}.String()
			if ended[id]++; ended[id] > 1 {
				c.fail(one, "%s ended twice", id)
			}
			c.count(late && open[id], &c.interrupted)
		}
		return nil
	})
	if err != nil {
		c.fail(one, "%v", err)
	}
}

func (c *cuts) count(yes bool, n *int) {
	if yes {
		c.mu.Lock()
		*n++
		c.mu.Unlock()
	}
}
