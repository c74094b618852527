package sandbox

import (
	"errors"
	"path"
	"slices"
	"strings"
)

// CacheDir is the folder in which the profiles' volumes are mounted.
const CacheDir = "/var/cache/wrapix"

// ErrInUse means that a sandbox has the volume.
var ErrInUse = errors.New("a sandbox has it")

// Volume is a folder on the engine's disk that a sandbox can write in, and that belongs to the caller inside and outside.
// What is in it is the work of what ran in sandboxes: no more than a cache, and never shared by those that must not trust
// each other.
type Volume struct {
	// Name is unique on the host. Create makes the volume where it is not there yet, and it stays. Empty is a volume for
	// this sandbox alone: it is empty at the start and goes with the sandbox.
	Name string
	Dest string
	// Labels are of a volume with a name.
	Labels map[string]string
}

// completeVolumes says which of the volumes cannot be mounted. What a person mounts in the place of one stands for it.
func (s *Spec) completeVolumes() error {
	for _, v := range s.Volumes {
		if !path.IsAbs(v.Dest) || path.Clean(v.Dest) != v.Dest {
			return errors.New("a volume at " + v.Dest + ", which is no clean absolute path")
		}
		for _, m := range s.Mounts { // what is above it in the volume an agent could have made a link
			if strings.HasPrefix(m.Dest, v.Dest+"/") {
				return errors.New("a mount at " + m.Dest + ", in the cache at " + v.Dest + ", where agents write")
			}
		}
	}
	s.Volumes = slices.DeleteFunc(slices.Clone(s.Volumes), func(v Volume) bool {
		return slices.ContainsFunc(s.Mounts, func(m Mount) bool { return m.Dest == v.Dest })
	})
	return nil
}
