package image

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/wrapix/wrapix/sandbox/profile"
)

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

// recipe is all that goes into an image: a root file system and what is added to it, piece by piece. Each piece is a
// layer and an image of its own, named after the hash of everything up to it, so that what changes often is made anew
// alone and what profiles have in common is made once.
type recipe struct {
	profile profile.Profile
	suite   string
	base    string
	root    []string // packages of the root file system
	pieces  []piece
}

// piece is one layer.
type piece struct {
	from     string // the profile that asks for it
	packages []string
	optional *profile.Optional
	run      []string
	program  *profile.Program
}

// recipeVersion changes when images of the same recipe would come out different.
const recipeVersion = "2"

func recipeOf(p profile.Profile) recipe {
	suite := hostSuite("/etc/os-release")
	r := recipe{profile: p, suite: suite, base: bases[suite]}
	for i, s := range p.Steps {
		switch {
		case i == 0: // all profiles begin with it, and a bootstrap installs it in one go
			r.root = s.Packages
		case len(s.Packages) > 0:
			r.pieces = append(r.pieces, piece{from: s.From, packages: s.Packages})
		}
		for _, o := range s.Optional {
			r.pieces = append(r.pieces, piece{from: s.From, optional: &o})
		}
		if len(s.Run) > 0 {
			r.pieces = append(r.pieces, piece{from: s.From, run: s.Run})
		}
		if s.Program != nil {
			r.pieces = append(r.pieces, piece{from: s.From, program: s.Program})
		}
	}
	return r
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

// What the parts of images are called. Nobody but us builds on them.
const (
	rootName  = "localhost/wrapix-root:"
	layerName = "localhost/wrapix-layer:"
)

// refs are the names that the parts of the image have on this host: the root, each piece on top of what is before it,
// and last the image of the profile.
func (r recipe) refs() (root string, pieces []string, whole string) {
	sum := hash("", recipeVersion, r.suite, r.base, runtime.GOARCH, strings.Join(r.root, " "), strings.Join(excluded, " "))
	root = rootName + sum[:12]
	for _, p := range r.pieces {
		parts := []string{p.script()}
		if p.program != nil {
			parts = append(parts, p.program.Integrity)
		}
		if other := p.instead(); other != nil {
			parts = append(parts, other.script())
		}
		sum = hash(sum, parts...)
		pieces = append(pieces, layerName+sum[:12])
	}
	sum = hash(sum, r.profile.Name)
	return root, pieces, "localhost/wrapix-" + r.profile.Name + ":" + sum[:12]
}

// hash names a part by the one before it and all that it is made of.
func hash(before string, parts ...string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q", before, parts)
	return hex.EncodeToString(h.Sum(nil))
}

func (r recipe) ref() string {
	_, _, whole := r.refs()
	return whole
}

// tidy removes what the making of a layer leaves that nobody needs, and that would make the same layer different the
// next time: logs, caches, lists.
const tidy = "rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/cache/ldconfig/* /var/log/* /var/lib/dpkg/*-old /tmp/* /root/.cache"

// clock tells what makes files of others that all have the same time in an image. Python notes the time of a module in
// what it makes of it otherwise, and would find it changed: to be made anew at each start, and different in each build.
var clock = fmt.Sprintf("export SOURCE_DATE_EPOCH=%d\n", epoch.Unix())

func install(packages []string) string {
	return "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends " + strings.Join(packages, " ")
}

// script is the command line that makes the layer.
func (p piece) script() string {
	switch {
	case p.optional != nil:
		return clock + p.optional.Run + " && " + tidy
	case len(p.packages) > 0:
		return clock + install(p.packages) + " && " + tidy
	case p.program != nil:
		return clock + link(*p.program)
	}
	return clock + "set -e\n" + strings.Join(p.run, "\n") + "\n" + tidy
}

// instead is the layer in place of an optional one whose source is out of reach, or nil.
func (p piece) instead() *piece {
	if p.optional == nil || len(p.optional.Instead) == 0 {
		return nil
	}
	return &piece{from: p.from, packages: p.optional.Instead}
}
