package devcontainer

import (
	"cmp"
	"maps"
	"slices"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/trust"
)

// Settings are those of the file that reach the host, as they stand in a list that a person approves. They are recorded
// apart from those of wrapix.toml, because most commands do not look at this file.
func (f File) Settings() []trust.Setting {
	list := trust.List(config.Config{Sandbox: config.Sandbox{Image: f.Image.Name, Ports: f.Ports}})
	for i, s := range list {
		list[i].Key = map[string]string{"sandbox.image": "image", "sandbox.ports": "forwardPorts"}[s.Key]
	}
	slices.SortFunc(list, func(a, b trust.Setting) int { return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Value, b.Value)) })
	return list
}

// Approved is the file without what a person has not approved.
func (f File) Approved(d trust.Difference) File {
	approved := func(only File) bool {
		return !slices.ContainsFunc(only.Settings(), func(s trust.Setting) bool { return !d.Approved(s) })
	}
	if !approved(File{Image: f.Image}) {
		f.Image = Named{}
	}
	f.Ports = slices.DeleteFunc(slices.Clone(f.Ports), func(port int) bool { return !approved(File{Ports: []int{port}}) })
	return f
}

// Under returns a configuration with the variables and ports of the file, where it does not say otherwise itself.
func (f File) Under(c config.Config) config.Config {
	env := maps.Clone(f.Env)
	if env == nil {
		env = map[string]string{}
	}
	maps.Copy(env, c.Sandbox.Env)
	c.Sandbox.Env = env
	c.Sandbox.Ports = slices.Clone(c.Sandbox.Ports)
	for _, port := range f.Ports {
		if !slices.Contains(c.Sandbox.Ports, port) {
			c.Sandbox.Ports = append(c.Sandbox.Ports, port)
		}
	}
	return c
}
