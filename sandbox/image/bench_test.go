package image_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/wrapix/wrapix/sandbox/image"
	"github.com/wrapix/wrapix/sandbox/podman"
	"github.com/wrapix/wrapix/sandbox/profile"
)

// BenchmarkLookup asks for the image of a profile that is there, each time with another value in one of its env lines: that
// is a lookup, and makes no layer anew. Where the host does not have the image of base, it is made first.
func BenchmarkLookup(b *testing.B) {
	eng, err := podman.Connect(b.Context(), podman.Options{OwnService: true})
	if err != nil {
		b.Fatal(err)
	}
	defer eng.Close()
	profileWith := func(value string) profile.Profile {
		set, err := profile.NewSet([]profile.Definition{{Name: "wrapix-bench", Env: map[string]string{"VALUE": value}}})
		if err != nil {
			b.Fatal(err)
		}
		p, err := set.Resolve("wrapix-bench")
		if err != nil {
			b.Fatal(err)
		}
		return p
	}
	first, err := image.Ensure(b.Context(), eng, profileWith("first"), image.Options{})
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	for b.Loop() {
		n++
		var made bytes.Buffer
		found, err := image.Ensure(b.Context(), eng, profileWith(fmt.Sprint(n)), image.Options{Progress: &made})
		if err != nil || found.Digest != first.Digest || made.Len() > 0 {
			b.Fatalf("%+v, not %+v: %v\n%s", found, first, err, &made)
		}
	}
}
