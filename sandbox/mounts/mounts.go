// Package mounts turns what a person wrote about mounts into those of a sandbox, and refuses what no sandbox may see.
//
// A path of the host is not believed: it is followed link by link, and what it leads to is compared with the list of
// what is never mounted (denied.go), by what it is and not only by name. The sandbox then gets the very file that was
// found: the guest compares before the first command, so a path that is turned elsewhere meanwhile mounts nothing.
// A link in a folder in which agents write (the workspace, and each mount that is writable) must lead to a place in that
// folder: it may be an agent's.
//
//	list, err := mounts.Resolve(conf.Sandbox.Mounts, mounts.Policy{Home: home, Workspace: project, Private: []string{state}})
//
// Whether a person approved a mount is not asked here, see package trust.
package mounts

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/sandbox"
)

// Policy says for whose sandbox the mounts are.
type Policy struct {
	Home      string // of the user; empty where there is none
	Workspace string // an absolute path without links
	// Private are folders of ours that no sandbox may see: state, caches. They need not exist.
	Private []string
	// Allow are paths that a person named, to be mounted although they are on the list of what is not. What would give
	// the host away stays refused.
	Allow []string
	// Getenv looks up variables that name further places; nil knows none.
	Getenv func(string) string
}

// Resolve returns the mounts, without those that are optional and not there. An error is a [*sandbox.Error] with the
// reason why one cannot be.
func Resolve(asked []config.Mount, p Policy) ([]sandbox.Mount, error) {
	var found []resolved
	for _, m := range asked {
		r := resolved{asked: m}
		err := p.find(&r)
		if errors.Is(err, fs.ErrNotExist) && m.Optional {
			continue
		}
		if err != nil {
			return nil, refused(m, err)
		}
		found = append(found, r)
	}
	if len(found) == 0 {
		return nil, nil
	}
	list, err := p.denied()
	if err != nil {
		return nil, err
	}
	writable, err := p.writable(found)
	if err != nil {
		return nil, err
	}
	var out []sandbox.Mount
	for _, r := range found {
		if err := r.check(p, list, writable); err != nil {
			return nil, refused(r.asked, err)
		}
		out = append(out, sandbox.Mount{
			Source: r.at.path, Dest: r.dest, ReadOnly: !r.asked.Writable, Dev: r.at.self().dev, Ino: r.at.self().ino,
		})
	}
	return out, checkDests(out)
}

// CheckWorkspace says why no sandbox may have the workspace, or nothing. It is held against the same list as a mount that
// the sandbox may write in. An error is a [*sandbox.Error].
func CheckWorkspace(p Policy) error {
	at, err := follow(p.Workspace)
	if err != nil {
		return fmt.Errorf("look at the workspace: %w", err)
	}
	list, err := p.denied()
	if err != nil {
		return err
	}
	workspace := resolved{asked: config.Mount{Writable: true}, at: at}
	if err := workspace.deny(p, list); err != nil {
		return withHint(&sandbox.Error{Op: "use the folder " + p.Workspace, Err: err, Hint: "work in a folder of its own, such as ~/src/project"}, err)
	}
	return nil
}

// resolved is a mount with what its source leads to.
type resolved struct {
	asked config.Mount
	dest  string
	at    place
}

// hinted is a reason with the way out.
type hinted struct{ reason, hint string }

func (h *hinted) Error() string { return h.reason }

func refused(m config.Mount, err error) error {
	failed := &sandbox.Error{Op: fmt.Sprintf("mount %s at %s", m.Source, m.Dest), Err: err}
	if errors.Is(err, fs.ErrNotExist) {
		failed.Hint = "make it, or say optional = true in wrapix.toml"
	}
	return withHint(failed, err)
}

// withHint gives an error the way out that its reason knows.
func withHint(failed *sandbox.Error, reason error) error {
	var h *hinted
	if errors.As(reason, &h) {
		failed.Hint = h.hint
	}
	return failed
}

// find follows the source, and says where the mount goes.
func (p Policy) find(r *resolved) (err error) {
	if r.dest, err = destination(r.asked.Dest); err != nil {
		return err
	}
	source, err := p.expand(r.asked.Source)
	if err != nil {
		return err
	}
	r.at, err = follow(source)
	return err
}

// expand makes a path absolute: ~ is the home folder, and all else that is relative begins at the workspace.
func (p Policy) expand(name string) (string, error) {
	if strings.ContainsRune(name, 0) {
		return "", errors.New("the path has a NUL character")
	}
	rest, home := strings.CutPrefix(name, "~")
	switch {
	case home && (rest == "" || rest[0] == '/'):
		if !filepath.IsAbs(p.Home) {
			return "", errors.New("the user has no home folder")
		}
		return p.Home + rest, nil
	case filepath.IsAbs(name):
		return name, nil
	}
	return p.Workspace + "/" + name, nil // not joined: what stands before a ".." may be a link
}

// writable returns the folders in which agents write.
func (p Policy) writable(found []resolved) ([]place, error) {
	workspace, err := follow(p.Workspace)
	if err != nil {
		return nil, fmt.Errorf("look at the workspace: %w", err)
	}
	list := []place{workspace}
	for _, r := range found {
		if r.asked.Writable {
			list = append(list, r.at)
		}
	}
	return list, nil
}

// check says why the mount must not be, or nothing.
func (r resolved) check(p Policy, list []entry, writable []place) error {
	if kind := r.at.mode & unix.S_IFMT; kind != unix.S_IFDIR && kind != unix.S_IFREG {
		return fmt.Errorf("%s is %s: only folders and files are mounted", r.at.path, kinds[kind])
	}
	if r.asked.File && r.at.mode&unix.S_IFMT != unix.S_IFREG {
		return &hinted{r.at.path + " is a folder, and a file is wanted", "make it one of the mounts"}
	}
	workspace := writable[0]
	if workspace.inside(r.at) {
		return errors.New("it is the workspace or contains it: what is protected there could be written by another name")
	}
	for _, name := range []string{".git", config.FileName} {
		own, err := follow(filepath.Join(workspace.path, name))
		if err == nil && r.at.inside(own) {
			return fmt.Errorf("it is %s of the workspace, which is protected there", name)
		}
	}
	for _, w := range writable {
		if r.at.led(w) && !r.at.inside(w) {
			return &hinted{
				fmt.Sprintf("a link in %s, where agents write, leads to %s: it may be an agent's", w.path, r.at.path),
				"name the place itself: " + r.at.path,
			}
		}
	}
	return r.deny(p, list)
}

var kinds = map[uint32]string{unix.S_IFSOCK: "a socket", unix.S_IFIFO: "a pipe", unix.S_IFCHR: "a device", unix.S_IFBLK: "a device"}

// deny holds the mount against the list of what is never mounted.
func (r resolved) deny(p Policy, list []entry) error {
	named := false
	for _, name := range p.Allow {
		path, err := p.expand(name)
		if err != nil {
			return err
		}
		at, err := follow(path)
		named = named || err == nil && at.self() == r.at.self()
	}
	var reason error
	for _, e := range list {
		said := e.matches(r.at, r.asked.Writable)
		if said == "" || named && !e.final {
			continue
		}
		if e.final {
			return errors.New(said)
		}
		if reason == nil {
			reason = &hinted{said, "if you mean it: wrapix --allow-mount PATH, with exactly this path"}
		}
	}
	return reason
}

// destination checks and cleans the path inside.
func destination(dest string) (string, error) {
	if rest, ok := strings.CutPrefix(dest, "~"); ok {
		dest = sandbox.HomeDir + rest
	}
	if !utf8.ValidString(dest) || strings.ContainsRune(dest, 0) {
		return "", errors.New("the place inside must be text")
	}
	return checkDest(dest)
}
