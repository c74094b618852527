package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/config"
)

// limitFlags take the place of the limits that the configuration sets.
type limitFlags struct {
	memory string
	cpus   float64
	pids   int64

	given func(flag string) bool
}

func (f *limitFlags) define(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.memory, "memory", "", `most memory of all processes together, such as "512m" or "4g"`)
	flags.Float64Var(&f.cpus, "cpus", 0, "most processors' worth of time, such as 1.5")
	flags.Int64Var(&f.pids, "pids", 0, "most processes and threads")
}

// over is the configuration with what the flags say in its place.
func (f *limitFlags) over(cfg config.Sandbox) (config.Sandbox, error) {
	bad := func(format string, args ...any) (config.Sandbox, error) {
		return cfg, &usageError{what: fmt.Sprintf(format, args...), try: "wrapix --help"}
	}
	if f.given("memory") {
		var err error
		if cfg.MemoryBytes, err = config.ParseSize(f.memory); err != nil {
			return bad("--memory: %v", err)
		}
	}
	if f.given("cpus") {
		if cfg.CPUs = f.cpus; !(f.cpus > 0) {
			return bad("--cpus: want a number above 0, not %v", f.cpus)
		}
	}
	if f.given("pids") {
		if cfg.Pids = f.pids; f.pids <= 0 {
			return bad("--pids: want a number above 0, not %d", f.pids)
		}
	}
	return cfg, nil
}
