package trust

import (
	"slices"
	"testing"

	"github.com/wrapix/wrapix/config"
)

// Whatever of a configuration was approved, no more of it is in effect, and nothing less.
func TestInEffect(t *testing.T) {
	c, err := config.Parse("wrapix.toml", []byte("agent.command = ['a']\n"+all))
	if err != nil {
		t.Fatal(err)
	}
	c.Hooks, c.Notify = config.Hooks{}, config.Notify{} // which reach no sandbox
	c.Sandbox.Image = "example.org/image:1"
	testInEffect(t, c)
	c.Sandbox.Image, c.Sandbox.Containerfile = "./Containerfile", "FROM x"
	testInEffect(t, c)
}

func testInEffect(t *testing.T, c config.Config) {
	t.Helper()
	list := List(c)
	check := func(approved []Setting) {
		t.Helper()
		d := between("/p", approved, list)
		now, err := d.InEffect(c)
		if err != nil {
			t.Fatal(err)
		}
		var want []Setting
		for _, s := range list {
			if d.Approved(s) {
				want = append(want, s)
			}
		}
		if !slices.EqualFunc(List(now), want, func(a, b Setting) bool { return a.Key == b.Key && a.Value == b.Value }) {
			t.Errorf("of %v\n%v is in effect, not\n%v", approved, List(now), want)
		}
		if !slices.ContainsFunc(now.Sandbox.Mounts, func(m config.Mount) bool { return m.Dest == "/c" }) {
			t.Error("what lies in the project needs no approval")
		}
		if now.Sandbox.Pids != c.Sandbox.Pids || now.Sandbox.Profile != c.Sandbox.Profile {
			t.Errorf("%+v", now.Sandbox)
		}
	}
	check(nil)
	check(list)
	for i := range list {
		check(list[i : i+1])
		check(slices.Concat(list[:i], list[i+1:]))
	}
	if len(List(c)) != len(list) {
		t.Error("the configuration itself was changed")
	}
}

// A network that became wider is in effect as none at all.
func TestInEffectNetwork(t *testing.T) {
	narrow, wide := config.Default(), config.Default()
	narrow.Sandbox.Network, narrow.Sandbox.Allow = config.NetworkAllowlist, []string{"example.org"}
	for _, c := range []struct {
		was, is config.Config
		want    config.Network
	}{{narrow, wide, config.NetworkNone}, {narrow, narrow, config.NetworkAllowlist}, {wide, narrow, config.NetworkAllowlist}, {wide, wide, config.NetworkOpen}} {
		now, err := between("/p", List(c.was), List(c.is)).InEffect(c.is)
		if err != nil || now.Sandbox.Network != c.want || (len(now.Sandbox.Allow) > 0) != (c.want == config.NetworkAllowlist) {
			t.Errorf("%+v, %v", now.Sandbox, err)
		}
	}
}
