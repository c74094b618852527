package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/wrapix/wrapix/given"
	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/sandbox"
)

// pruneVolumes removes the caches of projects that are gone, and those of others that a person lets go. What a sandbox has
// stays.
func pruneVolumes(ctx context.Context, rt sandbox.Runtime, s streams, agreed bool) error {
	all, err := rt.Volumes(ctx, map[string]string{labelOurs: "1"})
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b sandbox.Volume) int {
		return cmp.Or(cmp.Compare(a.Labels[labelProject], b.Labels[labelProject]), cmp.Compare(a.Name, b.Name))
	})
	var gone, others []sandbox.Volume
	for _, v := range all {
		if v.Labels[given.LabelVolume] == "" {
			continue // not a project's
		}
		if _, err := os.Lstat(v.Labels[labelProject]); errors.Is(err, fs.ErrNotExist) {
			gone = append(gone, v)
		} else {
			others = append(others, v)
		}
	}
	failed := removeVolumes(ctx, rt, s, gone, "the project is gone")
	if len(others) == 0 {
		return failed
	}
	if !agreed && (!isTerminal(s.in) || !isTerminal(s.out)) {
		for _, v := range others {
			fmt.Fprintf(s.out, "kept %s; wrapix prune --volumes --yes removes it\n", volumeWords(v))
		}
		return failed
	}
	if !agreed {
		var words []string
		for _, v := range others {
			words = append(words, "  "+volumeWords(v))
		}
		fmt.Fprintln(s.out, strings.Join(words, "\n"))
		if agreed, err = yes(ctx, s, "Remove these caches? What was in them is downloaded again."); err != nil || !agreed {
			return errors.Join(failed, err)
		}
	}
	return errors.Join(failed, removeVolumes(ctx, rt, s, others, "no sandbox has it"))
}

// removeVolumes removes volumes, says so with the reason, and goes on after a failure.
func removeVolumes(ctx context.Context, rt sandbox.Runtime, s streams, list []sandbox.Volume, why string) error {
	var failed []error
	for _, v := range list {
		switch err := rt.RemoveVolume(ctx, v.Name); {
		case errors.Is(err, sandbox.ErrInUse):
			fmt.Fprintf(s.out, "kept %s: a sandbox has it\n", volumeWords(v))
		case err != nil:
			failed = append(failed, err)
		default:
			fmt.Fprintf(s.out, "removed %s: %s\n", volumeWords(v), why)
		}
	}
	return errors.Join(failed...)
}

func volumeWords(v sandbox.Volume) string {
	return fmt.Sprintf("%s, the %s cache of %s", v.Name, terminal.Line(v.Labels[given.LabelVolume]), terminal.Line(v.Labels[labelProject]))
}
