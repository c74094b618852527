// Package agent drives the clients that work on tasks: how each is started, and what its output means.
//
// A [Driver] knows one client. What the engine has use for is in a [Report]: a signal, a session, what was used, and why the
// turn does not count. It is read from what the client prints on standard output, from the first byte on, so that the same
// output gives the same report, whoever reads it when: also another process, after a crash.
//
// Whatever the client prints was chosen by an agent, which read what others wrote. So it is taken as a claim: no text of it
// is searched for words that a limit or an error is known by, only the records in which a client says so.
package agent

import (
	"time"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/sandbox"
)

// Driver is one client.
type Driver interface {
	// Launch says how the client is started for one turn, that is, for one attempt.
	Launch(t Turn) Launch
	// Kind names the client, as the configuration does.
	Kind() string
	// Reader reads one turn's output. show is given what people are shown of it; it must not block.
	Reader(show func([]byte)) Reader
}

// Reading returns a driver of a kind that is good for reading only, and whether there is one.
func Reading(kind string) (Driver, bool) {
	for _, d := range []Driver{Command{}, Claude{}} {
		if d.Kind() == kind {
			return d, true
		}
	}
	return nil, false
}

// Turn is what the client is to do.
type Turn struct {
	Prompt string // path of the prompt inside
}

// Launch is how a client is started in a sandbox.
type Launch struct {
	Command sandbox.Command
	Env     map[string]string
	// Files are settings, put in place anew for each attempt. None is secret.
	Files []sandbox.File
}

// Reader reads what a client prints on standard output. It is called from one goroutine.
type Reader interface {
	// Write takes the next bytes, whatever they are.
	Write(b []byte)
	// Report is what they have said so far; after the last byte it is the turn's.
	Report() Report
}

// Report is what a client says of its turn.
type Report struct {
	Signal  engine.Signal
	Message string // of the signal

	Session                   string // the client's own name for the turn, or empty
	Model                     string // what it says that it uses, or empty
	CostUSD                   float64
	InputTokens, OutputTokens int64 // input with what came from a cache

	// Over says that the client has nothing more to say, although it may still run.
	Over bool
	// Failed says why the turn does not count, or is empty.
	Failed string
	// Shut says that the client's service takes no work, which is no failure of the task. It comes with Over.
	Shut *engine.ShutError
	// Fault says that the service could not be reached or did not work, which is none either, or is empty.
	Fault string
}

// graceAfterResult is what a client gets to end by itself after its last word.
const graceAfterResult = 10 * time.Second

// Grace is how long a client that has said its last word is let run on. One whose service is shut tries again and again,
// and is not waited for.
func (r Report) Grace() time.Duration {
	if r.Shut != nil {
		return 0
	}
	return graceAfterResult
}
