package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/internal/terminal"
)

var (
	//go:embed template/wrapix.toml
	configTemplate []byte
	//go:embed template/example.md
	specTemplate []byte
)

func newInit(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "init",
		Short: "Write a commented wrapix.toml and an example spec",
		Long: `Write a commented wrapix.toml and an example spec into the project: the git
repository around the present folder, else the folder itself. What exists is
not touched.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.init() },
	}
}

// initDocument is `ralph init --json`.
type initDocument struct {
	Schema  int      `json:"schema"`
	Project string   `json:"project"`
	Created []string `json:"created"`
}

func (a *app) init() error {
	root, err := config.FindProject(a.dir)
	if errors.Is(err, config.ErrNoProject) {
		root, err = filepath.Abs(a.dir)
	}
	if err != nil {
		return err
	}
	files := []struct {
		name string
		text []byte
	}{{config.FileName, configTemplate}, {filepath.Join("specs", "example.md"), specTemplate}}
	for _, f := range files { // before the first is written
		if _, err := os.Lstat(filepath.Join(root, f.name)); err == nil {
			return usagef("ralph doctor", "init: %s exists, and is not overwritten", filepath.Join(root, f.name))
		}
	}
	d := initDocument{Schema: schema, Project: root}
	for _, f := range files {
		if err := writeNew(filepath.Join(root, f.name), f.text); err != nil {
			return fmt.Errorf("init: %w", err)
		}
		d.Created = append(d.Created, f.name)
	}
	if a.json {
		return a.printJSON(d)
	}
	out := a.streams.Out
	for _, name := range d.Created {
		fmt.Fprintln(out, "wrote", terminal.Line(filepath.Join(root, name)))
	}
	fmt.Fprint(out, tryLine(out, "say in wrapix.toml which agent works, then: ralph start specs/example.md"))
	return nil
}

// writeNew writes a file that must not exist, not even as a link to nothing.
func writeNew(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return usagef("", "%s exists, and is not overwritten", path)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
