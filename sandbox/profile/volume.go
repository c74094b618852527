package profile

// Volume is a cache that all sandboxes of a project share as far as they have the profile, one project its own.
type Volume struct {
	Name string // such as "cargo"
	Dest string // inside, an absolute path
}

// SourcedVolume is a volume of a merged profile, and which profile it comes from.
type SourcedVolume struct {
	Volume
	From string
}

// cacheDir is where the volumes of the built-in profiles are; see sandbox.CacheDir. It is not below the home folder,
// which every sandbox has anew.
const cacheDir = "/var/cache/wrapix"

// cache is the volume of one tool.
func cache(tool string) []Volume { return []Volume{{Name: tool, Dest: cacheDir + "/" + tool}} }
