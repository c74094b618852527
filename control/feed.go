package control

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/wrapix/wrapix/engine"
)

// Feed tells those who follow a workflow what happens in it. The engine's side ([Feed.Observe], [Feed.Output]) never
// waits for a reader: it puts an event, encoded once, into a bounded list and goes on; each reader takes from there at
// its own pace. What a reader missed is in the store, under the same sequence number. While nobody follows, the feed
// costs nothing and keeps nothing.
//
// The zero Feed is ready for use. Its fields must not be changed after that.
type Feed struct {
	// MaxEvents and MaxBytes bound what is kept of a workflow for readers that come later than the engine: 8192 events
	// and 4 MiB when zero. The latest event is kept whatever its size. What all readers have is let go.
	MaxEvents, MaxBytes int

	followers atomic.Int32
	mu        sync.Mutex
	topics    map[engine.WorkflowID]*topic
}

const (
	defaultMaxEvents = 8192
	defaultMaxBytes  = 4 << 20
)

// topic is what is kept of one workflow while somebody follows it.
type topic struct {
	frames  []frame // the latest events, without a gap
	bytes   int
	last    uint64 // the latest event; 0 when none came since the topic began
	ended   bool   // nothing follows the last one
	grown   map[engine.AttemptID]uint64
	readers map[*subscription]struct{}
}

// subscription is one reader's place. Its fields but the first two belong to the reader alone.
type subscription struct {
	wake   chan struct{} // holds a token when there may be something new
	has    uint64        // the event up to which it needs nothing any more; 0 while it reads the store
	feed   *Feed
	id     engine.WorkflowID
	topic  *topic
	output bool
	seen   map[engine.AttemptID]uint64
}

// Observe tells of events that are durable now, and of the workflow after them. It fits engine.Runner's field.
func (f *Feed) Observe(w engine.Workflow, events []engine.Event) {
	if f.followers.Load() == 0 || !f.followed(w.ID) {
		return
	}
	frames := make([]frame, 0, len(events))
	for _, e := range events {
		fr, err := newFrame(e)
		if err != nil {
			return // a gap in the feed: the readers ask the store, which says what is wrong
		}
		frames = append(frames, fr)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.topics[w.ID]
	if t == nil {
		return
	}
	for i, fr := range frames {
		t.add(fr, f.limits)
		t.activity(events[i])
	}
	t.ended = t.ended || w.State.Ended()
	t.wake(false)
}

// Output tells that an activity printed something. It may be called as often as that happens.
func (f *Feed) Output(w engine.WorkflowID, id engine.AttemptID) {
	if f.followers.Load() == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if t := f.topics[w]; t != nil {
		t.grown[id]++
		t.wake(true)
	}
}

func (f *Feed) followed(id engine.WorkflowID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.topics[id] != nil
}

func (f *Feed) limits() (events, bytes int) {
	events, bytes = f.MaxEvents, f.MaxBytes
	if events <= 0 {
		events = defaultMaxEvents
	}
	if bytes <= 0 {
		bytes = defaultMaxBytes
	}
	return events, bytes
}

// subscribe begins to keep a workflow's events for a reader. What was durable before is in the store, what comes after
// is in the feed.
func (f *Feed) subscribe(id engine.WorkflowID, output bool) *subscription {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.topics == nil {
		f.topics = map[engine.WorkflowID]*topic{}
	}
	t := f.topics[id]
	if t == nil {
		t = &topic{grown: map[engine.AttemptID]uint64{}, readers: map[*subscription]struct{}{}}
		f.topics[id] = t
	}
	s := &subscription{wake: make(chan struct{}, 1), feed: f, id: id, topic: t, output: output, seen: maps.Clone(t.grown)}
	t.readers[s] = struct{}{}
	f.followers.Add(1)
	return s
}

// close ends the subscription; with the last one all that was kept is let go.
func (s *subscription) close() {
	f := s.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(s.topic.readers, s)
	f.followers.Add(-1)
	if len(s.topic.readers) == 0 {
		delete(f.topics, s.id)
	}
}

// news is what there is for a reader.
type news struct {
	frames []frame // the events after the reader's, without a gap
	behind bool    // the events after the reader's are not kept any more
	ended  bool    // nothing follows the frames
	output []engine.AttemptID
}

// next returns what there is after the event of that number.
func (s *subscription) next(after uint64) news {
	f, t := s.feed, s.topic
	f.mu.Lock()
	defer f.mu.Unlock()
	s.has = after
	t.forget()
	n := news{ended: t.ended}
	if t.last > after {
		if len(t.frames) == 0 || t.frames[0].seq > after+1 {
			return news{behind: true}
		}
		n.frames = slices.Clone(t.frames[after+1-t.frames[0].seq:])
	}
	if !s.output {
		return n
	}
	for id, count := range t.grown {
		if s.seen[id] != count {
			n.output = append(n.output, id)
		}
	}
	s.seen = maps.Clone(t.grown)
	slices.SortFunc(n.output, func(a, b engine.AttemptID) int { return strings.Compare(a.String(), b.String()) })
	return n
}

// add puts an event behind the others. One that does not follow them begins the list anew, and the readers find that
// they are behind; one that was there is left out.
func (t *topic) add(fr frame, limits func() (events, bytes int)) {
	if fr.seq <= t.last {
		return
	}
	if fr.seq != t.last+1 {
		t.frames, t.bytes = nil, 0
	}
	t.frames, t.bytes, t.last = append(t.frames, fr), t.bytes+len(fr.text), fr.seq
	events, size := limits()
	for len(t.frames) > 1 && (len(t.frames) > events || t.bytes > size) {
		t.drop()
	}
}

// forget lets go what all readers have. Who comes later has it from the store.
func (t *topic) forget() {
	has := t.last
	for s := range t.readers {
		has = min(has, s.has)
	}
	for len(t.frames) > 0 && t.frames[0].seq <= has {
		t.drop()
	}
}

// drop lets the first event go.
func (t *topic) drop() {
	t.bytes -= len(t.frames[0].text)
	t.frames[0] = frame{} // appending copies the list now and then, but its text goes at once
	t.frames = t.frames[1:]
}

// activity notes which activities run.
func (t *topic) activity(e engine.Event) {
	id := engine.AttemptID{Task: e.Task, Number: e.Attempt}
	switch data := e.Data.(type) {
	case engine.IntendedData:
		id.Check = data.Check
		t.grown[id]++
	case engine.FinishedData:
		id.Check = data.Check
		delete(t.grown, id)
	case engine.InterruptedData:
		id.Check = data.Check
		delete(t.grown, id)
	}
}

// wake puts a token where there is none; a reader that has one is not waited for.
func (t *topic) wake(output bool) {
	for s := range t.readers {
		if output && !s.output {
			continue
		}
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}
