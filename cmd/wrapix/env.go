package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/sandbox"
	"github.com/wrapix/wrapix/sandbox/image"
	"github.com/wrapix/wrapix/sandbox/podman"
	"github.com/wrapix/wrapix/trust"
)

func newEnv(root *runOptions) *cobra.Command {
	o := &runOptions{streams: root.streams}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "env [DIR] [-- COMMAND [ARG...]]",
		Short: "Describe the sandbox that wrapix would start, for editors",
		Long: `env describes the sandbox that wrapix would start with the same arguments: image, mounts, variables, network, limits.
Nothing is started or built, no program of the configuration runs, and of variables and secrets only the names are told.

What was not approved is not in effect, and listed as pending: see wrapix trust.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.place(args, cmd.ArgsLenAtDash()); err != nil {
				return err
			}
			o.allowRoot = root.allowRoot
			d, err := o.describe(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(o.streams.out, d)
			}
			return d.print(o.streams.out)
		},
	}
	o.define(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document: see docs/env.md")
	return cmd
}

// envDocument is what `wrapix env --json` prints; docs/env.md tells what it means.
type envDocument struct {
	Schema    int              `json:"schema"`
	Project   string           `json:"project"`
	Profile   string           `json:"profile"`
	Image     envImage         `json:"image"`
	Workspace envMount         `json:"workspace"`
	Mounts    []envMount       `json:"mounts"`
	Volumes   []envVolume      `json:"volumes"`
	Env       []string         `json:"env"`
	Secrets   []envSecret      `json:"secrets"`
	Network   envNetwork       `json:"network"`
	Limits    envLimits        `json:"limits"`
	User      envUser          `json:"user"`
	DeployKey *string          `json:"deploy_key"`
	Command   []string         `json:"command"`
	Approved  bool             `json:"approved"`
	Pending   []pendingSetting `json:"pending"`
}

type envImage struct {
	Ref   string `json:"ref"`
	Built *bool  `json:"built"` // null where Podman did not answer
}

type envMount struct {
	Source string `json:"source"`
	Dest   string `json:"dest"`
	Mode   string `json:"mode"`
}

type envVolume struct {
	Name string `json:"name"`
	Dest string `json:"dest"`
}

type envSecret struct {
	Name     string `json:"name"`
	File     string `json:"file"`
	Variable bool   `json:"variable"`
}

type envNetwork struct {
	Mode      string   `json:"mode"`
	Allow     []string `json:"allow"`
	HostPorts []int    `json:"host_ports"`
	Ports     []int    `json:"ports"`
}

type envLimits struct {
	MemoryBytes int64    `json:"memory_bytes"`
	CPUs        float64  `json:"cpus"`
	Pids        int64    `json:"pids"`
	TmpBytes    int64    `json:"tmp_bytes"`
	HomeBytes   int64    `json:"home_bytes"`
	Files       int64    `json:"files"`
	Warnings    []string `json:"warnings"`
}

func newEnvLimits(l sandbox.Limits) envLimits {
	return envLimits{l.MemoryBytes, l.CPUs, l.Pids, l.TmpBytes, l.HomeBytes, l.Files, list(podman.Warnings(l))}
}

type envUser struct {
	Name string `json:"name"`
	UID  int    `json:"uid"`
	GID  int    `json:"gid"`
	Home string `json:"home"`
}

type pendingSetting struct {
	Key   string `json:"key"`
	Words string `json:"words"`
}

// describe makes the sandbox as run does, up to where it would be started.
func (o *runOptions) describe(ctx context.Context) (d envDocument, err error) {
	dir, err := realPath(o.dir)
	if err != nil {
		return d, fmt.Errorf("use the folder %s: %s", o.dir, reason(err))
	}
	if err := trust.GuardPath(dir); err != nil {
		return d, err
	}
	conf, err := loadConfig(dir)
	if err != nil {
		return d, err
	}
	o.tellOfConfigAbove(dir)
	conf, difference, err := o.inEffect(dir, conf)
	if err != nil {
		return d, err
	}
	wanted, err := profiled(conf, o.profiles())
	if err != nil {
		return d, err
	}
	var more trust.Difference
	if o.devcontainer {
		if conf, wanted, more, err = o.approvedOfDevcontainer(dir, conf, wanted); err != nil {
			return d, err
		}
	}
	spec, err := o.compose(ctx, dir, conf, wanted)
	if err != nil {
		return d, err
	}
	command := o.command
	if len(command) == 0 && canStart(conf) == nil && !slices.ContainsFunc(difference.Added, ofAgent) {
		if wanted, spec, err = withAgent(conf, wanted, spec); err != nil {
			return d, err
		}
		command = spec.Commands[0].Args
	}
	mounts, err := spec.AllMounts()
	if err != nil {
		return d, err
	}
	d = envDocument{
		Schema: 1, Project: dir, Profile: wanted.profile.Name,
		Image:     envImage{Ref: wanted.ref()},
		Workspace: envMount{spec.Workspace.Source, sandbox.WorkspaceDir, string(spec.Workspace.Access)},
		Mounts:    []envMount{}, Volumes: []envVolume{}, Secrets: []envSecret{}, Pending: []pendingSetting{},
		Env:     slices.Sorted(maps.Keys(spec.Environment())),
		Network: envNetwork{string(spec.Network), list(spec.Allow), list(spec.HostPorts), list(spec.Ports)},
		Limits:  newEnvLimits(spec.Limits),
		User:    envUser{"agent", os.Getuid(), os.Getgid(), sandbox.HomeDir},
		Command: list(command), Approved: difference.Trusted() && more.Trusted(),
	}
	for _, m := range mounts {
		mode := sandbox.ReadWrite
		if m.ReadOnly {
			mode = sandbox.ReadOnly
		}
		d.Mounts = append(d.Mounts, envMount{m.Source, m.Dest, string(mode)})
	}
	for _, v := range spec.Volumes {
		d.Volumes = append(d.Volumes, envVolume{v.Name, v.Dest})
	}
	for _, s := range conf.Secrets {
		d.Secrets = append(d.Secrets, envSecret{s.Name, sandbox.SecretsDir + "/" + s.Name, slices.Contains(spec.Commands[0].Secrets, s.Name)})
	}
	for _, s := range slices.Concat(difference.Added, more.Added) {
		d.Pending = append(d.Pending, pendingSetting{s.Key, s.Words})
	}
	if k := conf.Sandbox.DeployKey; k != (config.DeployKey{}) {
		remote := k.Remote.String()
		d.DeployKey = &remote
	}
	d.Image.Built = o.built(ctx, d.Image.Ref)
	return d, ctx.Err()
}

// inEffect is the configuration as far as it was approved, and what was not.
func (o *runOptions) inEffect(dir string, conf config.Config) (config.Config, trust.Difference, error) {
	d, _, _, err := compared(dir, conf, o.effective(conf))
	if err != nil {
		return conf, d, err
	}
	d = d.Of(o.reaching()...)
	conf, err = d.InEffect(conf)
	return conf, d, err
}

// ofAgent says whether a setting is about the agent itself: without its approval none is started.
func ofAgent(s trust.Setting) bool { return strings.HasPrefix(s.Key, "agent.") }

// built says whether the host has the image. Podman is asked, and nothing is made.
func (o *runOptions) built(ctx context.Context, ref string) *bool {
	has, err := hasImage(ctx, podman.Options{AllowRoot: o.allowRoot}, ref)
	if err != nil {
		fmt.Fprintln(o.streams.err, "wrapix: whether the image is there is not known: "+terminal.Line(err.Error()))
		return nil
	}
	return &has
}

func hasImage(ctx context.Context, opts podman.Options, ref string) (bool, error) {
	engine, err := podman.Connect(ctx, opts)
	if err != nil {
		return false, err
	}
	defer engine.Close()
	_, err = engine.Image(ctx, ref)
	if errors.Is(err, image.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// list is never null in a document.
func list[T any](l []T) []T { return append([]T{}, l...) }

// print tells a person the same.
func (d envDocument) print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	row := func(what, value string) { fmt.Fprintf(table, "%s\t%s\n", what, terminal.Line(value)) }
	row("project", d.Project)
	row("profile", d.Profile)
	state := map[bool]string{true: "", false: " (not built yet)"}
	if d.Image.Built == nil {
		row("image", d.Image.Ref)
	} else {
		row("image", d.Image.Ref+state[*d.Image.Built])
	}
	for _, m := range append([]envMount{d.Workspace}, d.Mounts...) {
		row("mount", m.Source+" at "+m.Dest+" ("+m.Mode+")")
	}
	for _, v := range d.Volumes {
		row("volume", v.Name+" at "+v.Dest)
	}
	row("env", strings.Join(d.Env, " "))
	for _, s := range d.Secrets {
		row("secret", s.Name+" at "+s.File)
	}
	row("network", strings.Join(append([]string{d.Network.Mode}, d.Network.Allow...), " "))
	for _, port := range d.Network.HostPorts {
		row("host port", strconv.Itoa(port))
	}
	for _, port := range d.Network.Ports {
		row("port", strconv.Itoa(port))
	}
	row("limits", fmt.Sprintf("memory %s, processors %s, processes %s", limit(d.Limits.MemoryBytes), limit(d.Limits.CPUs), limit(d.Limits.Pids)))
	for _, warning := range d.Limits.Warnings {
		row("", warning)
	}
	row("user", fmt.Sprintf("%s (%d:%d), at home in %s", d.User.Name, d.User.UID, d.User.GID, d.User.Home))
	if d.DeployKey != nil {
		row("deploy key", *d.DeployKey)
	}
	if len(d.Command) > 0 {
		row("command", strings.Join(d.Command, " "))
	}
	for _, s := range d.Pending {
		row("not approved", s.Key+": "+s.Words)
	}
	return table.Flush()
}

// limit writes a bound, of which zero is none.
func limit[T int64 | float64](n T) string {
	if n == 0 {
		return "unlimited"
	}
	return fmt.Sprint(n)
}
