// Package webhook tells an address on the network of waits and ends.
//
// What has to be told is read from the event log, and how far it was told stands in a file beside it. So nothing that
// was recorded is lost, whatever happens to the process: the next one goes on where the last stood. A delivery that was
// made, and could not be noted any more, is made again under the same id.
//
// Sending has a goroutine of its own. Whoever records events is never kept waiting.
//
//	sender, err := webhook.Open(ctx, webhook.Options{URL: …, Log: store, State: folder, …})
//	defer sender.Close()
//	runner.Observe = sender.Observe
package webhook

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/failpoint"
)

const (
	// keep is how long an event is worth telling: an address that does not answer for so long is given up.
	keep = 3 * 24 * time.Hour
	// The time between tries of an address that does not answer doubles.
	firstBackoff = time.Second
	lastBackoff  = time.Hour
	// flush is how long Close goes on with what is left.
	flush = 3 * time.Second
)

// Log is where the events are.
type Log interface {
	List(ctx context.Context) ([]engine.Workflow, error)
	Events(ctx context.Context, id engine.WorkflowID, after uint64, yield func(engine.Event) error) error
}

// Options of Open.
type Options struct {
	URL     string
	Key     []byte // signs each delivery; empty: none is signed
	State   string // the folder in which is noted how far it was told
	StoreID string // makes the ids of deliveries unique
	Program string // how we name ourselves: "ralph/1.2"
	Log     Log
	Now     func() time.Time
	Note    func(line string) // for a person; called by another goroutine

	backoff time.Duration // the first; tests do not wait
}

// Sender delivers in the background. Its methods may be called from several goroutines.
type Sender struct {
	opts   Options
	client *http.Client
	told   *progress // of the goroutine

	mu     sync.Mutex
	behind map[engine.WorkflowID]string // those with something to tell, and their labels
	news   chan struct{}

	ctx      context.Context // of what is under way
	cancel   context.CancelFunc
	stopping chan struct{}
	stop     sync.Once
	done     chan struct{}
}

// Open starts to deliver what no earlier process did. Where there was none, what happened before now is not told.
func Open(ctx context.Context, opts Options) (*Sender, error) {
	if opts.backoff == 0 {
		opts.backoff = firstBackoff
	}
	all, err := opts.Log.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("open the webhook: %w", err)
	}
	told, err := load(opts.State)
	switch {
	case errors.Is(err, errDamaged):
		opts.Note("webhook: " + err.Error() + "; what is not old is told again")
	case err != nil:
		return nil, fmt.Errorf("open the webhook: %w", err)
	}
	first := told == nil && err == nil
	if told == nil {
		told = &progress{Schema: 1, Told: map[engine.WorkflowID]uint64{}}
	}
	s := &Sender{
		opts: opts, client: newClient(opts.URL), told: told, behind: map[engine.WorkflowID]string{},
		news: make(chan struct{}, 1), stopping: make(chan struct{}), done: make(chan struct{}),
	}
	for _, w := range all {
		switch {
		case first:
			told.Told[w.ID] = w.Seq
		case w.State.Ended() && opts.Now().Sub(w.Updated) > keep:
			delete(told.Told, w.ID) // nothing of it is told any more
		case told.Told[w.ID] > w.Seq: // an older copy of the database was put back
			told.Told[w.ID] = w.Seq
		case told.Told[w.ID] < w.Seq:
			s.behind[w.ID] = w.Label
		}
	}
	if first {
		if err := told.save(opts.State); err != nil {
			return nil, fmt.Errorf("open the webhook: %w", err)
		}
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	go s.work()
	return s, nil
}

// Observe is told of events that were recorded. It returns at once.
func (s *Sender) Observe(w engine.Workflow, events []engine.Event) {
	if !slices.ContainsFunc(events, tells) {
		return
	}
	s.mu.Lock()
	s.behind[w.ID] = w.Label
	s.mu.Unlock()
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// tells says whether an event is delivered: the begin of a wait, unless nobody needs to know of it, and the end.
func tells(e engine.Event) bool {
	if wait, ok := e.Data.(engine.WaitData); ok {
		return !wait.Quiet
	}
	return e.Type == engine.WorkflowDone || e.Type == engine.WorkflowFailed || e.Type == engine.WorkflowCancelled
}

// Close tries once more to deliver what is left, for a few seconds at most. The next process goes on with the rest.
func (s *Sender) Close() {
	s.stop.Do(func() {
		limit := time.AfterFunc(flush, s.cancel)
		close(s.stopping)
		<-s.done
		limit.Stop()
		s.cancel()
	})
}

// work delivers until it is told to stop, and then what is left as long as that goes well.
func (s *Sender) work() {
	defer close(s.done)
	pause := s.opts.backoff
	for {
		if err := s.deliver(); err != nil {
			select {
			case <-s.stopping:
				return
			default:
			}
			if !s.sleep(pause) { // told to stop: one last try
				_ = s.deliver()
				return
			}
			pause = min(2*pause, lastBackoff)
			continue
		}
		pause = s.opts.backoff
		select {
		case <-s.news:
		case <-s.stopping:
			_ = s.deliver()
			return
		}
	}
}

// sleep returns whether the time passed before it was to stop.
func (s *Sender) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.stopping:
		return false
	}
}

// deliver tells all that there is to tell, or returns why it could not.
func (s *Sender) deliver() error {
	for {
		id, label, any := s.next()
		if !any {
			return nil
		}
		err := s.opts.Log.Events(s.ctx, id, s.told.Told[id], func(e engine.Event) error { return s.tell(id, label, e) })
		if err != nil {
			s.mu.Lock()
			s.behind[id] = label
			s.mu.Unlock()
			return err
		}
	}
}

// next takes the workflow that is first by name of those with something to tell.
func (s *Sender) next() (id engine.WorkflowID, label string, any bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(s.behind)) {
		label := s.behind[id]
		delete(s.behind, id)
		return id, label, true
	}
	return "", "", false
}

// tell delivers one event, if it is one to be delivered, and notes that it was.
func (s *Sender) tell(id engine.WorkflowID, label string, e engine.Event) error {
	if !tells(e) {
		s.told.Told[id] = e.Seq
		return nil
	}
	if s.opts.Now().Sub(e.Time) > keep {
		s.opts.Note(fmt.Sprintf("webhook: %s of %s was not delivered in three days and is given up", e.Type, id))
	} else if err := s.post(id, label, e); err != nil {
		if s.ctx.Err() == nil { // else it was not its fault
			s.trouble(id, e, err)
		}
		return err
	}
	failpoint.Here("delivered")
	s.told.Told[id], s.told.Trouble = e.Seq, nil
	s.save()
	return nil
}

// trouble notes that the address does not take deliveries, and tells a person the first time.
func (s *Sender) trouble(id engine.WorkflowID, e engine.Event, err error) {
	t := Trouble{Since: s.opts.Now().UTC(), Workflow: id, Event: e.Seq}
	if before := s.told.Trouble; before != nil {
		t.Since, t.Tries = before.Since, before.Tries
	} else {
		s.opts.Note("webhook: " + err.Error() + "; it is tried again")
	}
	t.Tries++
	t.Error = err.Error()
	s.told.Trouble = &t
	s.save()
}

// save notes how far it was told. What cannot be noted is told again by the next process, under the same id.
func (s *Sender) save() {
	if err := s.told.save(s.opts.State); err != nil {
		s.opts.Note("webhook: " + err.Error())
	}
}
