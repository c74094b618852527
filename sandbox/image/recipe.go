package image

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/wrapix/wrapix/sandbox"
)

// Profile is a named set of what a sandbox has installed.
type Profile struct {
	Name     string
	Packages []string // of Debian, beside the required ones
}

// Profiles returns the profiles that Ensure knows.
func Profiles() []Profile {
	return []Profile{{
		Name:     "base",
		Packages: []string{"ca-certificates", "curl", "git", "jq", "less", "openssh-client", "procps", "ripgrep"},
	}}
}

// bases are Debian's slim images as of 2026-10-05, by suite. A digest names the index for all architectures. Read from
// public Dockerfiles that pin the same (`debian:bookworm-20261005-slim@sha256:7c7b…`, `debian:trixie-slim@sha256:a292…`).
// The name has no registry in it: containers' own table of short names says where Debian's images are.
var bases = map[string]string{
	"bookworm": "debian@sha256:7c7b2c966bc9ee8cedfeef67e0e279108992c77681fa595db4a9d65c06ccc587",
	"trixie":   "debian@sha256:a29215f6a35e51e22adffa17f89e9d2ef06214e64a2bad10d765c46aea49f11f",
}

// newestSuite is for hosts that are not one of these Debians.
const newestSuite = "trixie"

// excluded is what the package manager leaves out of an image, also later on: nobody reads manuals in it.
var excluded = []string{
	"path-exclude=/usr/share/doc/*",
	"path-include=/usr/share/doc/*/copyright",
	"path-exclude=/usr/share/man/*",
	"path-exclude=/usr/share/info/*",
	"path-exclude=/usr/share/locale/*",
}

// recipe is all that goes into an image. Its hash is the image's tag.
type recipe struct {
	profile Profile
	suite   string
	base    string
}

// recipeVersion changes when images of the same recipe would come out different.
const recipeVersion = "1"

func recipeOf(profile string) (recipe, error) {
	known := Profiles()
	i := slices.IndexFunc(known, func(p Profile) bool { return p.Name == profile })
	if i < 0 {
		return recipe{}, &sandbox.Error{
			Op:   "make an image",
			Err:  fmt.Errorf("there is no profile %q", profile),
			Hint: "use the profile " + known[0].Name,
		}
	}
	suite := hostSuite("/etc/os-release")
	return recipe{profile: known[i], suite: suite, base: bases[suite]}, nil
}

// hostSuite returns the Debian suite of the host, so that the image is made of packages that the host trusts already.
func hostSuite(osRelease string) string {
	content, err := os.ReadFile(osRelease)
	if err != nil {
		return newestSuite
	}
	for s := bufio.NewScanner(bytes.NewReader(content)); s.Scan(); {
		name, ok := strings.CutPrefix(s.Text(), "VERSION_CODENAME=")
		if _, known := bases[strings.Trim(name, `"`)]; ok && known {
			return strings.Trim(name, `"`)
		}
	}
	return newestSuite
}

// ref returns the name that the image has on this host.
func (r recipe) ref() string {
	hash := sha256.New()
	fmt.Fprintln(hash, recipeVersion, r.suite, r.base, runtime.GOARCH)
	fmt.Fprintln(hash, r.profile.Name, strings.Join(r.profile.Packages, " "))
	fmt.Fprintln(hash, strings.Join(excluded, " "))
	return "localhost/wrapix-" + r.profile.Name + ":" + hex.EncodeToString(hash.Sum(nil))[:12]
}

func (r recipe) labels(source Source) map[string]string {
	return map[string]string{LabelOurs: "1", LabelProfile: r.profile.Name, LabelSource: string(source)}
}
