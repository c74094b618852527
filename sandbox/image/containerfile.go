package image

import (
	"context"
	"fmt"
	"regexp"
	"runtime"
	"strings"

	"github.com/wrapix/wrapix/sandbox"
)

// fileName is what images of Containerfiles are called.
const fileName = "localhost/wrapix-containerfile:"

// FileRef returns the reference that the image of a Containerfile has, whether the host has it or not.
func FileRef(text string) string {
	return fileName + hash("", recipeVersion, runtime.GOARCH, text)
}

// EnsureFile returns the image of a project's own Containerfile, and makes it where the host does not have it. A person
// must have approved the text: its steps have the host's network. The build's context has nothing else, so that the text
// is all that goes in, but for what it fetches.
func EnsureFile(ctx context.Context, eng Engine, name, text string, opts Options) (Image, error) {
	ref := FileRef(text)
	return ensure(ctx, eng, ref, opts, func(opts Options) error {
		if err := sweep(ctx, eng, opts); err != nil {
			return err
		}
		fmt.Fprintf(opts.Progress, "image: building %s\n", name)
		err := build(ctx, eng, opts, Build{
			Containerfile: text, Ref: ref, Pull: true, Labels: map[string]string{LabelOurs: "1", LabelProfile: "", LabelSource: string(SourceContainerfile)},
		})
		// A registry that does not answer may do so later; only a person mends the text.
		if err != nil && ctx.Err() == nil && !ofHost(err) && !strings.Contains(err.Error(), "docker://") {
			return &sandbox.Error{
				Op: "build " + name, Err: err,
				Hint: "mend it and approve it again: wrapix trust; COPY and ADD find no files of the project",
			}
		}
		if err == nil {
			fmt.Fprintf(opts.Progress, "image: made %s\n", ref)
		}
		return err
	})
}

// step finds what a build says of its progress. The rest of the line is the Containerfile's.
var step = regexp.MustCompile(`^STEP [0-9]+/[0-9]+`)

// sweep removes what builds of ours left that were killed. The caller has the lock.
func sweep(ctx context.Context, eng Engine, opts Options) error {
	mark, err := opts.mark()
	if err != nil {
		return err
	}
	return eng.RemoveBuilds(ctx, func(_, of string) bool { return of == mark })
}

// mark names the builds that happen under the same lock.
func (o Options) mark() (string, error) {
	dir, err := cacheDir(o)
	return hash("", dir)[:12], err
}
