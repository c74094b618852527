package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/internal/filesystem"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/steps"
	"github.com/wrapix/wrapix/store"
	"github.com/wrapix/wrapix/trust"
	"github.com/wrapix/wrapix/webhook"
)

// checkStore checks the database and looks at what lies beside it.
func (p *project) checkStore(ctx context.Context, dir string) []sandbox.Finding {
	s, err := p.readStore(false)
	switch {
	case errors.Is(err, errNoWorkflow):
		return nil
	case errors.Is(err, store.ErrHeld):
		return []sandbox.Finding{{Severity: warning, Code: "store", Text: "the store is in use and was not looked at: " + err.Error(), Fix: hintOf(err)}}
	case err != nil:
		return []sandbox.Finding{broken("store", err)}
	}
	defer s.Close()
	problems, err := s.Verify(ctx)
	if err != nil {
		return []sandbox.Finding{broken("store", err)}
	}
	var findings []sandbox.Finding
	for _, problem := range problems {
		text := "the store is damaged: " + problem.Text
		if problem.Workflow != "" {
			text = fmt.Sprintf("the store is damaged in workflow %s: %s", problem.Workflow, problem.Text)
		}
		findings = append(findings, sandbox.Finding{Severity: failure, Code: "store", Text: text})
	}
	if len(findings) == 0 {
		findings = []sandbox.Finding{{Severity: fine, Code: "store", Text: "the store is whole: every workflow is what its events say"}}
	}
	findings = append(findings, checkSizes(dir, s), checkLeftovers(dir))
	findings = append(findings, checkAttempts(ctx, dir, s)...)
	return append(findings, p.webhookFindings(ctx, dir, s)...)
}

// muchUnused is how much of the database may be unused before a person is told, if it is also the larger part.
const muchUnused = 64 << 20

// checkSizes says how large everything of the project is.
func checkSizes(dir string, s *store.Store) sandbox.Finding {
	size, unused, err := s.Usage()
	attempts, errAttempts := sizeOf(filepath.Join(dir, steps.AttemptsName))
	snapshots, errSnapshots := sizeOf(filepath.Join(dir, steps.SnapshotsName))
	if err := errors.Join(err, errAttempts, errSnapshots); err != nil {
		return broken("sizes", err)
	}
	bytes := func(n int64) string { return filesystem.Bytes(uint64(max(n, 0))) }
	f := sandbox.Finding{Severity: fine, Code: "sizes", Text: fmt.Sprintf("the database has %s, %s of that unused; transcripts have %s, snapshots %s",
		bytes(size), bytes(unused), bytes(attempts), bytes(snapshots))}
	if unused > muchUnused && unused > size/2 {
		f.Severity, f.Fix = warning, "ralph prune --older-than 30d"
	}
	return f
}

// checkLeftovers looks for files that a killed process left. Nobody else uses the store just now.
func checkLeftovers(dir string) sandbox.Finding {
	left := store.Leftovers(filepath.Join(dir, store.File))
	for _, pattern := range []string{".doctor-*", ".room-*", ".backup-*", "." + trust.File + "-*", "." + webhook.File + "-*"} {
		found, _ := filepath.Glob(filepath.Join(dir, pattern)) // the pattern is right
		left = append(left, found...)
	}
	if len(left) == 0 {
		return sandbox.Finding{Severity: fine, Code: "leftovers", Text: "nothing is left of processes that were killed"}
	}
	return sandbox.Finding{
		Severity: warning, Code: "leftovers", Text: fmt.Sprintf("%s left of processes that were killed", count(len(left), "file")),
		Fix: "rm -f " + strings.Join(left, " "),
	}
}

// checkAttempts looks for folders of workflows that the store does not know.
func checkAttempts(ctx context.Context, dir string, s *store.Store) []sandbox.Finding {
	entries, err := os.ReadDir(filepath.Join(dir, steps.AttemptsName))
	if err != nil {
		return nil // none was made yet
	}
	all, err := s.List(ctx)
	if err != nil {
		return []sandbox.Finding{broken("attempts", err)}
	}
	var findings []sandbox.Finding
	for _, e := range entries {
		if !slices.ContainsFunc(all, func(w engine.Workflow) bool { return string(w.ID) == e.Name() }) {
			path := filepath.Join(dir, steps.AttemptsName, e.Name())
			findings = append(findings, sandbox.Finding{
				Severity: warning, Code: "attempts", Text: "no workflow is known that the attempts in " + path + " belong to", Fix: "rm -r " + path,
			})
		}
	}
	return findings
}
