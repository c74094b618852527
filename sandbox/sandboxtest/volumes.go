package sandboxtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wrapix/wrapix/sandbox"
)

// cached returns a sandbox with a volume of a project at /var/cache/wrapix/x; the volume goes with the test.
func (s *suite) cached(t *testing.T, project, script string) sandbox.Spec {
	t.Helper()
	name := fmt.Sprintf("wrapix-test-%s-%s", s.run, project)
	t.Cleanup(func() {
		// With several sandboxes it is the last one's removal that lets it go; what is left then, the suite finds.
		if err := s.rt.RemoveVolume(context.Background(), name); err != nil && !errors.Is(err, sandbox.ErrInUse) {
			t.Error(err)
		}
	})
	spec := s.spec(t, "cd /var/cache/wrapix/x && "+script)
	spec.Volumes = []sandbox.Volume{{Name: name, Dest: sandbox.CacheDir + "/x", Labels: map[string]string{"wrapix.test": s.run, "project": project}}}
	return spec
}

var volumeTests = []test{
	{"Persist", func(t *testing.T, s *suite) {
		spec := s.cached(t, "persist", `ls -A; stat -c %u:%g .; mkdir d; echo kept > d/f; cp /bin/busybox .; ./busybox echo runs`)
		check(t, "the first one", s.want0(t, spec).stdout, fmt.Sprintf("%d:%d\nruns\n", os.Getuid(), os.Getgid()))
		if err := s.rt.Remove(testContext(t), spec.Name); err != nil {
			t.Fatal(err)
		}
		check(t, "the next one", s.want0(t, s.cached(t, "persist", `cat d/f; stat -c %u d/f; ./busybox rm -r d`)).stdout, fmt.Sprintf("kept\n%d\n", os.Getuid()))
	}},
	{"OfOneProject", func(t *testing.T, s *suite) {
		s.want0(t, s.cached(t, "one", "echo poison > f"))
		check(t, "another project's", s.want0(t, s.cached(t, "two", "ls -A")).stdout, "")
	}},
	{"WithoutName", func(t *testing.T, s *suite) {
		// As a check has it: empty, writable, and gone with the sandbox.
		s.want0(t, s.cached(t, "agents", "echo poison > f"))
		before := s.nameless(t)
		for range 2 {
			spec := s.cached(t, "agents", "ls -A; stat -c %u .; echo x > f")
			spec.Volumes[0].Name = ""
			check(t, "stdout", s.want0(t, spec).stdout, fmt.Sprintf("%d\n", os.Getuid()))
			if err := s.rt.Remove(testContext(t), spec.Name); err != nil {
				t.Fatal(err)
			}
		}
		check(t, "what the agents left", s.want0(t, s.cached(t, "agents", "cat f")).stdout, "poison\n")
		check(t, "left behind", s.nameless(t), before)
	}},
	{"InThePlaceOfAMount", func(t *testing.T, s *suite) {
		spec := s.cached(t, "mounted", "cat f")
		writeFile(t, filepath.Join(filepath.Dir(spec.Record), "own", "f"), "of a person\n")
		spec.Mounts = []sandbox.Mount{{Source: filepath.Join(filepath.Dir(spec.Record), "own"), Dest: spec.Volumes[0].Dest, ReadOnly: true}}
		check(t, "stdout", s.want0(t, spec).stdout, "of a person\n")
	}},
	{"Remove", func(t *testing.T, s *suite) {
		spec := s.cached(t, "removed", "echo x > f")
		name := spec.Volumes[0].Name
		s.want0(t, spec)
		checkErr(t, "removed while a sandbox has it", s.rt.RemoveVolume(testContext(t), name), sandbox.ErrInUse)
		if err := s.rt.Remove(testContext(t), spec.Name); err != nil {
			t.Fatal(err)
		}
		checkErr(t, "removed", s.rt.RemoveVolume(testContext(t), name), nil)
		checkErr(t, "removed again", s.rt.RemoveVolume(testContext(t), name), nil)
		check(t, "made anew", s.want0(t, s.cached(t, "removed", "ls -A")).stdout, "")
	}},
	{"Labels", func(t *testing.T, s *suite) {
		for _, project := range []string{"l1", "l2"} {
			s.want0(t, s.cached(t, project, "true"))
		}
		list, err := s.rt.Volumes(testContext(t), map[string]string{"wrapix.test": s.run, "project": "l1"})
		if err != nil || len(list) != 1 || list[0].Name != "wrapix-test-"+s.run+"-l1" || list[0].Labels["project"] != "l1" {
			t.Errorf("%+v, %v", list, err)
		}
	}},
	{"AtOnce", func(t *testing.T, s *suite) {
		// Two sandboxes of one project that start together make one volume.
		first := s.start(t, testContext(t), s.cached(t, "both", "echo ready; while ! test -e f; do sleep 0.01; done; cat f"), "ready")
		s.want0(t, s.cached(t, "both", "echo seen > g; mv g f"))
		<-first.done
		check(t, "stdout", first.out.String(), "ready\nseen\n")
	}},
}

// nameless lists the volumes that nobody labelled.
func (s *suite) nameless(t *testing.T) string {
	t.Helper()
	list, err := s.rt.Volumes(testContext(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, v := range list {
		if len(v.Labels) == 0 {
			names = append(names, v.Name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}
