// Package control is how other processes reach the one that has a project's store open: a Unix socket in the state
// folder that speaks HTTP and JSON, and server-sent events where something is followed. `docs/control-api.md` is its
// contract.
//
// It promises:
//   - only the user who serves can connect: the socket has mode 0600 in a folder of mode 0700, and both ends ask the
//     kernel who the other one is;
//   - whatever a peer sends or fails to send, it costs a bounded amount of memory and time, and the loop never waits
//     for it;
//   - a reader that follows gets every event once and in order, whatever was lost on the way ([Client.Follow]);
//   - "nobody runs" ([ErrNobody]) is told from "somebody runs and refuses", and an answer from another version of the
//     program is never misread ([VersionError]).
//
// The [Server] serves what its [Backend] knows and does; what a command means is the engine's business. The [Feed]
// stands between the engine, which tells it of events, and those who follow them. A [Client] reads like the store does:
//
//	c, err := control.Dial(ctx, control.ClientOptions{Folder: state, Program: version})
//	if errors.Is(err, control.ErrNobody) {
//		// open the store itself
//	}
//	defer c.Close()
//	w, err := c.Load(ctx, id)
package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/wrapix/wrapix/engine"
)

// SocketName is the name of the socket in a project's state folder.
const SocketName = "control.sock"

// API is the version of the interface that this package speaks, on both ends. What is added without changing the rest
// (an endpoint, a field, a command) leaves it as it is.
const API = 1

// Errors that callers decide on, besides those of the engine, which come through the socket as what they are; compare
// with errors.Is.
var (
	// ErrNobody says that no process serves the folder: none runs, or the one that ran has ended.
	ErrNobody = errors.New("nobody runs here")
	// ErrClosing says that the process that serves is about to end and takes nothing new. It is an ErrNobody too: who
	// gets it goes on as if nobody ran, and waits for the store's lock a moment.
	ErrClosing = fmt.Errorf("%w any more: it is about to end", ErrNobody)
	// ErrServed says that another process serves the folder already.
	ErrServed = errors.New("another process serves here")
	// ErrVersion says that client and server do not speak the same version. [VersionError] says which ones.
	ErrVersion = errors.New("other version of the control interface")
	// ErrForbidden says that the other end belongs to somebody else.
	ErrForbidden = errors.New("not the same user")
	// ErrBusy says that the server has as many connections as it takes.
	ErrBusy = errors.New("too many connections")
	// ErrRequest says that a request cannot be meant: it does not have the documented form.
	ErrRequest = errors.New("not a valid request")
	// ErrUnknownCommand says that a command does not exist, or not in this version.
	ErrUnknownCommand = errors.New("unknown command")
	// ErrCut says that the connection broke before the answer was whole. Whether a command was carried out is not known.
	ErrCut = errors.New("the connection broke before the answer was whole")
)

// Reader is what can be asked. The store is one, and so is a [Client]: a command that only looks takes either.
type Reader interface {
	// Load returns a workflow's projection, or [engine.ErrNotFound].
	Load(ctx context.Context, id engine.WorkflowID) (engine.Workflow, error)
	// Overview returns a workflow for those who only show where it stands: it leaves out what is large. Nothing may be
	// decided from it.
	Overview(ctx context.Context, id engine.WorkflowID) (engine.Workflow, error)
	// List returns the workflows in order of creation, without their tasks and sources.
	List(ctx context.Context) ([]engine.Workflow, error)
	// Events calls yield for each event after the given sequence number, in order, until it returns an error.
	Events(ctx context.Context, id engine.WorkflowID, after uint64, yield func(engine.Event) error) error
}

// Backend is what a server serves. Its methods are called from several goroutines at once and end when ctx does.
type Backend interface {
	Reader
	// Do decides the command on the workflow as it is now, makes it durable, and returns the workflow after it.
	Do(ctx context.Context, id engine.WorkflowID, c engine.Command) (engine.Workflow, error)
	// Backup writes the whole database as it is now to w.
	Backup(ctx context.Context, w io.Writer) error
}

// Version says who serves. Its JSON keeps its form in every version to come, so that any client can read it.
type Version struct {
	API     int       `json:"api"`
	Program string    `json:"program"` // the program's own version
	Command string    `json:"command"` // what it runs, such as "ralph loop"
	PID     int       `json:"pid"`
	Since   time.Time `json:"since"`
	Host    string    `json:"host"`
	Folder  string    `json:"cwd"` // where it was started
	// Workflow is the one that it works on, where it works on one. Older programs do not tell it.
	Workflow engine.WorkflowID `json:"workflow,omitempty"`
}

// String names the process.
func (v Version) String() string {
	return fmt.Sprintf("%s (version %s, process %d on %s, since %s, in %s)",
		v.Command, v.Program, v.PID, v.Host, v.Since.Local().Format(time.DateTime), v.Folder)
}

// VersionError says that client and server do not understand each other. It is [ErrVersion].
type VersionError struct {
	Client, Server Version // of the client only API and Program are known
}

// Error names both versions.
func (e *VersionError) Error() string {
	return fmt.Sprintf("%s of version %s (process %d) speaks control interface %d, and this program of version %s speaks %d",
		e.Server.Command, e.Server.Program, e.Server.PID, e.Server.API, e.Client.Program, e.Client.API)
}

// Is makes a VersionError an ErrVersion.
func (e *VersionError) Is(target error) bool { return target == ErrVersion }

// hint adds the way out.
func (e *VersionError) hint() error {
	return &engine.Hint{Err: e, Try: fmt.Sprintf(
		"use the program of version %s, or end that process and go on with this one: kill -INT %d", e.Server.Program, e.Server.PID)}
}
