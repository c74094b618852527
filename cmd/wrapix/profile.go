package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/given"
	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/sandbox/image"
	"github.com/wrapix/wrapix/sandbox/profile"
)

func newProfile() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "profile",
		Short: "Say what sandboxes have installed",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			return &usageError{what: "wrapix profile needs a command: list or show", try: "wrapix profile --help"}
		},
	}
	cmd.AddCommand(newProfileList(), newProfileShow())
	return cmd
}

// profilesDocument is what `wrapix profile list --json` prints.
type profilesDocument struct {
	Schema   int               `json:"schema"`
	Profiles []profileDocument `json:"profiles"`
}

// profileDocument is one profile: of the list, and with what it is made of.
type profileDocument struct {
	Name     string                     `json:"name"`
	About    string                     `json:"about"`
	Chain    []string                   `json:"chain"` // base first
	Image    string                     `json:"image"`
	Packages []profile.Sourced          `json:"packages"`
	Optional []optionalDocument         `json:"optional"`
	Run      []profile.Sourced          `json:"run"`
	Env      map[string]profile.Sourced `json:"env"`
	Mounts   []mountDocument            `json:"mounts"`
	Files    []fileDocument             `json:"files"`
	Volumes  []volumeDocument           `json:"volumes"`
}

type mountDocument struct {
	Source   string `json:"source"`
	Dest     string `json:"dest"`
	Mode     string `json:"mode"`
	Optional bool   `json:"optional"`
	From     string `json:"from"`
}

type fileDocument struct {
	Source string `json:"source"`
	Dest   string `json:"dest"`
	From   string `json:"from"`
}

type volumeDocument struct {
	Name string `json:"name"` // in Podman
	Dest string `json:"dest"`
	From string `json:"from"`
}

type optionalDocument struct {
	Name    string   `json:"name"`
	From    string   `json:"from"`
	Source  string   `json:"source"`
	Instead []string `json:"instead"`
}

// newProfileDocument describes a profile as sandboxes of the project have it.
func newProfileDocument(project string, set *profile.Set, p profile.Profile) profileDocument {
	d := profileDocument{
		Name: p.Name, About: set.About(p.Name), Chain: p.Chain, Image: image.Ref(p),
		Packages: p.Packages(), Run: p.Run(), Env: p.Env, Optional: []optionalDocument{}, Mounts: []mountDocument{}, Files: []fileDocument{}, Volumes: []volumeDocument{},
	}
	for i, v := range (given.Host{Project: project}).Volumes(p.Volumes) {
		d.Volumes = append(d.Volumes, volumeDocument{v.Name, v.Dest, p.Volumes[i].From})
	}
	for _, m := range p.Mounts {
		if m.File {
			d.Files = append(d.Files, fileDocument{m.Source, m.Dest, m.From})
			continue
		}
		d.Mounts = append(d.Mounts, mountDocument{m.Source, m.Dest, m.Mode(), m.Optional, m.From})
	}
	for _, s := range p.Steps {
		for _, o := range s.Optional {
			d.Optional = append(d.Optional, optionalDocument{o.Name, s.From, o.Source, append([]string{}, o.Instead...)})
		}
	}
	return d
}

func newProfileList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the profiles: the built-in ones and those of wrapix.toml in the present folder",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, conf, err := here()
			if err != nil {
				return err
			}
			all, err := conf.AllProfiles()
			if err != nil {
				return err
			}
			d := profilesDocument{Schema: 1, Profiles: []profileDocument{}}
			for _, p := range all {
				d.Profiles = append(d.Profiles, newProfileDocument(dir, conf.Profiles, p))
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), d)
			}
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
			fmt.Fprintln(table, "PROFILE\tWHAT")
			for _, p := range d.Profiles {
				fmt.Fprintf(table, "%s\t%s\n", p.Name, terminal.Line(p.About))
			}
			return table.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func newProfileShow() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show NAME",
		Short: "Show what a profile is made of, and where each part comes from",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{what: fmt.Sprintf("one profile expected, not %q", args), try: "wrapix profile list"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, conf, err := here()
			if err != nil {
				return err
			}
			p, err := conf.ProfileOf(args[0])
			if err != nil {
				return &usageError{what: err.Error(), try: "wrapix profile list"}
			}
			d := newProfileDocument(dir, conf.Profiles, p)
			if asJSON {
				return printJSON(cmd.OutOrStdout(), struct {
					Schema int `json:"schema"`
					profileDocument
				}{1, d})
			}
			return printProfile(cmd.OutOrStdout(), d)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func printProfile(w io.Writer, d profileDocument) error {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	row := func(what, value, from string) { fmt.Fprintf(table, "%s\t%s\t%s\n", what, terminal.Line(value), from) }
	row("profile", strings.Join(d.Chain, " -> "), "")
	row("image", d.Image, "")
	for _, p := range d.Packages {
		row("package", p.Value, p.From)
	}
	for _, o := range d.Optional {
		value := o.Name + ", from " + o.Source
		if len(o.Instead) > 0 {
			value += "; else " + strings.Join(o.Instead, ", ")
		}
		row("optional", value, o.From)
	}
	for _, r := range d.Run {
		row("run", r.Value, r.From)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Env)) {
		row("env", name+"="+d.Env[name].Value, d.Env[name].From)
	}
	for _, m := range d.Mounts {
		value := fmt.Sprintf("%s at %s, %s", m.Source, m.Dest, m.Mode)
		if m.Optional {
			value += ", if it is there"
		}
		row("mount", value, m.From)
	}
	for _, f := range d.Files {
		row("file", f.Source+" at "+f.Dest, f.From)
	}
	for _, v := range d.Volumes {
		row("volume", v.Name+" at "+v.Dest, v.From)
	}
	return table.Flush()
}

// here is the present folder, and what its configuration says.
func here() (dir string, conf config.Config, err error) {
	if dir, err = realPath("."); err == nil {
		conf, err = loadConfig(dir)
	}
	return dir, conf, err
}
