package podman

import (
	"testing"

	"github.com/containers/podman/v5/libpod/define"

	"github.com/wrapix/wrapix/sandbox"
)

// On a host where the suite passes, nothing may be called an error, and what cannot be limited is named in both places.
func TestCheck(t *testing.T) {
	e := connect(t)
	findings := e.Check(t.Context())
	codes := map[string]string{}
	for _, f := range findings {
		codes[f.Code] = f.Severity
		t.Logf("%s %s: %s (%s)", f.Severity, f.Code, f.Text, f.Fix)
		if f.Severity == failure {
			t.Errorf("%s: %s", f.Code, f.Text)
		}
		if f.Text == "" || (f.Severity == ok) != (f.Fix == "") {
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
}

func TestCheckFindings(t *testing.T) {
	vfs := &define.Info{Store: &define.StoreInfo{GraphDriverName: "vfs"}, Host: &define.HostInfo{OCIRuntime: &define.OCIRuntimeInfo{Name: "crun"}}}
	for _, c := range []struct {
		got            sandbox.Finding
		severity, code string
	}{
		{checkStorage(vfs), warning, "storage-vfs"},
		{host{cgroups: cgroupsHybrid}.checkRuntime(vfs), failure, "oci-runtime"},
		{host{cgroups: cgroupsHybrid, ociRuntime: "runc"}.checkRuntime(vfs), ok, "oci-runtime"},
		{host{cgroups: cgroupsV2}.checkRuntime(vfs), ok, "oci-runtime"},
		{host{cgroups: cgroupsV1}.checkLimits()[0], warning, "limit-memory"},
		{host{cgroups: cgroupsV2, controllers: []string{"memory"}}.checkLimits()[0], warning, "limit-cpu"},
		{host{cgroups: cgroupsV2, controllers: []string{"memory", "cpu"}}.checkLimits()[0], ok, "limits"},
	} {
		if c.got.Severity != c.severity || c.got.Code != c.code {
			t.Errorf("got %+v, want %s %s", c.got, c.severity, c.code)
		}
	}
}
