package frame

import (
	"syscall"
	"time"
)

// Job is what the host asks of the guest. It travels as the guest's only argument, as JSON.
type Job struct {
	// Commands run one after the other, each whatever the one before it returned.
	Commands []Command `json:"commands"`
	// Collect names files inside whose content comes back in the Result.
	Collect []string `json:"collect,omitempty"`
	// Timeout is for all commands together; zero means none.
	Timeout time.Duration `json:"timeout,omitempty"`
	// Grace is what a command gets between the polite signal and the kill.
	Grace time.Duration `json:"grace,omitempty"`
	// TranscriptLimit bounds the bytes of standard output and of standard error, each, that are passed on.
	TranscriptLimit int64 `json:"transcript_limit,omitempty"`
	// Pids is the most processes that the commands may have at a time; zero means no limit of the guest's.
	Pids int64 `json:"pids,omitempty"`
	// OpenFiles is the most files that a process of the commands may have open; zero means no limit of the guest's.
	OpenFiles int64 `json:"open_files,omitempty"`
	// Memory bounds what the commands have in memory; nil means that nobody does.
	Memory *Memory `json:"memory,omitempty"`
	// Same are the mounted files that must be the ones that the host looked at: between its look and the mount, another
	// sandbox with the same workspace could have put a symbolic link to somewhere else in their place.
	Same []Identity `json:"same,omitempty"`
	// Secrets names the files of SecretsDir. What they hold is left out of everything that is passed on.
	Secrets []string `json:"secrets,omitempty"`
	// Files are put in place before the first command, unless something is there.
	Files []File `json:"files,omitempty"`
	// Attached makes the guest hand its own standard streams to the one command instead of framing them: for a person
	// at a terminal. There is no result frame then; the guest's exit code is the command's.
	Attached bool `json:"attached,omitempty"`
	// Env are variables of a further command (see ExecMode), added to those of the sandbox.
	Env map[string]string `json:"env,omitempty"`
	// Net is what leads out of the sandbox besides its own network; nil means nothing.
	Net *Net `json:"net,omitempty"`
}

// ExecMode is the guest's first argument where it is not process 1 but becomes a further command in a sandbox that runs.
// The second is a Job, of which only Commands, Secrets, Pids, OpenFiles and Env matter.
const ExecMode = "exec"

// Memory is a limit that the kernel or the guest holds the commands to.
type Memory struct {
	Limit int64 `json:"limit"` // bytes
	// Kernel says that the kernel does, and the guest only tells of it.
	Kernel bool `json:"kernel,omitempty"`
	// Tmpfs are the sandbox's own file systems in memory, whose files count.
	Tmpfs []string `json:"tmpfs"`
}

// Identity tells one file of the host from all others.
type Identity struct {
	Path string `json:"path"` // inside
	Dev  uint64 `json:"dev"`
	Ino  uint64 `json:"ino"`
}

// SecretsDir is where secrets lie inside, each in a file.
const SecretsDir = "/run/secrets"

// File is a small text that the sandbox has from its start, in a place where its user can write. Everybody who can
// inspect the container can read it.
type File struct {
	Path string `json:"path"`
	Text string `json:"text"`
}

// Command is one program to run inside.
type Command struct {
	// Name tells the commands of a Job apart in the Result.
	Name string `json:"name"`
	// Args is the program and its arguments. A program without a slash is looked up in PATH inside.
	Args []string `json:"args"`
	// Stdin is the path inside of a file to read standard input from; empty means /dev/null.
	Stdin string `json:"stdin,omitempty"`
	// Secrets names those that the command also gets as variables, for programs that read no files.
	Secrets []string `json:"secrets,omitempty"`
}

// StopSignal is Linux's SIGPWR. It tells the guest to stop, and nothing inside has a use for it: whoever sends it
// stands outside, such as a person with the engine's own stop or remove.
const StopSignal = syscall.Signal(30)

// StoppedMark is what the guest writes to the terminal of an attached command that has stopped, by itself or by Ctrl-Z.
// The host takes it out, and sends SIGCONT when the command is to go on. A command that writes it is only taken for stopped.
const StoppedMark = "\x1b]7117;wrapix-stopped\x1b\\"

// Ending says how a Job came to its end.
type Ending string

const (
	// EndedExited means every command ran and ended by itself, with whatever exit code.
	EndedExited Ending = "exited"
	// EndedTimeout means Job.Timeout passed, and Result.Error says how long that is; commands that had not run have no Exit.
	EndedTimeout Ending = "timeout"
	// EndedStopped means the guest was told to stop by StopSignal; commands that had not run have no Exit.
	EndedStopped Ending = "stopped"
	// EndedTerminated means that it was told by SIGTERM or SIGINT, as a command does that looks for others to end and
	// finds the guest, whose argument has all commands in it.
	EndedTerminated Ending = "terminated"
	// EndedMemory means that the commands had more memory than Job.Memory allows, and were killed; Result.Error says more.
	// Commands that had not run have no Exit.
	EndedMemory Ending = "memory_limit"
	// EndedStartFailed means a command could not be started; the reason is in Result.Error.
	EndedStartFailed Ending = "start_failed"
)

// Result is the last frame of a record: everything that the guest vouches for. Nothing in it can be written by the
// commands, except the content of Files and of Exit.Output, which are theirs.
type Result struct {
	Exits    []Exit            `json:"exits"`
	Files    map[string][]byte `json:"files,omitempty"`
	Stdout   Stream            `json:"stdout"`
	Stderr   Stream            `json:"stderr"`
	Ended    Ending            `json:"ended"`
	Error    string            `json:"error,omitempty"`
	Started  time.Time         `json:"started"`
	Finished time.Time         `json:"finished"`
}

// Exit is how one command ended.
type Exit struct {
	Name string `json:"name"`
	// Code is the exit code, or 128 + the signal's number for a command that a signal ended.
	Code int `json:"code"`
	// Signal is the name of the signal that ended the command, such as "SIGKILL"; empty for a normal exit.
	Signal   string    `json:"signal,omitempty"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	// Output is what the command wrote to both its streams, in the order in which it came: the first and the last
	// 4 KiB, with a line in between that says how much is missing.
	Output string `json:"output,omitempty"`
}

// Stream sums up one of the two output streams over all commands.
type Stream struct {
	// Bytes is how many were written by the commands, after secrets were replaced; Cut is how many of these are missing
	// from the record.
	Bytes int64 `json:"bytes"`
	Cut   int64 `json:"cut,omitempty"`
	// SHA256 is of the bytes that were passed on, in hexadecimal: what a transcript made from the record must have.
	SHA256 string `json:"sha256"`
}
