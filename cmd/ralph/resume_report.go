package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/filesystem"
	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/service"
)

// resumedDocument is `ralph resume --all --json`. The last one is kept, for `ralph service status`.
type resumedDocument struct {
	Schema   int               `json:"schema"`
	Began    time.Time         `json:"began"`
	Ended    time.Time         `json:"ended"`
	ExitCode int               `json:"exit_code"`
	Projects []projectDocument `json:"projects"`
}

// projectDocument tells of a project that had open workflows, or could not be looked at.
type projectDocument struct {
	Project   string                 `json:"project"`
	StateDir  string                 `json:"state_dir"`
	Held      string                 `json:"held"` // by whom, where another process works on it
	Problems  []problemDocument      `json:"problems"`
	Workflows []resumedWorkflowEntry `json:"workflows"`
}

type problemDocument struct {
	Message string `json:"message"`
	Try     string `json:"try"`
}

type resumedWorkflowEntry struct {
	ID      string        `json:"id"`
	Label   string        `json:"label"`
	State   string        `json:"state"`
	Waiting *waitDocument `json:"waiting"`
	TakenUp bool          `json:"taken_up"`
}

func newResumedDocument(projects []*resumed, stopped bool) resumedDocument {
	d := resumedDocument{Schema: schema, Projects: []projectDocument{}}
	codes := map[int]bool{exitInterrupted: stopped}
	for _, p := range projects {
		if p.held == "" && len(p.troubles) == 0 && len(p.workflows) == 0 {
			continue
		}
		entry := projectDocument{
			Project: p.state.Project, StateDir: p.state.Dir, Held: p.held,
			Problems: []problemDocument{}, Workflows: []resumedWorkflowEntry{},
		}
		codes[exitHeld] = codes[exitHeld] || p.held != ""
		for _, t := range p.troubles {
			codes[exitFailed] = true
			entry.Problems = append(entry.Problems, problemDocument{t.what, t.try})
		}
		for _, w := range p.workflows {
			codes[codeOfState(w.State)] = codes[codeOfState(w.State)] || p.held == ""
			workflow := resumedWorkflowEntry{ID: string(w.ID), Label: w.Label, State: string(w.State), TakenUp: p.taken[w.ID]}
			if wait := w.Waiting(); wait != nil {
				workflow.Waiting = &waitDocument{Kind: string(wait.Kind), Message: wait.Message}
			}
			entry.Workflows = append(entry.Workflows, workflow)
		}
		d.Projects = append(d.Projects, entry)
	}
	for _, code := range []int{exitInterrupted, exitFailed, exitStuck, exitBudget, exitHeld} {
		if codes[code] {
			d.ExitCode = code
			break
		}
	}
	return d
}

// lastRunName is where the document of the last run lies, beside the state folders.
const lastRunName = "resume.json"

// keep keeps the document in the place of the last one.
func (d resumedDocument) keep() error {
	dir, err := config.StatesDir()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return filesystem.Replace(filepath.Join(dir, lastRunName), append(text, '\n'))
}

// say prints a line, and the way out where there is one.
func (r *resumption) say(line, try string) {
	out := r.progressOut()
	text := terminal.Line(line) + "\n"
	if try != "" {
		text += tryLine(out, try)
	}
	r.print(text)
}

func (r *resumption) print(text string) {
	r.display.Lock()
	defer r.display.Unlock()
	fmt.Fprint(r.progressOut(), text)
}

// sayOf prints a line about a project.
func (r *resumption) sayOf(p *resumed, line, try string) { r.say(p.name()+": "+line, try) }

func (p *resumed) name() string {
	if p.state.Project == "" {
		return p.state.Dir
	}
	return p.state.Project
}

// leave leaves the project to the process that has it.
func (r *resumption) leave(p *resumed, held string) {
	p.held = held
	r.sayOf(p, "left alone: "+held, "")
}

// trouble keeps and prints what is wrong, once: what keeps one workflow from being worked on may keep them all.
func (r *resumption) trouble(p *resumed, t trouble) {
	if t.try == "" {
		t.try = "ralph doctor"
	}
	if p.state.Project != "" && (strings.HasPrefix(t.try, "ralph ") || strings.HasPrefix(t.try, "wrapix ")) {
		t.try = p.from() + t.try
	}
	for _, told := range p.troubles {
		if told == t {
			return
		}
	}
	p.troubles = append(p.troubles, t)
	r.sayOf(p, t.what, t.try)
}

// wayOut is what a person can do about a state folder that cannot be worked with.
func (p *resumed) wayOut(err error) string {
	dir := service.ShellWord(p.state.Dir)
	switch {
	case errors.Is(err, config.ErrNoProject):
		return "put it back, or, if the work is not needed any more: rm -r " + dir
	case errors.Is(err, fs.ErrPermission):
		return "let yourself read it: ls -ld " + service.ShellWord(p.name()) + " " + dir
	case errors.Is(err, p.state.Problem):
		return "if it is not needed: rm -r " + dir
	}
	return hintOf(err)
}

// from is how a command begins that is typed elsewhere than in the project.
func (p *resumed) from() string { return "cd " + service.ShellWord(p.state.Project) + " && " }

// tell prints where a workflow stands.
func (r *resumption) tell(p *resumed, w engine.Workflow) {
	r.print(terminal.Line(p.name()) + ": " + summary(r.progressOut(), w, len(openOnes(p.workflows)), p.from(), r.now()))
}
