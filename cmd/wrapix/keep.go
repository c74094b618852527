package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/trust"
)

// Labels of sandboxes that wrapix runs for a person.
const (
	labelKept     = "wrapix.kept"     // "1" with --rm=false
	labelTerminal = "wrapix.terminal" // "1" where the command has one
)

// logName is the file in keptDir in which the monitor writes down what a sandbox prints.
const logName = "log"

// keptDir is the folder of the host for what belongs to a sandbox that outlives its wrapix. No sandbox sees it.
func keptDir(name string) (string, error) {
	all, err := keptDirs()
	return filepath.Join(all, name), err
}

// keptDirs is the folder of those folders.
func keptDirs() (string, error) {
	states, err := config.StatesDir()
	return filepath.Join(filepath.Dir(states), "wrapix", "kept"), err
}

// keep makes the sandbox one that outlives us. What lives in our process cannot be part of it.
func (o *runOptions) keep(spec *sandbox.Spec, key *config.DeployKey) error {
	var needs, instead []string
	if spec.Network == sandbox.NetworkAllowlist {
		needs, instead = append(needs, `the network "allowlist"`), append(instead, "--network none")
	}
	if len(spec.HostPorts) > 0 {
		needs, instead = append(needs, fmt.Sprintf("host_ports %v", spec.HostPorts)), append(instead, "--host-ports ''")
	}
	if len(spec.Ports) > 0 {
		needs, instead = append(needs, fmt.Sprintf("ports %v", spec.Ports)), append(instead, "--ports ''")
	}
	if len(needs) > 0 {
		return &usageError{
			what: "--rm=false: the sandbox would outlive this wrapix, which " + strings.Join(needs, " and ") + " cannot do without",
			try:  "wrapix --rm=false " + strings.Join(instead, " ") + " -- COMMAND",
		}
	}
	if *key != (config.DeployKey{}) {
		fmt.Fprintln(o.streams.err, "wrapix: the sandbox has no deploy key: with --rm=false it would outlive the agent that signs with it")
		*key = config.DeployKey{}
	}
	dir, err := keptDir(spec.Name)
	if err != nil {
		return err
	}
	if err := trust.Outside(spec.Workspace.Source, dir); err != nil {
		return fmt.Errorf("keep the sandbox: use the folder %s: %w", dir, err)
	}
	spec.Keep = true
	spec.Labels[labelKept] = "1"
	if len(spec.Secrets) == 0 { // what prints one prints it as it is, and no log shall have it
		spec.Record = filepath.Join(dir, logName)
	}
	return nil
}

// openLog makes the log of a sandbox that is to be kept, for our user alone.
func openLog(spec sandbox.Spec) error {
	if spec.Record == "" {
		return nil
	}
	err := os.MkdirAll(filepath.Dir(spec.Record), 0o700)
	if err == nil {
		err = os.WriteFile(spec.Record, nil, 0o600)
	}
	if err != nil {
		return fmt.Errorf("make the log of the sandbox: %w", err)
	}
	return nil
}

// removeKept removes the folder of a sandbox that was kept.
func removeKept(name string) error {
	dir, err := keptDir(name)
	if err == nil {
		err = os.RemoveAll(dir)
	}
	if err != nil {
		return fmt.Errorf("remove the log of a sandbox: %w", err)
	}
	return nil
}

// keptAlone returns the names of such folders whose sandbox nobody is making. It is called before the sandboxes are
// listed: what is not among these then has none.
func keptAlone() ([]string, error) {
	dir, err := keptDirs()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	claims, err := claimDir()
	if err != nil {
		return nil, err
	}
	var alone []string
	for _, e := range entries {
		if held, err := locked(filepath.Join(claims, e.Name()+claimSuffix)); err == nil && held {
			continue
		}
		alone = append(alone, e.Name())
	}
	return alone, nil
}

// pruneKept removes sandboxes that were kept and have ended, if a person lets them go, and logs without a sandbox.
func pruneKept(ctx context.Context, rt sandbox.Runtime, s streams, agreed bool) error {
	alone, err := keptAlone()
	if err != nil {
		return err
	}
	all, err := sandboxes(ctx, rt)
	if err != nil {
		return err
	}
	has := map[string]bool{}
	var ended []listed
	for _, one := range all {
		has[one.Name] = true
		if one.Kept && one.State == sandbox.StateExited && one.Process != ownerLiving {
			ended = append(ended, one)
		}
	}
	var failed []error
	for _, name := range alone {
		if !has[name] {
			failed = append(failed, removeKept(name))
		}
	}
	if len(ended) == 0 {
		return errors.Join(failed...)
	}
	if !agreed && (!isTerminal(s.in) || !isTerminal(s.out) || !inForeground(s.in)) {
		for _, one := range ended {
			fmt.Fprintf(s.out, "kept %s: it was started with --rm=false, and has ended; wrapix prune --yes removes it\n", one.Name)
		}
		return errors.Join(failed...)
	}
	if !agreed {
		if err := printSandboxes(s.out, ended); err != nil {
			return err
		}
		if agreed, err = yes(ctx, s, "Remove these, which were started with --rm=false and have ended, with their logs?"); err != nil || !agreed {
			return errors.Join(append(failed, err)...)
		}
	}
	for _, one := range ended {
		if err := rt.Remove(ctx, one.Name); err != nil {
			failed = append(failed, fmt.Errorf("remove %s: %w", one.Name, err))
			continue
		}
		failed = append(failed, removeKept(one.Name))
		fmt.Fprintf(s.out, "removed %s: it ended\n", one.Name)
	}
	return errors.Join(failed...)
}
