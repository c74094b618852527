package image

import "github.com/wrapix/wrapix/sandbox/profile"

// Parts are the names of all that an image is made in, the root first and the whole last.
func Parts(p profile.Profile, base string) []string {
	r := recipeOf(p)
	r.base = base
	root, pieces, whole := r.refs()
	return append(append([]string{root}, pieces...), whole)
}

// InUse says whether a folder that trees are built in is locked by whoever builds, or gone by now.
func InUse(path string) bool {
	dir, err := openLocked(path)
	if err != nil {
		return true
	}
	dir.Close()
	return false
}
