package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/sandbox"
)

func newPrune(connect connectFunc) *cobra.Command {
	var running, volumes, agreed bool
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove sandboxes that nobody looks after any more",
		Long: `prune removes sandboxes of wrapix and ralph that nobody looks after any more: their process was killed, or the host
went down. It never touches one whose process lives.

A sandbox of a killed ralph loop that still runs is kept, because the next ralph loop takes it up and follows it to its
end; --running gives up what its agent is doing.

A sandbox that was started with --rm=false and has ended is removed after asking, with its log. One that runs is kept:
wrapix stop ends it.

--volumes also removes caches (of cargo, pip, uv, go and nix) that no sandbox has: those of projects that are gone, and, after
asking, those of all others. What was in them is downloaded again.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			engine, err := connect(cmd)
			if err != nil {
				return err
			}
			defer engine.Close()
			if err := prune(cmd.Context(), engine, running, cmd.OutOrStdout()); err != nil {
				return err
			}
			if err := pruneKept(cmd.Context(), engine, std(), agreed); err != nil {
				return err
			}
			left, err := engine.PruneSecrets(cmd.Context())
			for _, name := range left {
				fmt.Fprintf(cmd.OutOrStdout(), "removed %s from Podman's secrets: its process is gone\n", name)
			}
			if err != nil || !volumes {
				return err
			}
			return pruneVolumes(cmd.Context(), engine, std(), agreed)
		},
	}
	cmd.Flags().BoolVar(&volumes, "volumes", false, "also caches that no sandbox has")
	cmd.Flags().BoolVar(&agreed, "yes", false, "do not ask about kept sandboxes that have ended and, with --volumes, about caches")
	cmd.Flags().BoolVar(&running, "running", false, "also sandboxes that a killed ralph loop would take up again")
	return cmd
}

// prune removes what is left over and says what it was. It goes on after a failure.
func prune(ctx context.Context, rt sandbox.Runtime, running bool, w io.Writer) error {
	// Before the sandboxes: a claim that is held now may belong to a sandbox that is not made yet.
	stale, err := staleClaims()
	if err != nil {
		return fmt.Errorf("look for claims without a process: %w", err)
	}
	all, err := sandboxes(ctx, rt)
	if err != nil {
		return err
	}
	var failed []error
	for _, s := range all {
		why := leftOver(s)
		if why == "" {
			continue
		}
		if s.resumable() && !running {
			fmt.Fprintf(w, "kept %s: it still runs, and ralph loop in %s takes it up\n", s.Name, s.Project)
			continue
		}
		if err := rt.Remove(ctx, s.Name); err != nil {
			failed = append(failed, fmt.Errorf("remove %s: %w", s.Name, err))
			continue
		}
		fmt.Fprintf(w, "removed %s: %s\n", s.Name, why)
	}
	for _, path := range stale {
		if err := removeClaim(path); err != nil {
			failed = append(failed, fmt.Errorf("remove a claim without a process: %w", err))
		}
	}
	return errors.Join(failed...)
}

// resumable says whether a ralph loop could still follow the sandbox to its end.
func (s listed) resumable() bool {
	if s.State != sandbox.StateRunning || s.Workflow == nil {
		return false
	}
	_, err := os.Stat(s.Project)
	return err == nil
}

// leftOver says why a sandbox can go, or nothing. Of one that still runs we must know that its process is gone.
func leftOver(s listed) string {
	switch {
	case s.Process == ownerLiving, s.Kept && s.State != sandbox.StateCreated:
		return ""
	case s.State == sandbox.StateExited:
		return "it ended"
	case s.Process == ownerGone && s.State == sandbox.StateCreated:
		return "it was never started, and its process is gone"
	case s.Process == ownerGone:
		return "its process is gone"
	}
	return ""
}
