package podman

import (
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containers/podman/v5/libpod/define"

	"github.com/wrapix/wrapix/sandbox"
)

// On a host where the suite passes, nothing may be called an error, and what cannot be limited is named in both places.
func TestCheck(t *testing.T) {
	e := connect(t)
	findings := e.Check(t.Context())
	codes := map[string]sandbox.Severity{}
	for _, f := range findings {
		codes[f.Code] = f.Severity
		t.Logf("%s %s: %s (%s)", f.Severity, f.Code, f.Text, f.Fix)
		if f.Severity == failure {
			t.Errorf("%s: %s", f.Code, f.Text)
		}
		if f.Text == "" || f.Check == "" || (f.Severity == ok) != (f.Fix == "") {
			t.Errorf("%+v", f)
		}
	}
	for _, code := range []string{"podman", "oci-runtime", "network"} {
		if codes[code] != ok {
			t.Errorf("%s: %q", code, codes[code])
		}
	}
	memory := len(Warnings(sandbox.Limits{MemoryBytes: 1 << 30})) > 0
	if memory != (codes["limit-memory"] == warning) {
		t.Errorf("memory warning %v, finding %q", memory, codes["limit-memory"])
	}
	if w := Warnings(sandbox.Limits{Pids: 10}); len(w) > 0 {
		t.Errorf("nothing that is not enforced was asked for: %v", w)
	}
	if w := (host{nofile: 100}).warnings(sandbox.Limits{Files: 101}); len(w) != 1 {
		t.Errorf("more files than a process can have: %v", w)
	}
}

func TestCheckFindings(t *testing.T) {
	info := &define.Info{Store: &define.StoreInfo{GraphDriverName: "overlay"}, Host: &define.HostInfo{OCIRuntime: &define.OCIRuntimeInfo{Name: "crun"}}}
	fuse := &define.Info{Store: &define.StoreInfo{GraphOptions: map[string]any{"overlay.mount_program": "/usr/bin/fuse-overlayfs"}}}
	open := func(string) error { return nil }
	refused := func(path string) error { return &os.PathError{Op: "open", Path: path, Err: os.ErrPermission} }
	withFuse, _ := host{kernelOverlay: true}.checkFuse(fuse, open)
	withoutDevice, _ := host{overlay: true}.checkFuse(info, refused)
	for _, c := range []struct {
		got      sandbox.Finding
		severity sandbox.Severity
		code     string
		by       sandbox.FixBy
	}{
		{checkStorage(info), ok, "storage", ""},
		{host{cgroups: cgroupsHybrid}.checkRuntime(info), failure, "oci-runtime", sandbox.ByRoot},
		{host{cgroups: cgroupsHybrid, ociRuntime: "runc"}.checkRuntime(info), ok, "oci-runtime", ""},
		{host{cgroups: cgroupsV2}.checkRuntime(info), ok, "oci-runtime", ""},
		{host{cgroups: cgroupsV1}.checkLimits()[0], warning, "limit-memory", sandbox.ByHand},
		{host{cgroups: cgroupsV2, controllers: []string{"memory"}}.checkLimits()[0], warning, "limit-cpu", sandbox.ByRoot},
		{host{cgroups: cgroupsV2, controllers: []string{"memory", "cpu"}}.checkLimits()[0], ok, "limits", ""},
		{networkBy("pasta", "passt", false, open), failure, "network", sandbox.ByRoot},
		{networkBy("pasta", "passt", true, refused), failure, "network-tun", sandbox.ByRoot},
		{networkBy("pasta", "passt", true, open), ok, "network", ""},
		{withFuse, ok, "fuse", ""},
		{withoutDevice, failure, "fuse", sandbox.ByRoot},
		{NotConnected(&sandbox.Error{Op: "x", Err: os.ErrNotExist, Hint: "sudo y"}), failure, "podman", sandbox.ByRoot},
		{NotConnected(&sandbox.Error{Op: "x", Err: os.ErrNotExist, Hint: "y"}), failure, "podman", sandbox.ByHand},
		{NotConnected(os.ErrNotExist), failure, "podman", sandbox.ByHand},
	} {
		if c.got.Severity != c.severity || c.got.Code != c.code || c.got.By != c.by || (c.severity == ok) != (c.got.Fix == "") {
			t.Errorf("got %+v, want %s %s by %q", c.got, c.severity, c.code, c.by)
		}
	}
	if f, asked := (host{overlay: true, kernelOverlay: true}).checkFuse(info, refused); asked {
		t.Errorf("nobody needs it: %+v", f)
	}
}

// What a reset of the storage would take away is not for a program to take.
func TestCheckStorageOfCopies(t *testing.T) {
	dir := t.TempDir()
	check := func(stored int, conf string) sandbox.Finding {
		file := filepath.Join(dir, "it's.conf")
		if err := os.WriteFile(file, []byte(conf), 0o600); conf == "" {
			os.Remove(file)
		} else if err != nil {
			t.Fatal(err)
		}
		return checkStorage(&define.Info{Store: &define.StoreInfo{
			GraphDriverName: "vfs", ConfigFile: file, GraphRoot: dir, VolumePath: filepath.Join(dir, "volumes"), ImageStore: define.ImageStore{Number: stored},
		}})
	}
	for _, c := range []struct {
		stored int
		conf   string
		by     sandbox.FixBy
		fix    string
	}{
		{0, "", sandbox.ByUser, "printf"},
		{1, "", sandbox.ByHand, "printf"},
		{0, "[storage]\n  driver = \"vfs\"\nrunroot = \"/x\"\n", sandbox.ByUser, "sed -i"},
		{0, "[storage]\nrunroot = \"/x\"\n", sandbox.ByHand, "write driver"},
	} {
		got := check(c.stored, c.conf)
		if got.Severity != warning || got.Code != "storage-vfs" || got.By != c.by || !strings.Contains(got.Fix, "podman system reset --force && ") || !strings.Contains(got.Fix, c.fix) {
			t.Errorf("%+v: %+v", c, got)
		}
		_, write, _ := strings.Cut(got.Fix, " && ")
		if c.fix == "write driver" {
			continue
		}
		if out, err := exec.Command("/bin/sh", "-c", write).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v %s", write, err, out)
		}
		text, err := os.ReadFile(filepath.Join(dir, "it's.conf"))
		if err != nil || !strings.HasPrefix(string(text), "[storage]\ndriver = \"overlay\"\n") || strings.Contains(c.conf, "runroot") != strings.Contains(string(text), "runroot") {
			t.Errorf("%q, %v", text, err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "volumes", "mine"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := check(0, ""); got.By != sandbox.ByHand {
		t.Errorf("with a volume: %+v", got)
	}
}

func TestSubordinateIDs(t *testing.T) {
	for _, c := range []struct{ subuid, subgid, nss, hint string }{
		{"me:100000:65536\n", "1000:100000:65536\n", "", ""},
		{"", "", "subid: sss\n", ""},
		{"", "", "", "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 me"},
		{"me:100000:65536\nyou:165536:65536\n", "meme:300000:10\nbroken\nx:y:z\n", "", "sudo usermod --add-subuids 300010-365545 --add-subgids 300010-365545 me"},
	} {
		etc := t.TempDir()
		for name, text := range map[string]string{"subuid": c.subuid, "subgid": c.subgid, "nsswitch.conf": c.nss} {
			if err := os.WriteFile(filepath.Join(etc, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		err := subordinateIDs(etc, "me", 1000)
		var hinted *sandbox.Error
		if c.hint == "" && err != nil || c.hint != "" && (!errors.As(err, &hinted) || hinted.Hint != c.hint) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	var hinted *sandbox.Error
	if err := subordinateIDs(t.TempDir(), "me", 1000); !errors.As(err, &hinted) || !strings.Contains(err.Error(), "subuid") {
		t.Errorf("without files: %v", err)
	}
}

// A Podman that is too old is named with its version, and so is the first that works.
func TestTooOld(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Libpod-API-Version", "4.2.1")
	})}
	go server.Serve(listener)
	defer server.Close()
	_, err = Connect(t.Context(), Options{Socket: socket, CacheDir: t.TempDir()})
	if err == nil {
		t.Fatal("connected")
	}
	if f := NotConnected(err); f.Severity != failure || !strings.Contains(f.Text, "4.2.1 is too old: 4.3.0") || f.Fix == "" {
		t.Errorf("%+v", f)
	}
}
