// Package sandbox is the container as a substrate: it says what to run, with which view of the host, and what comes
// back. It knows nothing of workflows.
//
// A [Spec] describes one sandbox, a [Runtime] makes it real (package podman), and [Run] takes one from its creation to
// its [Result]. Inside, process 1 is always our own guest. It starts the commands, and reports their output and outcome
// as frames on its own standard output; the engine's monitor, which lives outside of the sandbox and longer than we do,
// writes these to the record, a file of the host. So the record can be neither forged from inside nor lost with us:
// after a crash [Resume] reads it again from its first byte.
//
//	result, err := sandbox.Run(ctx, rt, sandbox.Spec{
//		Name:      "ralph-a-b-T1-1",
//		Image:     "localhost/wrapix/base",
//		Workspace: sandbox.Workspace{Source: "/home/me/project", Access: sandbox.ReadWrite},
//		Commands:  []sandbox.Command{{Name: "agent", Args: []string{"claude", "-p"}, Stdin: "/run/ralph/prompt.md"}},
//		Record:    "/home/me/.local/state/ralph/p/attempts/b/T1/1/record",
//	}, sink)
//
// Whoever calls Run removes the container after having noted the result.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/wrapix/wrapix/sandbox/frame"
	"github.com/wrapix/wrapix/sandbox/gateway"
)

// Paths inside every sandbox.
const (
	// WorkspaceDir is where Spec.Workspace is mounted, and the working directory of every command.
	WorkspaceDir = "/workspace"
	// InputDir is where Spec.Input is mounted, read-only.
	InputDir = "/run/ralph"
	// SecretsDir is where Spec.Secrets lie.
	SecretsDir = frame.SecretsDir
	// HomeDir is the user's home, a tmpfs.
	HomeDir = "/home/agent"
	// OutputDir is a tmpfs that the commands can write: the place for files that Spec.Collect names.
	OutputDir = "/run/out"
)

// DefaultTranscriptLimit is how much of each output stream is passed on when Spec.TranscriptLimit is zero.
const DefaultTranscriptLimit = 256 << 20

// Access is what a sandbox may do to its workspace.
type Access string

const (
	// ReadWrite lets writes through to the host. Files made inside belong to the caller outside.
	ReadWrite Access = "rw"
	// ReadOnly refuses writes.
	ReadOnly Access = "ro"
	// Discard lets the sandbox write, and throws the writes away with the container.
	Discard Access = "discard"
)

// Network is what a sandbox can reach.
type Network string

const (
	// NetworkOpen reaches what the host reaches, except the host's own loopback.
	NetworkOpen Network = "open"
	// NetworkNone has nothing but a loopback of its own.
	NetworkNone Network = "none"
	// NetworkAllowlist has no network but a proxy on its loopback, which reaches the names of Spec.Allow.
	NetworkAllowlist Network = "allowlist"
)

// Spec describes one sandbox. The zero values of all fields but Name, Image and Commands work.
type Spec struct {
	// Name is unique on the host, and how everything refers to the container afterwards.
	Name   string
	Labels map[string]string
	// Image is a reference or an id of an image that the host has. Its entry point, environment, working directory and
	// volumes do not matter.
	Image     string
	Workspace Workspace
	// Input is a folder of the host, mounted read-only at InputDir; empty means none.
	Input  string
	Mounts []Mount
	// Volumes are what later sandboxes find again: see Volume.
	Volumes []Volume
	// Env is added to the small environment that every command has, and wins over it: see Environment.
	Env     map[string]string
	Network Network // empty means NetworkOpen
	Limits  Limits
	// Secrets are files in SecretsDir, which only the sandbox's user can read. Nothing that the sandbox reports has one:
	// the guest puts "[secret NAME]" in its place. Attached, what the command prints is the caller's as it is.
	Secrets []Secret
	// Files are small texts that are there from the start, where the user can write: see frame.File. None is secret.
	Files []File
	// Allow is the list of NetworkAllowlist; see package allow.
	Allow []string
	// HostPorts are ports of the host's loopback that appear on the sandbox's own, whatever the network is. A person must
	// have approved them.
	HostPorts []int
	// Ports are ports of the sandbox's loopback that appear on the host's, at 127.0.0.1. A person must have approved them.
	Ports []int
	// Gateway is a folder of the host for this sandbox alone, which whoever removes the sandbox removes too. It is needed
	// with any of the three above; sandboxes without them have none.
	Gateway string
	// GatewayOptions replace the host's resolver and network; their Denied is not used.
	GatewayOptions gateway.Options
	// Commands run one after the other. What one of them leaves running is killed before the next starts.
	Commands []Command
	// Collect names files inside whose content comes back in Result.Files, at most 4 MiB of each. Files that do not
	// exist at the end, or are not regular, are left out.
	Collect []string
	// Timeout is for all commands together; zero means none.
	Timeout time.Duration
	// Grace is what a command gets between SIGTERM and SIGKILL when the time is over; zero means five seconds.
	Grace time.Duration
	// TranscriptLimit bounds each output stream; zero means DefaultTranscriptLimit. Beyond it the head and a tail of
	// at most 16 MiB are passed on.
	TranscriptLimit int64
	// Record is the host path of the record, in a folder that only the caller can write and that no sandbox sees.
	// It must not exist yet. Left empty with Attached, unless it is to be kept: then the monitor writes there what the
	// command prints, for ReadLog.
	Record string
	// Attached connects the one command with the caller's own streams (RunAttached) instead of a record. There is no
	// time limit then, and nothing is collected.
	Attached bool
	// Terminal gives an attached command a terminal.
	Terminal bool
	// Keep lets an attached sandbox outlive its caller: it stays when the command has ended, until it is removed, and goes
	// on where the caller's streams end before. Nothing of the caller's may be needed then, so it can have no gateway.
	Keep bool
}

// Workspace is the folder that the sandbox works on. An empty Source means that there is none: WorkspaceDir is then an
// empty tmpfs.
type Workspace struct {
	Source string
	Access Access // empty means ReadWrite
}

// Mount is a further folder or file of the host. A person must have approved it: no agent may choose one. Package mounts
// makes it from what a person wrote, and refuses what no sandbox may have.
type Mount struct {
	Source, Dest string
	ReadOnly     bool
	// Dev and Ino are what must be found at Dest: whoever checked the source saw this file, and by the time of the mount
	// its path can lead to another. Zero means that nothing else can write along the path.
	Dev, Ino uint64
}

// Limits bound what a sandbox takes from the host; zero means unlimited where nothing else is said. Where the kernel does
// not enforce one, the sandbox does itself (memory) or goes without it (CPUs), and the runtime says so in its Check.
type Limits struct {
	MemoryBytes int64
	CPUs        float64
	// Pids is the number of processes and threads. Some more may be let through, never fewer.
	Pids int64
	// TmpBytes is what /tmp can hold, and /var/tmp again as much. Both lie in memory; zero means a share of the host's.
	TmpBytes int64
	// HomeBytes is what HomeDir can hold, and a folder in it around a mount again as much, in memory too; zero means a share
	// of the host's.
	HomeBytes int64
	// Files is how many files one process can have open; zero means 65536, or what this process may have if that is less.
	// No more than that are given.
	Files int64
}

// What host and guest say to each other; see package frame.
type (
	// Command is one program to run inside.
	Command = frame.Command
	// File is a small text that a sandbox has from its start.
	File = frame.File
	// Result is what the guest vouches for at the end.
	Result = frame.Result
	// Exit is how one command ended.
	Exit = frame.Exit
	// Stream sums up one output stream.
	Stream = frame.Stream
	// Ending says how a Result came about.
	Ending = frame.Ending
)

// StoppedMark is in the output of an attached command's terminal when the command has stopped; see package frame.
const StoppedMark = frame.StoppedMark

// The endings of a Result.
const (
	EndedExited      = frame.EndedExited
	EndedTimeout     = frame.EndedTimeout
	EndedStopped     = frame.EndedStopped
	EndedTerminated  = frame.EndedTerminated
	EndedMemory      = frame.EndedMemory
	EndedStartFailed = frame.EndedStartFailed
)

// Denial is something that the policy of NetworkAllowlist refused.
type Denial = gateway.Denial

// State is where a container stands.
type State string

const (
	// StateCreated containers were never started.
	StateCreated State = "created"
	// StateRunning containers have a living process 1.
	StateRunning State = "running"
	// StateExited containers have ended and wait to be removed.
	StateExited State = "exited"
)

// Container is what a Runtime knows about one of its containers.
type Container struct {
	Name, ID, Image string
	Labels          map[string]string
	State           State
	ExitCode        int // -1 where nobody saw how it ended, as before a reboot
	Created         time.Time
}

// Streams are the caller's ends of an attached sandbox. A nil reader is an empty one, a nil writer drops.
type Streams struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Terminal must be as in the Spec. With a terminal everything comes on Stdout.
	Terminal bool
	// Resize brings the size of the caller's terminal, at the start and whenever it changes; RunAttached passes it on.
	Resize <-chan Size
	// Denied is told of what the network's policy refused, now and then.
	Denied func([]Denial)
	// Watch leaves the standard input of a sandbox that runs as it is: nothing is written there, and no end of it told.
	Watch bool
	// Signals are for the command of Exec, and for all that it started in its group.
	Signals <-chan syscall.Signal
}

// Size is that of a terminal, in characters.
type Size struct{ Width, Height int }

// Runtime makes sandboxes. All methods can be called from several goroutines, and from a different process than the
// one that created the container. They return ErrNotFound for a name that does not exist, unless their comment says
// otherwise.
type Runtime interface {
	// Create makes the container and does not start it. It returns ErrExists, and changes nothing, if the name is taken.
	// A container that was created is found by List at once, even if we die before Create returns.
	Create(ctx context.Context, spec Spec) error
	// Start starts a container that was created. It returns when process 1 has been started.
	Start(ctx context.Context, name string) error
	// Wait returns when the container is not running any more, with its exit code. It returns at once for one that has
	// ended already, and waits for one that was not started yet. ErrNotFound also means that it was removed meanwhile.
	Wait(ctx context.Context, name string) (int, error)
	// Signal sends a signal, such as "SIGINT", to process 1. It does nothing to a container that does not run.
	Signal(ctx context.Context, name, signal string) error
	// Stop asks process 1 to end, kills everything after grace, and returns when the container has ended. It does
	// nothing to a container that does not run or does not exist.
	Stop(ctx context.Context, name string, grace time.Duration) error
	// Remove kills and removes the container with all that belongs to it, except its record. It does nothing if there is
	// no such container.
	Remove(ctx context.Context, name string) error
	// EndOrphans ends what is left of containers whose names begin so and that the engine does not know any more, because
	// it died while it made or started them, and takes the secrets that it has for them. None of them may be in the making.
	EndOrphans(ctx context.Context, prefix string) error
	// List returns the containers, running or not, that carry all the labels, in no particular order.
	List(ctx context.Context, labels map[string]string) ([]Container, error)
	Inspect(ctx context.Context, name string) (Container, error)
	// Volumes returns the engine's volumes that carry all the labels, in no particular order.
	Volumes(ctx context.Context, labels map[string]string) ([]Volume, error)
	// RemoveVolume removes a volume with all that is in it. It returns ErrInUse, and removes nothing, if there is a sandbox
	// that has it, running or not. It does nothing if there is no such volume.
	RemoveVolume(ctx context.Context, name string) error
	// Attach connects the streams of a container that was created with Spec.Attached and not started yet, or of one that
	// runs; streams.Terminal must be as in its Spec. When it returns, no output can be missed; the function that it returns waits for the end of the output. Stdin is read
	// until its end or an error; a read that is under way when the sandbox ends is not waited for.
	Attach(ctx context.Context, name string, streams Streams) (wait func() error, err error)
	// Exec runs a further command in a running container, beside its own and as that one: the same user, folder, limits and
	// variables, secrets included, and those of env. It returns the exit code. When ctx is cancelled the command is killed.
	Exec(ctx context.Context, name string, args []string, env map[string]string, streams Streams) (int, error)
	// Resize tells the terminal of a running container its size.
	Resize(ctx context.Context, name string, size Size) error
	// Close frees what the Runtime holds. Containers stay.
	Close() error
}

// What callers decide on.
var (
	// ErrExists means that a container of this name is there already.
	ErrExists = errors.New("a sandbox of this name exists")
	// ErrNotFound means that there is no container of this name.
	ErrNotFound = errors.New("no such sandbox")
	// ErrNoImage means that the host does not have the image.
	ErrNoImage = errors.New("no such image")
	// ErrUnfinished means that a sandbox was started, and what became of it could not be seen: Resume finds out.
	ErrUnfinished = errors.New("the sandbox was started, and its result is not known yet")
	// ErrLost means that a sandbox ended, or is gone, and left no result.
	ErrLost = errors.New("the sandbox ended without a result")
	// ErrDamaged means that the host did not keep what the sandbox reported: its disk was full, say. It is an ErrLost.
	ErrDamaged = fmt.Errorf("%w: its record is damaged", ErrLost)
)

// Error is a failure with what was being done and, where we know it, the way out.
type Error struct {
	// Op is what was being done, such as "connect to Podman".
	Op  string
	Err error
	// Hint is a command or a short sentence; commands of ours print it after "try: ".
	Hint string
}

// Error returns what happened, without the hint.
func (e *Error) Error() string { return fmt.Sprintf("%s: %v", e.Op, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
