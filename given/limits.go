package given

import (
	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/sandbox"
)

// Limits are what a sandbox may take of the host, by the configuration.
func Limits(c config.Sandbox) sandbox.Limits {
	return sandbox.Limits{
		MemoryBytes: c.MemoryBytes, CPUs: c.CPUs, Pids: c.Pids, TmpBytes: c.TmpBytes, HomeBytes: c.HomeBytes, Files: c.Files,
	}
}
