package gateway

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/wrapix/wrapix/sandbox/allow"
)

// Denial is something that the policy refused, so many times since it was last told of.
type Denial struct {
	// Host is its name or address as the policy took it; what was no name is quoted and cut. Empty stands for all hosts
	// beyond the first maxHosts, so that a loop in the sandbox cannot make the account grow.
	Host   string
	Port   uint16
	Reason allow.Reason
	Count  int
}

// String tells a person what was refused, and why.
func (d Denial) String() string {
	where := net.JoinHostPort(d.Host, strconv.Itoa(int(d.Port)))
	switch {
	case d.Host == "":
		return fmt.Sprintf("further hosts (%d times)", d.Count)
	case d.Port == 0:
		where = d.Host
	}
	if d.Count > 1 {
		where += fmt.Sprintf(" (%d times)", d.Count)
	}
	return where + ": " + d.Reason.Words()
}

const (
	// maxHosts is how many hosts and ports are told apart.
	maxHosts = 32
	// tellAfter is how long what comes with a new host is gathered before it is told. As only new hosts are a reason to
	// tell before the end, a sandbox causes maxHosts+2 calls at most.
	tellAfter = time.Second
	// maxName bounds what is told of something that is no name.
	maxName = 80
	// hiddenHost stands for a host that cannot be looked at for secrets.
	hiddenHost = "[a host that is not told]"
)

// denials counts what was refused.
type denials struct {
	tell func([]Denial)
	hide func(host string) string // nil: nothing is to be hidden

	mu    sync.Mutex
	seen  map[Denial]bool
	fresh map[Denial]int // since they were told; the keys have no Count
	timer *time.Timer    // nil while nothing new is to be told
	ended bool
	calls sync.Mutex // held while tell runs
}

func newDenials(tell func([]Denial), hide func(string) string) *denials {
	return &denials{tell: tell, hide: hide, seen: map[Denial]bool{}, fresh: map[Denial]int{}}
}

// add counts one refusal.
func (d *denials) add(host string, port uint16, reason allow.Reason) {
	if shown := host; d.hide != nil { // all of it is looked at, before it is cut
		if host = d.hide(host); host != shown {
			port = 0
		}
	}
	if reason == allow.Malformed {
		host = strconv.QuoteToASCII(host[:min(len(host), maxName)])
	}
	key := Denial{Host: host, Port: port, Reason: reason}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.seen[key] && len(d.seen) >= maxHosts {
		key = Denial{Reason: allow.NotListed}
	}
	if !d.seen[key] && d.timer == nil && !d.ended {
		d.timer = time.AfterFunc(tellAfter, d.flush)
	}
	d.seen[key] = true
	d.fresh[key]++
}

// flush tells what has come since the last time.
func (d *denials) flush() {
	d.calls.Lock()
	defer d.calls.Unlock()
	d.mu.Lock()
	var list []Denial
	for key, n := range d.fresh {
		key.Count = n
		list = append(list, key)
	}
	clear(d.fresh)
	d.timer = nil
	d.mu.Unlock()
	if len(list) == 0 || d.tell == nil {
		return
	}
	slices.SortFunc(list, func(a, b Denial) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Reason, b.Reason))
	})
	d.tell(list)
}

// close tells the rest. A call that is under way is waited for.
func (d *denials) close() {
	d.mu.Lock()
	d.ended = true
	if d.timer != nil {
		d.timer.Stop()
	}
	d.mu.Unlock()
	d.flush()
}
