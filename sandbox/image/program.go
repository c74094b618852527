package image

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/profile"
)

// programsDir is where programs lie in an image, each in a folder of its own.
const programsDir = "/opt/agents"

// fetchTime bounds the download of a program.
const fetchTime = 20 * time.Minute

// hostAuthorities are the certificates that Debian's programs on the host trust. Node.js brings its own list, without those
// that an administrator added.
const hostAuthorities = "/etc/ssl/certs/ca-certificates.crt"

// addProgram makes the layer of a program, which the host fetches: npm has there the registry, the proxy and the
// certificates that the person set up.
func (p piece) addProgram(ctx context.Context, eng Engine, opts Options, on Stored, ref string) error {
	dir, err := cacheDir(opts)
	if err != nil {
		return err
	}
	fmt.Fprintf(opts.Progress, "image: %s\n", p.program)
	folder, err := fetch(ctx, *p.program, filepath.Join(dir, "programs"), opts.Progress)
	if err != nil {
		return err
	}
	// The engine unpacks what it adds.
	add, _ := json.Marshal([]string{archiveName, programsDir + "/" + p.program.Name + "/"}) // of strings, which have no error
	args, _ := json.Marshal([]string{"/bin/sh", "-c", p.script()})
	file := "FROM " + on.ID + "\nADD " + string(add) + "\nRUN " + string(args) + "\n"
	return build(ctx, eng, opts, Build{Containerfile: file, Context: folder, Ref: ref, Labels: partLabels(on)})
}

// link is the command line that makes the program found in PATH.
func link(p profile.Program) string {
	return fmt.Sprintf("ln -s %s/%s/%s /usr/local/bin/%s", programsDir, p.Name, p.Path, p.Name)
}

// archiveName is the one file of a folder that fetch returns.
const archiveName = "package.tgz"

// fetch returns a folder with the program's archive, which is there already or comes from npm's registry. Archives of other
// versions go, and what killed fetches left: the caller has the lock of image builds.
func fetch(ctx context.Context, p profile.Program, cache string, progress io.Writer) (string, error) {
	folder := filepath.Join(cache, p.Name+"-"+p.Version)
	archive := filepath.Join(folder, archiveName)
	if verify(archive, p.Integrity) == nil { // damaged, say by a full disk, it is fetched again
		return folder, nil
	}
	left, _ := filepath.Glob(filepath.Join(cache, "fetch-*"))
	others, _ := filepath.Glob(filepath.Join(cache, p.Name+"-*"))
	for _, path := range append(left, others...) {
		if err := os.RemoveAll(path); err != nil {
			return "", fmt.Errorf("fetch %s: %w", p, err)
		}
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("fetch %s: %w", p, err)
	}
	work, err := os.MkdirTemp(cache, "fetch-")
	if err != nil {
		return "", fmt.Errorf("fetch %s: %w", p, err)
	}
	defer os.RemoveAll(work)
	fmt.Fprintf(progress, "image: npm fetches %s\n", p.Package())
	name, err := pack(ctx, p.Package(), work)
	if err != nil {
		return "", err
	}
	if err := verify(name, p.Integrity); err != nil {
		return "", &sandbox.Error{Op: "fetch " + p.String(), Err: err, Hint: "npm config get registry, and see whose archive that gives"}
	}
	if err := os.Rename(name, archive); err != nil {
		return "", fmt.Errorf("fetch %s: %w", p, err)
	}
	return folder, nil
}

// pack has npm download a package's archive into a folder. It runs none of the package's scripts.
func pack(ctx context.Context, name, folder string) (string, error) {
	if _, err := npm(ctx, folder, name, "pack", "--ignore-scripts", "--cache", filepath.Join(folder, "cache"), "--", name); err != nil {
		return "", err
	}
	found, err := filepath.Glob(filepath.Join(folder, "*.tgz"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("fetch %s: npm left %d archives", name, len(found))
	}
	return found[0], nil
}

// Published asks npm's registry for a version of a program, or for "latest", and returns it as the registry gives it.
func Published(ctx context.Context, p profile.Program, version string) (profile.Program, error) {
	folder, err := os.MkdirTemp("", "wrapix-npm-")
	if err != nil {
		return p, fmt.Errorf("look for %s: %w", p.Name, err)
	}
	defer os.RemoveAll(folder)
	name := p.At(version)
	said, err := npm(ctx, folder, name, "view", "--json", "--cache", filepath.Join(folder, "cache"), "--", name, "version", "dist.integrity")
	if err != nil {
		return p, err
	}
	var found struct {
		Version   string `json:"version"`
		Integrity string `json:"dist.integrity"`
	}
	if err := json.Unmarshal(said, &found); err != nil || found.Version == "" {
		return p, fmt.Errorf("look for %s: npm does not tell one version", name)
	}
	p.Version, p.Integrity = found.Version, found.Integrity
	return p, nil
}

// npm runs the host's npm in a folder of ours, and returns what it prints. By itself npm looks for a project's configuration
// in the folders above, too.
func npm(ctx context.Context, folder, about string, args ...string) ([]byte, error) {
	program, err := exec.LookPath("npm")
	if err != nil {
		return nil, &sandbox.Error{Op: "fetch " + about, Err: errors.New("npm is not installed on this host"), Hint: "sudo apt-get install npm"}
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, append([]string{"--silent", "--no-update-notifier", "--prefix", folder}, args...)...)
	cmd.Dir, cmd.Env = folder, os.Environ()
	if _, err := os.Stat(hostAuthorities); err == nil && os.Getenv("NODE_EXTRA_CA_CERTS") == "" {
		cmd.Env = append(cmd.Env, "NODE_EXTRA_CA_CERTS="+hostAuthorities)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	var printed bytes.Buffer
	said := &tail{}
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&printed, said), said
	if err := cmd.Run(); err != nil {
		return nil, &sandbox.Error{Op: "fetch " + about, Err: fmt.Errorf("npm: %w\n%s", err, said), Hint: "npm view " + about + ", and see that it works"}
	}
	return printed.Bytes(), nil
}

// verify says whether a file is the one of that integrity.
func verify(name, integrity string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha512.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	want, isSHA512 := strings.CutPrefix(integrity, "sha512-")
	if got := base64.StdEncoding.EncodeToString(sum.Sum(nil)); !isSHA512 || got != want {
		return fmt.Errorf("the archive is not the one that this version of wrapix knows: its sha512 is %s, and not %s", got, want)
	}
	return nil
}
