package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/store"
	"github.com/wrapix/wrapix/trust"
)

// TestMain also is the process that TestKills kills.
func TestMain(m *testing.M) {
	if url := os.Getenv("WRAPIX_TEST_WEBHOOK"); url != "" {
		if err := victim(os.Getenv("WRAPIX_TEST_STATE"), url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

var key = []byte("0123456789abcdef")

// office is the state folder of a project, with a real store.
type office struct {
	dir    string
	store  *store.Store
	runner *engine.Runner
	sender *Sender
	skew   time.Duration

	mu    sync.Mutex
	notes []string
}

func (o *office) Now() time.Time { return time.Now().Add(o.skew) }

func openOffice(dir string) (*office, error) {
	s, err := store.Open(filepath.Join(dir, store.File), store.Options{})
	if err != nil {
		return nil, err
	}
	o := &office{dir: dir, store: s}
	o.runner = &engine.Runner{Store: s, Clock: o, Observe: func(w engine.Workflow, events []engine.Event) {
		if o.sender != nil {
			o.sender.Observe(w, events)
		}
	}}
	return o, nil
}

func (o *office) options(url string) Options {
	return Options{
		URL: url, Key: key, State: o.dir, StoreID: o.store.ID(), Program: "ralph/test", Log: o.store, Now: o.Now, backoff: time.Millisecond,
		Note: func(line string) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.notes = append(o.notes, line)
		},
	}
}

func (o *office) send(url string) (err error) {
	o.sender, err = Open(context.Background(), o.options(url))
	return err
}

func (o *office) close() {
	if o.sender != nil {
		o.sender.Close()
	}
	_ = o.store.Close()
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o, err := openOffice(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.close)
	return o
}

// start makes a workflow.
func (o *office) start(id engine.WorkflowID) error {
	source := engine.Source{Text: "#", Hash: "h", Complete: true, Reason: "so", Profiles: []string{"base"}, Tasks: []engine.PlannedTask{{ID: "T1"}}}
	_, err := o.runner.Start(context.Background(), engine.Start{ID: id, Label: "the label", SpecPath: "a.md", Source: source})
	return err
}

// wait has it wait and go on again.
func (o *office) wait(id engine.WorkflowID, message string) error {
	_, err := o.runner.Do(context.Background(), id, engine.AwaitApproval{Message: message})
	if err == nil {
		_, err = o.runner.Do(context.Background(), id, engine.Approve{})
	}
	return err
}

func (o *office) cancel(id engine.WorkflowID) error {
	_, err := o.runner.Do(context.Background(), id, engine.Cancel{Reason: "enough"})
	return err
}

func (o *office) noted() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.notes, "\n")
}

// receiver is what stands at the address. It checks each delivery as docs/webhook.md says.
type receiver struct {
	*httptest.Server
	t      *testing.T
	answer func(n int, w http.ResponseWriter) // the n-th request; nil answers 200
	got    chan document

	mu   sync.Mutex
	n    int
	seen map[string][]byte // by delivery
}

func newReceiver(t *testing.T, answer func(n int, w http.ResponseWriter)) *receiver {
	r := &receiver{t: t, answer: answer, got: make(chan document, 1000), seen: map[string][]byte{}}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	var d document
	if err == nil {
		err = json.Unmarshal(body, &d)
	}
	if err == nil {
		err = verify(key, req.Header.Get("Ralph-Signature"), body)
	}
	if err != nil || req.Method != "POST" || req.Header.Get("Content-Type") != "application/json" || req.Header.Get("User-Agent") != "ralph/test" ||
		req.Header.Get("Ralph-Delivery") != d.Delivery || req.Header.Get("Ralph-Event") != string(d.Type) {
		r.t.Errorf("%v: %s %v %s", err, req.Method, req.Header, body)
	}
	r.mu.Lock()
	r.n++
	n := r.n
	if before := r.seen[d.Delivery]; before != nil && !bytes.Equal(before, body) {
		r.t.Errorf("delivery %s was\n%s\nand is\n%s", d.Delivery, before, body)
	}
	r.seen[d.Delivery] = body
	r.mu.Unlock()
	status := httptest.NewRecorder()
	if r.answer != nil {
		r.answer(n, status)
	}
	for name, values := range status.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(status.Code)
	_, _ = w.Write(status.Body.Bytes())
	if status.Code == 200 {
		r.got <- d
	}
}

// verify is written from the documentation, not from sign.
func verify(key []byte, header string, body []byte) error {
	var t int64
	var v1 string
	if _, err := fmt.Sscanf(header, "t=%d,v1=%s", &t, &v1); err != nil {
		return fmt.Errorf("signature %q: %w", header, err)
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%d.%s", t, body)
	if want := hex.EncodeToString(mac.Sum(nil)); !hmac.Equal([]byte(v1), []byte(want)) {
		return errors.New("the signature does not fit")
	}
	return nil
}

func (r *receiver) next() document {
	r.t.Helper()
	select {
	case d := <-r.got:
		return d
	case <-time.After(30 * time.Second):
		r.t.Fatal("nothing comes")
	}
	return document{}
}

// silent says that nothing more came.
func (r *receiver) silent() {
	r.t.Helper()
	select {
	case d := <-r.got:
		r.t.Errorf("it got more: %+v", d)
	default:
	}
}

func check(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func TestWaitsAndEndsAreTold(t *testing.T) {
	o, r := newOffice(t), newReceiver(t, nil)
	check(t, o.start("old"), o.wait("old", "before there was a webhook"), o.send(r.URL), o.start("w-1"), o.wait("w-1", "first"), o.cancel("w-1"))
	first, last := r.next(), r.next()
	if first.Type != engine.WaitEntered || first.Workflow != "w-1" || first.Label != "the label" || first.Delivery != fmt.Sprintf("%s-w-1-%d", o.store.ID(), first.Seq) ||
		!reflect.DeepEqual(first.Data, map[string]any{"kind": "awaiting_approval", "message": "first"}) {
		t.Errorf("%+v", first)
	}
	if last.Type != engine.WorkflowCancelled {
		t.Errorf("%+v", last)
	}
	o.sender.Close()
	check(t, o.send(r.URL)) // as the next process: all was told
	o.sender.Close()
	r.silent()
	if fi, err := os.Stat(filepath.Join(o.dir, File)); err != nil || fi.Mode() != 0o600 {
		t.Errorf("%v, %v", fi.Mode(), err)
	}

	// The documentation tells of each key, and has an example that this program would send.
	docs, err := os.ReadFile("../docs/webhook.md")
	check(t, err)
	var keys map[string]any
	check(t, json.Unmarshal(r.seen[first.Delivery], &keys))
	for k := range keys {
		if !strings.Contains(string(docs), "| `"+k+"` |") {
			t.Errorf("docs/webhook.md does not tell of %s", k)
		}
	}
	_, example, _ := strings.Cut(string(docs), "```json\n")
	example, _, _ = strings.Cut(example, "```")
	var shown map[string]any
	check(t, json.Unmarshal([]byte(example), &shown))
	for k := range keys {
		if _, ok := shown[k]; !ok || len(shown) != len(keys) {
			t.Errorf("the example of docs/webhook.md has the keys %v", shown)
		}
	}
}

// An address that fails in any way is tried again, in order, and holds nobody up.
func TestAddressThatFails(t *testing.T) {
	elsewhere := newReceiver(t, nil)
	hold := make(chan struct{})
	for name, answer := range map[string]func(w http.ResponseWriter){
		"error":    func(w http.ResponseWriter) { w.WriteHeader(500) },
		"gone":     func(w http.ResponseWriter) { w.WriteHeader(410) },
		"redirect": func(w http.ResponseWriter) { w.Header().Set("Location", elsewhere.URL); w.WriteHeader(307) },
		"large":    func(w http.ResponseWriter) { w.WriteHeader(503); _, _ = w.Write(make([]byte, 1<<20)) },
		"slow":     func(w http.ResponseWriter) { <-hold; w.WriteHeader(500) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t, func(n int, w http.ResponseWriter) {
				if n <= 3 {
					answer(w)
				}
			})
			o := newOffice(t)
			check(t, o.send(r.URL+"/secret-path"), o.start("w-1"))
			for i := range 20 { // were it to wait for the address, this would not end
				check(t, o.wait("w-1", fmt.Sprint(i)))
			}
			if name == "slow" {
				close(hold)
			}
			for i := range 20 {
				if d := r.next(); d.Data.(map[string]any)["message"] != fmt.Sprint(i) {
					t.Fatalf("message %d is %+v", i, d)
				}
			}
			o.sender.Close()
			r.silent()
			if notes := o.noted(); strings.Count(notes, "\n") > 0 || !strings.Contains(notes, "webhook: 127.0.0.1: it answers ") || strings.Contains(notes, "secret-path") {
				t.Errorf("noted:\n%s", notes)
			}
			if trouble, err := LastTrouble(o.dir); err != nil || trouble != nil {
				t.Errorf("trouble that is over: %+v, %v", trouble, err)
			}
		})
	}
	elsewhere.silent()
}

// What could not be delivered is delivered by the next process, and until then told of.
func TestNextProcessGoesOn(t *testing.T) {
	var down bool
	r := newReceiver(t, func(_ int, w http.ResponseWriter) {
		if down {
			w.WriteHeader(502)
		}
	})
	o := newOffice(t)
	check(t, o.send(r.URL), o.start("w-1"), o.wait("w-1", "up"))
	r.next()
	o.sender.Close()
	down = true
	check(t, o.send(r.URL), o.wait("w-1", "down"), o.wait("w-1", "still down"))
	o.sender.Close()
	left, err := Look(context.Background(), o.dir, o.store, time.Now())
	if err != nil || left.Events != 2 || left.Trouble == nil || left.Trouble.Error != "127.0.0.1: it answers 502" || left.Trouble.Tries < 1 {
		t.Errorf("left: %+v, %+v, %v", left, left.Trouble, err)
	}
	down = false
	check(t, o.send(r.URL))
	o.sender.Close() // which is also when it is tried a last time
	for _, want := range []string{"down", "still down"} {
		if d := r.next(); d.Data.(map[string]any)["message"] != want {
			t.Errorf("got %+v, not %s", d, want)
		}
	}
	if left, err := Look(context.Background(), o.dir, o.store, time.Now()); err != nil || left.Events != 0 || left.Trouble != nil {
		t.Errorf("left: %+v, %v", left, err)
	}

	// What is three days old is given up.
	down = true
	check(t, o.send(r.URL), o.wait("w-1", "never told"))
	o.sender.Close()
	down, o.skew = false, keep-time.Hour
	check(t, o.wait("w-1", "told"))
	o.skew = keep + time.Hour
	check(t, o.send(r.URL))
	if d := r.next(); d.Data.(map[string]any)["message"] != "told" {
		t.Errorf("got %+v", d)
	}
	o.sender.Close()
	r.silent()
	if !strings.Contains(o.noted(), "was not delivered in three days and is given up") {
		t.Errorf("noted: %s", o.noted())
	}

	// A damaged file is no reason not to tell.
	check(t, os.WriteFile(filepath.Join(o.dir, File), []byte("{"), 0o600), o.send(r.URL))
	if d := r.next(); d.Data.(map[string]any)["message"] != "told" {
		t.Errorf("got %+v", d)
	}
}

// A workflow that rested for long goes on where it was told of last.
func TestOldWorkflow(t *testing.T) {
	o, r := newOffice(t), newReceiver(t, nil)
	check(t, o.send(r.URL), o.start("w-1"), o.wait("w-1", "then"), o.start("w-2"), o.cancel("w-2"))
	r.next()
	r.next()
	o.sender.Close()
	for range 2 {
		o.skew += 2 * keep
		check(t, o.send(r.URL))
		o.sender.Close()
	}
	check(t, o.send(r.URL), o.wait("w-1", "now"))
	if d := r.next(); d.Data.(map[string]any)["message"] != "now" {
		t.Errorf("got %+v", d)
	}
	o.sender.Close()
	r.silent()
	if o.noted() != "" {
		t.Errorf("noted: %s", o.noted())
	}
}

// After an older copy of the database was put back, what happens from then on is told.
func TestOlderDatabase(t *testing.T) {
	o, r := newOffice(t), newReceiver(t, nil)
	check(t, o.start("w-1"), os.WriteFile(filepath.Join(o.dir, File), []byte(`{"schema":1,"told":{"w-1":1000}}`), 0o600))
	check(t, o.send(r.URL), o.wait("w-1", "now"))
	if d := r.next(); d.Data.(map[string]any)["message"] != "now" {
		t.Errorf("got %+v", d)
	}
	o.sender.Close()
	r.silent()
}

// victim is a process that records and delivers until it is killed.
func victim(dir, url string) error {
	o, err := openOffice(dir)
	if err != nil {
		return err
	}
	defer o.close()
	o.skew = 0
	if err := o.send(url); err != nil {
		return err
	}
	all, err := o.store.List(context.Background())
	if err != nil {
		return err
	}
	if len(all) == 0 {
		if err := o.start("w-1"); err != nil {
			return err
		}
	}
	for i := range 3 {
		if err := o.wait("w-1", fmt.Sprint(i)); err != nil {
			return err
		}
	}
	return nil
}

// TestKills kills the process with SIGKILL while a delivery is under way, before and after it counts. Nothing that was
// recorded stays untold.
func TestKills(t *testing.T) {
	dir := t.TempDir()
	var process *os.Process
	var mu sync.Mutex
	killAt := 0
	r := newReceiver(t, func(n int, _ http.ResponseWriter) {
		mu.Lock()
		defer mu.Unlock()
		if n == killAt && process != nil {
			_ = process.Kill()
			_, _ = process.Wait()
		}
	})
	kills := 0
	for round := range 6 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "WRAPIX_TEST_WEBHOOK="+r.URL, "WRAPIX_TEST_STATE="+dir)
		cmd.Stderr = os.Stderr
		mu.Lock()
		r.mu.Lock()
		killAt = r.n + 1 + round%3
		r.mu.Unlock()
		check(t, cmd.Start())
		process = cmd.Process
		mu.Unlock()
		if err := cmd.Wait(); err != nil {
			kills++
		}
	}
	if kills == 0 {
		t.Fatal("nothing was killed")
	}
	o, err := openOffice(dir)
	check(t, err, o.send(r.URL))
	o.close()
	o, err = openOffice(dir)
	check(t, err)
	defer o.close()
	var events int
	check(t, o.store.Events(context.Background(), "w-1", 0, func(e engine.Event) error {
		if tells(e) {
			events++
			if id := fmt.Sprintf("%s-w-1-%d", o.store.ID(), e.Seq); r.seen[id] == nil {
				t.Errorf("%s was never delivered", id)
			}
		}
		return nil
	}))
	if len(r.seen) != events || events == 0 {
		t.Errorf("%d deliveries of %d events", len(r.seen), events)
	}
	t.Logf("%d kills, %d events, %d requests", kills, events, r.n)
}

func TestClearTextStaysOnTheHost(t *testing.T) {
	o := newOffice(t)
	s := &Sender{opts: o.options("http://192.0.2.1/hook"), client: newClient("http://192.0.2.1/hook"), ctx: context.Background()}
	if err := s.post("w", "l", engine.Event{Type: engine.WorkflowDone}); err == nil || !strings.Contains(err.Error(), "http:// is for this host only") {
		t.Errorf("%v", err)
	}
	tls := httptest.NewUnstartedServer(http.NotFoundHandler()) // a certificate that nobody vouches for
	tls.Config.ErrorLog = log.New(io.Discard, "", 0)
	tls.StartTLS()
	defer tls.Close()
	s.client, s.opts.URL = newClient(tls.URL), tls.URL
	if err := s.post("w", "l", engine.Event{Type: engine.WorkflowDone}); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("%v", err)
	}
}

func TestReadKey(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	check(t, err)
	project := filepath.Join(dir, "p")
	good, inside := filepath.Join(dir, "key"), filepath.Join(project, "key")
	check(t, os.Mkdir(project, 0o700), os.WriteFile(good, []byte(string(key)+"\n"), 0o600), os.WriteFile(inside, key, 0o600))
	if got, err := ReadKey(project, good, ""); err != nil || !bytes.Equal(got, key) {
		t.Errorf("%q, %v", got, err)
	}
	t.Setenv("WRAPIX_KEY", "short")
	for _, c := range [][2]string{{dir, ""}, {"/dev/zero", ""}, {dir + "/none", ""}, {"", "WRAPIX_KEY"}, {"", "WRAPIX_NO_KEY"}} {
		if got, err := ReadKey(project, c[0], c[1]); err == nil {
			t.Errorf("%v: %q", c, got)
		}
	}
	if _, err := ReadKey(project, inside, ""); !errors.Is(err, trust.ErrInProject) {
		t.Errorf("in the project: %v", err)
	}
}

func FuzzProgress(f *testing.F) {
	f.Add([]byte(`{"schema":1,"told":{"w-1":17},"trouble":{"since":"2026-03-01T12:00:00Z","tries":1}}`))
	f.Add([]byte(`{"schema":1,"told":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if p, err := parse(text); (err == nil) != (p != nil && p.Told != nil) {
			t.Errorf("%+v, %v", p, err)
		}
	})
}
