package image

import "github.com/wrapix/wrapix/sandbox/profile"

// Parts are the names of all that an image is made in, the root first and the whole last.
func Parts(p profile.Profile, base string) []string {
	r := recipeOf(p)
	r.base = base
	root, pieces, whole := r.refs()
	return append(append([]string{root}, pieces...), whole)
}
