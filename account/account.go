// Package account moves a workflow's whole account between machines as one archive: its events, the folders of its
// attempts, and the snapshots of the project around them.
//
// An archive is a gzipped tar of plain files, in this order:
//
//	account.json        what it is: format, version, workflow, up to which event
//	events.jsonl        the events, one a line, as they are stored
//	attempts/T1/2/…     prompt, transcript and the like of each attempt and check that has ended
//	snapshots.json      the snapshots before and after attempts
//	snapshots.pack      their files, as one pack of git's
//	manifest.json       size and SHA-256 of each member before it
//
// It promises:
//   - an archive holds one workflow up to one event, also when it is made while a loop works on it. What ran just then
//     is named and not in it;
//   - an archive is foreign and hostile until the last byte of it was checked: nothing of it can be seen before, and
//     nothing of it is left when it is refused;
//   - an import is there whole or not at all, whatever happens to the process or the machine: [Recover] takes away what
//     one that was killed left.
//
// There is nothing in an archive but what belongs to the workflow. That is a lot: the texts of spec and configuration,
// what the agent was told and said, and the project's files.
package account

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/steps"
)

const (
	format  = "ralph account"
	version = 1
)

// Errors that callers decide on; compare with errors.Is.
var (
	// ErrForeign says that a file is no archive of ours, or not one any more.
	ErrForeign = errors.New("not an account that can be believed")
	// ErrNewer says that a newer program wrote the archive.
	ErrNewer = errors.New("written by a newer version")
	// ErrExists says that there is a workflow of that id already.
	ErrExists = errors.New("there is a workflow of that id already")
	// ErrTooLarge says that the archive would take more room than it may.
	ErrTooLarge = errors.New("larger than it may be")
)

// The members with names of their own.
const (
	headName      = "account.json"
	eventsName    = "events.jsonl"
	attemptsName  = "attempts"
	recordsName   = "snapshots.json"
	packName      = "snapshots.pack"
	manifestName  = "manifest.json"
	maxHead       = 64 << 10
	maxManifest   = 64 << 20
	maxRecords    = 256 << 20
	maxEvent      = 64 << 20  // one line; the longest holds a spec
	maxEvents     = 512 << 20 // all of them: the store takes them in one transaction, which lies in memory
	maxMembers    = 400_000
	copyBufferLen = 128 << 10
)

// head is the first member.
type head struct {
	Format   string            `json:"format"`
	Version  int               `json:"version"`
	Program  string            `json:"program"`
	Exported time.Time         `json:"exported"`
	Workflow engine.WorkflowID `json:"workflow"`
	Seq      uint64            `json:"seq"` // of the last event
	// Open are the activities that ran when the account was taken. Of them there is no folder.
	Open []engine.AttemptID `json:"open,omitempty"`
}

// manifest is the last member.
type manifest struct {
	Members []member `json:"members"`
}

type member struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Events calls yield for each event of the workflow, in order, until it returns an error.
type Events func(ctx context.Context, yield func(engine.Event) error) error

var (
	workflowPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)
	taskPattern     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	filePattern     = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}(\.[a-z0-9]{1,16}){1,3}$`)
)

// place says where a file of an attempt lies: the attempt or check, and its name there, which may begin with input/. The
// record is none: it repeats the transcript, and goes once the outcome is known.
func place(name string) (id engine.AttemptID, file string, ok bool) {
	parts := strings.Split(name, "/")
	if len(parts) < 4 || len(parts) > 6 || parts[0] != attemptsName || !taskPattern.MatchString(parts[1]) {
		return id, "", false
	}
	number, ok := positive(parts[2])
	if !ok {
		return id, "", false
	}
	id = engine.AttemptID{Task: engine.TaskID(parts[1]), Number: number}
	rest := parts[3:]
	if check, is := strings.CutPrefix(rest[0], "check-"); is && len(rest) > 1 {
		if id.Check, ok = positive(check); !ok {
			return id, "", false
		}
		rest = rest[1:]
	}
	if rest[0] == steps.InputName && len(rest) == 2 {
		return id, strings.Join(rest, "/"), filePattern.MatchString(rest[1])
	}
	return id, rest[0], len(rest) == 1 && filePattern.MatchString(rest[0]) && rest[0] != steps.RecordName
}

// memberName is the reverse of place.
func memberName(id engine.AttemptID, file string) string {
	name := fmt.Sprintf("%s/%s/%d/", attemptsName, id.Task, id.Number)
	if id.Check > 0 {
		name += fmt.Sprintf("check-%d/", id.Check)
	}
	return name + file
}

func positive(text string) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && n > 0 && strconv.Itoa(n) == text
}

// belongs says to which attempt of the workflow a snapshot belongs.
func belongs(message string, w engine.WorkflowID) (id engine.AttemptID, ok bool) {
	fields := strings.Fields(message)
	if len(fields) != 3 || fields[1] != string(w) {
		return id, false
	}
	id, err := engine.ParseAttemptID(fields[2])
	return id, err == nil && id.Number > 0 && message == steps.SnapshotMessage(fields[0], w, id) && (fields[0] == "before" || fields[0] == "after")
}
