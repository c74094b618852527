package image_test

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"go.uber.org/goleak"

	"github.com/wrapix/wrapix/sandbox/image"
	"github.com/wrapix/wrapix/sandbox/podman"
	"github.com/wrapix/wrapix/sandbox/profile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noRegistry is a base that no registry has: nothing listens there, and the answer is an immediate no.
const noRegistry = "localhost:1/debian:none"

func connect(t *testing.T) *podman.Engine {
	t.Helper()
	if os.Getuid() == 0 {
		t.Skip("needs an unprivileged user with rootless Podman")
	}
	eng, err := podman.Connect(t.Context(), podman.Options{OwnService: true, CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { eng.Close() })
	return eng
}

// importTiny makes an image of one program, Debian's static busybox.
func importTiny(t *testing.T, eng *podman.Engine, ref string, changes ...string) image.Stored {
	t.Helper()
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Skip("needs busybox-static: ", err)
	}
	var tree bytes.Buffer
	w := tar.NewWriter(&tree)
	for _, name := range []string{"bin/", "etc/", "tmp/"} {
		w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755})
	}
	w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "bin/busybox", Mode: 0o755, Size: int64(len(busybox))})
	w.Write(busybox)
	w.WriteHeader(&tar.Header{Typeflag: tar.TypeLink, Name: "bin/sh", Linkname: "bin/busybox", Mode: 0o755})
	w.Close()
	if err := eng.ImportImage(t.Context(), &tree, ref, changes); err != nil {
		t.Fatal(err)
	}
	stored, err := eng.Image(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := eng.RemoveImage(context.WithoutCancel(t.Context()), ref); err != nil {
			t.Error(err)
		}
	})
	return stored
}

func TestStoredImages(t *testing.T) {
	eng := connect(t)
	ref := fmt.Sprintf("localhost/wrapix-test:%d", time.Now().UnixNano())
	stored := importTiny(t, eng, ref, "LABEL wrapix=1", "LABEL wrapix.profile=tiny")
	if stored.Labels["wrapix.profile"] != "tiny" || stored.Digest == "" || stored.Size < 100_000 || stored.Created.IsZero() {
		t.Errorf("stored: %+v", stored)
	}

	listed, err := image.List(t.Context(), eng)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, l := range listed {
		if l.Ref == ref {
			found = l.Profile == "tiny" && l.Digest == stored.Digest && l.Size > 100_000 && !l.InUse
		}
	}
	if !found {
		t.Errorf("not listed, or wrongly: %+v", listed)
	}

	own := fmt.Sprintf("localhost/mine:%d", time.Now().UnixNano()) // as a person makes on top of ours
	importTiny(t, eng, own, "LABEL wrapix=1")
	if listed, err = image.List(t.Context(), eng); err != nil || slices.ContainsFunc(listed, func(l image.Listed) bool { return l.Ref == own }) {
		t.Errorf("a person's own is listed: %+v, %v", listed, err)
	}

	used, err := image.Use(t.Context(), eng, ref, image.Options{})
	if err != nil || used.Source != image.SourceUser || used.Digest != stored.Digest {
		t.Errorf("use: %+v, %v", used, err)
	}
	if _, err := eng.Image(t.Context(), "localhost/wrapix-test:none"); !errors.Is(err, image.ErrNotFound) {
		t.Errorf("an image that is not there: %v", err)
	}
	if err := eng.RemoveImage(t.Context(), "localhost/wrapix-test:none"); err != nil {
		t.Errorf("remove an image that is not there: %v", err)
	}
	if _, err := image.Use(t.Context(), eng, "localhost:1/none:none", image.Options{}); err == nil {
		t.Error("an image that nobody has was taken")
	}
}

// base is the profile that all others extend.
func base(t *testing.T) profile.Profile {
	t.Helper()
	p, err := profile.Builtin().Resolve(profile.Base)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// removeParts removes an image at the end of the test, with all that it is made of.
func removeParts(t *testing.T, eng *podman.Engine, p profile.Profile, base string) {
	for _, ref := range image.Parts(p, base) {
		remove(t, eng, ref)
	}
}

// The same inputs give the same digest, also when all is made anew. What cannot be reached is left out and said, with
// packages in its place where there are some, and is there when it can be reached.
func TestLayers(t *testing.T) {
	if testing.Short() {
		t.Skip("makes two small images of Debian, which takes a minute")
	}
	eng := connect(t)
	shop := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "#!/bin/sh\necho of the shop\n")
	}))
	defer shop.Close()
	from := "http://" + shop.Listener.Addr().String()
	get := func(name string) string {
		return fmt.Sprintf("curl --fail --silent --show-error --max-time 5 %s/%s -o /usr/local/bin/%s && chmod 755 /usr/local/bin/%s", from, name, name, name)
	}
	p := profile.Profile{Name: "test", Steps: []profile.Step{
		{From: "base", Packages: []string{"curl"}},
		{
			From: "test", Packages: []string{"jq"}, Run: []string{"mkdir /opt/made", `echo "of 'run' \"lines\"" >/opt/made/note`},
			Optional: []profile.Optional{
				{Name: "tool", Source: from, Run: get("tool"), Instead: []string{"bc"}},
				{Name: "toy", Source: from, Run: get("toy")},
			},
		},
	}}
	removeParts(t, eng, p, noRegistry)
	var output bytes.Buffer
	opts := image.Options{Base: noRegistry, CacheDir: t.TempDir(), Progress: &output}
	ensure := func(opts image.Options) image.Image {
		t.Helper()
		img, err := image.Ensure(t.Context(), eng, p, opts)
		if err != nil {
			t.Fatalf("%v\n%s", err, &output)
		}
		return img
	}
	shop.Listener.Close() // the port is known, and nobody is there
	without := ensure(opts)
	t.Logf("%s", &output)
	if len(without.LeftOut) != 2 || without.LeftOut[0].Name != "tool" || without.LeftOut[1].Name != "toy" {
		t.Errorf("left out: %+v", without.LeftOut)
	}
	if got := list(t, without.Ref); got != "/opt/made/note /usr/bin/bc /usr/bin/jq" {
		t.Errorf("without the shop: %s", got)
	}
	shown, err := image.Show(t.Context(), eng, without.Ref)
	if err != nil || len(shown.Layers) != 4 || len(shown.LeftOut) != 2 || shown.Layers[1].What != "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends jq" {
		t.Errorf("shown: %+v, %v", shown, err)
	}
	for _, ref := range image.Parts(p, noRegistry)[1:] {
		if err := eng.RemoveImage(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
	}

	again, err := net.Listen("tcp", strings.TrimPrefix(from, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	shop.Listener = again
	shop.Start()
	with := ensure(opts)
	if got := list(t, with.Ref); len(with.LeftOut) > 0 || got != "/opt/made/note /usr/bin/jq /usr/local/bin/tool /usr/local/bin/toy" {
		t.Errorf("with the shop: %s, left out %+v", got, with.LeftOut)
	}
	opts.Force = true
	if anew := ensure(opts); anew.Digest != with.Digest || with.Digest == "" {
		t.Errorf("made anew of the same it is %s, and was %s", anew.Digest, with.Digest)
	}
	if _, err := eng.Image(t.Context(), with.Ref); err != nil {
		t.Errorf("made anew of the same it is gone: %v", err)
	}
}

// list says which of some files an image has.
func list(t *testing.T, ref string) string {
	t.Helper()
	script := `m=$(podman image mount "$1") && cd "$m" && ls -d opt/made/note usr/bin/bc usr/bin/jq usr/local/bin/t* 2>/dev/null; podman image unmount "$1" >/dev/null`
	out, err := exec.Command("podman", "unshare", "sh", "-c", script, "-", ref).Output()
	if err != nil {
		t.Fatal(err)
	}
	return "/" + strings.Join(strings.Fields(string(out)), " /")
}

func TestEnsureStopsWithItsContext(t *testing.T) {
	eng := connect(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	progress := &cancelOn{text: "extracting archives", cancel: cancel}
	_, err := image.Ensure(ctx, eng, base(t), image.Options{Base: noRegistry, CacheDir: t.TempDir(), Progress: progress})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("err = %v", err)
	}
	assertNoWorkFolder(t)
}

// The one long test: the real image, by both ways.
func TestEnsure(t *testing.T) {
	if testing.Short() {
		t.Skip("makes two images of Debian, which takes a minute")
	}
	address := startRegistry(t)
	eng := connect(t)

	// Two at once, without a registry: one of them bootstraps.
	opts := image.Options{Base: noRegistry, CacheDir: t.TempDir()}
	var outputs [2]bytes.Buffer
	var images [2]image.Image
	var wait sync.WaitGroup
	for i := range images {
		wait.Go(func() {
			opts := opts
			opts.Progress = &outputs[i]
			var err error
			if images[i], err = image.Ensure(t.Context(), eng, base(t), opts); err != nil {
				t.Errorf("ensure: %v\n%s", err, &outputs[i])
			}
		})
	}
	wait.Wait()
	if t.Failed() {
		return
	}
	removeParts(t, eng, base(t), noRegistry)
	both := outputs[0].String() + outputs[1].String()
	t.Logf("%s", both)
	if images[0].Digest != images[1].Digest || images[0].Source != image.SourceBootstrap || images[0].Digest == "" {
		t.Errorf("images: %+v", images)
	}
	if strings.Count(both, "image: made ") != 1 || strings.Count(both, "another process") != 1 {
		t.Error("not exactly one of the two built")
	}
	assertNoWorkFolder(t)
	assertUsable(t, images[0].Ref)
	began := time.Now()
	again, err := image.Ensure(t.Context(), eng, base(t), opts)
	if err != nil || again.Digest != images[0].Digest {
		t.Errorf("again: %+v, %v", again, err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("the lookup took %s", took)
	}

	// From a registry, with what was made above as the base.
	pushed := push(t, eng, images[0].Ref, address)
	var output bytes.Buffer
	pulled, err := image.Ensure(t.Context(), eng, base(t), image.Options{Base: pushed, CacheDir: opts.CacheDir, Progress: &output})
	t.Logf("%s", &output)
	if err != nil {
		t.Fatal(err)
	}
	removeParts(t, eng, base(t), pushed)
	if pulled.Source != image.SourceRegistry || pulled.Ref == images[0].Ref {
		t.Errorf("pulled: %+v", pulled)
	}
	assertUsable(t, pulled.Ref)
}

func TestFailedBuildLeavesNothing(t *testing.T) {
	address := startRegistry(t)
	eng := connect(t)
	ref := fmt.Sprintf("localhost/wrapix-test:%d", time.Now().UnixNano())
	importTiny(t, eng, ref)
	pushed := push(t, eng, ref, address)

	_, err := image.Ensure(t.Context(), eng, base(t), image.Options{Base: pushed, CacheDir: t.TempDir()})
	if err == nil {
		t.Fatal("packages were installed where there is no package manager")
	}
	if !strings.Contains(err.Error(), "apt-get") {
		t.Errorf("the error hides what failed: %v", err)
	}
	if out, err := exec.Command("podman", "ps", "--all", "--external", "--format", "{{.Image}}").CombinedOutput(); err != nil ||
		strings.Contains(string(out), pushed) {
		t.Errorf("left containers of the build: %s %v", out, err)
	}
}

// A build that is killed leaves a container that is no sandbox, and that keeps the image below from being removed.
func TestRemoveBuilds(t *testing.T) {
	eng := connect(t)
	ref := fmt.Sprintf("localhost/wrapix-test:%d", time.Now().UnixNano())
	importTiny(t, eng, ref)
	dir := t.TempDir()
	file := "FROM " + ref + "\nRUN [\"/bin/sh\", \"-c\", \"echo begun; exec /bin/busybox sleep 1000\"]\n"
	if err := os.WriteFile(filepath.Join(dir, "Containerfile"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("podman", "build", "--isolation=chroot", "--layers=false", "--build-arg=wrapix.build="+ref, dir)
	build.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := build.StdoutPipe()
	if err == nil {
		err = build.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	for s := bufio.NewScanner(out); s.Scan() && s.Text() != "begun"; {
	}
	syscall.Kill(-build.Process.Pid, syscall.SIGKILL)
	build.Wait()
	for _, want := range []bool{true, false} {
		left, err := exec.Command("podman", "ps", "--all", "--external", "--format", "{{.Image}}").CombinedOutput()
		if err != nil || strings.Contains(string(left), ref) != want {
			t.Errorf("left is not %v: %s %v", want, left, err)
		}
		if err := eng.RemoveBuilds(t.Context(), func(image, mark string) bool { return image == ref && mark == ref }); err != nil {
			t.Error(err)
		}
	}
}

// startRegistry starts a registry in memory, and has the Podman that is started next trust it.
func startRegistry(t *testing.T) (address string) {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	address = strings.TrimPrefix(server.URL, "http://")
	conf := filepath.Join(t.TempDir(), "registries.conf")
	text := fmt.Sprintf("[[registry]]\nlocation = %q\ninsecure = true\n", address)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CONTAINERS_REGISTRIES_CONF", conf)
	return address
}

// push puts an image into the registry as `debian` and returns its name by digest.
func push(t *testing.T, eng *podman.Engine, ref, address string) string {
	t.Helper()
	digest := filepath.Join(t.TempDir(), "digest")
	out, err := exec.Command("podman", "push", "--quiet", "--tls-verify=false", "--digestfile="+digest, ref, address+"/debian:new").CombinedOutput()
	if err != nil {
		t.Fatalf("push: %v\n%s", err, out)
	}
	hash, err := os.ReadFile(digest)
	if err != nil {
		t.Fatal(err)
	}
	name := address + "/debian@" + strings.TrimSpace(string(hash))
	remove(t, eng, name)
	return name
}

func remove(t *testing.T, eng *podman.Engine, ref string) {
	t.Cleanup(func() {
		if err := eng.RemoveImage(context.WithoutCancel(t.Context()), ref); err != nil {
			t.Error(err)
		}
	})
}

// assertUsable looks into the image's files without a container.
func assertUsable(t *testing.T, ref string) {
	t.Helper()
	script := `set -e
		m=$(podman image mount "$1")
		for f in git ssh curl jq less ps rg bash apt-get; do test -x "$m/usr/bin/$f" || test -x "$m/bin/$f" || echo "lacks $f"; done
		test -s "$m/etc/ssl/certs/ca-certificates.crt" || echo lacks certificates
		find "$m/var/lib/apt/lists" "$m/var/cache/apt" "$m/var/log" "$m/usr/share/man" -type f ! -name lock
		if test -s "$m/etc/machine-id"; then echo has a machine id; fi
		podman image unmount "$1" >/dev/null`
	out, err := exec.Command("podman", "unshare", "sh", "-c", script, "-", ref).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%s: %v\n%s", ref, err, out)
	}
}

func assertNoWorkFolder(t *testing.T) {
	t.Helper()
	left, _ := filepath.Glob("/var/tmp/wrapix-image-*")
	for _, path := range left {
		if !image.InUse(path) { // by a test of another package
			t.Errorf("left: %s", path)
		}
	}
}

// cancelOn cancels when a text goes by.
type cancelOn struct {
	text   string
	cancel func()
}

func (c *cancelOn) Write(p []byte) (int, error) {
	if strings.Contains(string(p), c.text) {
		c.cancel()
	}
	return len(p), nil
}
