package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/podman"
)

// limitFlags take the place of the limits that the configuration sets.
type limitFlags struct {
	memory, tmp, home string
	cpus              float64
	pids, files       int64

	given func(flag string) bool
}

func (f *limitFlags) define(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.memory, "memory", "", `most memory of all processes together, such as "512m" or "4g"`)
	flags.Float64Var(&f.cpus, "cpus", 0, "most processors' worth of time, such as 1.5")
	flags.Int64Var(&f.pids, "pids", 0, "most processes and threads")
	flags.StringVar(&f.tmp, "tmp", "", `what /tmp can hold, such as "1g"`)
	flags.StringVar(&f.home, "home", "", `what the home folder can hold, such as "2g"`)
	flags.Int64Var(&f.files, "files", 0, "most open files of one process")
}

// over is the configuration with what the flags say in its place.
func (f *limitFlags) over(cfg config.Sandbox) (config.Sandbox, error) {
	bad := func(format string, args ...any) (config.Sandbox, error) {
		return cfg, &usageError{what: fmt.Sprintf(format, args...), try: "wrapix --help"}
	}
	for _, size := range []struct {
		flag, text string
		to         *int64
	}{{"memory", f.memory, &cfg.MemoryBytes}, {"tmp", f.tmp, &cfg.TmpBytes}, {"home", f.home, &cfg.HomeBytes}} {
		if !f.given(size.flag) {
			continue
		}
		var err error
		if *size.to, err = config.ParseSize(size.text); err != nil {
			return bad("--%s: %v", size.flag, err)
		}
	}
	if f.given("cpus") {
		if cfg.CPUs = f.cpus; !(f.cpus > 0) {
			return bad("--cpus: want a number above 0, not %v", f.cpus)
		}
	}
	for _, number := range []struct {
		flag  string
		given int64
		to    *int64
	}{{"pids", f.pids, &cfg.Pids}, {"files", f.files, &cfg.Files}} {
		if !f.given(number.flag) {
			continue
		}
		if *number.to = number.given; number.given <= 0 {
			return bad("--%s: want a number above 0, not %d", number.flag, number.given)
		}
	}
	if err := config.CheckFiles(cfg.Files); err != nil {
		return bad("--files: %v", err)
	}
	return cfg, nil
}

// tellOfLimits says on one line which of the limits do not hold on this host as they would elsewhere.
func (o *runOptions) tellOfLimits(l sandbox.Limits) {
	if warnings := podman.Warnings(l); len(warnings) > 0 {
		fmt.Fprintf(o.streams.err, "wrapix: %s\n", strings.Join(warnings, "; "))
	}
}
