package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/control"
	"github.com/wrapix/wrapix/internal/filesystem"
	"github.com/wrapix/wrapix/store"
)

type backupOptions struct {
	*app
	force bool
}

func newBackup(a *app) *cobra.Command {
	o := &backupOptions{app: a}
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the project's database to a file, also while a loop works",
		Long: `Copy the project's database to a file, also while a loop works: all workflows as
they are at one moment. The copy is verified before it gets its name.

Transcripts and snapshots are not in it. They lie as files beside the database,
in attempts and snapshots.git of the state folder, and never change once their
attempt has ended: copy them as they are.

To put a copy back, let no ralph work on the project, and put it in the place
of ralph.db in the state folder, with attempts moved aside.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },
	}
	cmd.Flags().BoolVar(&o.force, "force", false, "replace FILE if it exists")
	return cmd
}

// backupDocument is `ralph backup --json`.
type backupDocument struct {
	Schema int    `json:"schema"`
	File   string `json:"file"`
	Bytes  int64  `json:"bytes"`
}

// backuper is who can copy the database: the store, or the process that has it open.
type backuper interface {
	Backup(ctx context.Context, w io.Writer) error
	Close() error
}

func (o *backupOptions) run(ctx context.Context, name string) error {
	p, err := o.project()
	if err != nil {
		return err
	}
	path, err := p.specPath(name)
	if err != nil {
		return err
	}
	if err := p.checkBackup(path); err != nil {
		return err
	}
	open := func(wait bool) (backuper, error) {
		s, err := p.readStore(wait)
		if err != nil {
			return nil, err
		}
		return s, nil
	}
	from, err := throughHolder(ctx, p, open, func(c *control.Client) backuper { return c })
	if err != nil {
		return err
	}
	defer from.Close()
	size, err := store.SaveCopy(ctx, path, o.force, func(w io.Writer) error { return from.Backup(ctx, w) })
	if errors.Is(err, fs.ErrExist) {
		return usagef("ralph backup --force "+name, "backup: %s exists", name)
	}
	if err != nil {
		return fmt.Errorf("backup to %s: %w", name, err)
	}
	if o.json {
		return o.printJSON(backupDocument{schema, path, size})
	}
	o.line("%s holds all workflows of the project (%s), and is verified", name, filesystem.Bytes(uint64(size)))
	return nil
}

// checkBackup refuses to put the copy in the place of what it is a copy of, and where no file can be.
func (p *project) checkBackup(path string) error {
	there, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			return usagef("mkdir -p "+filepath.Dir(path), "backup: %w", err)
		}
		return nil
	case err != nil:
		return usagef("", "backup: %w", err)
	case !there.Mode().IsRegular():
		return usagef("ralph backup "+filepath.Join(path, store.File), "backup: %s is not a file", path)
	}
	dir, err := p.stateDir()
	if err != nil {
		return err
	}
	if own, err := os.Stat(filepath.Join(dir, store.File)); err == nil && os.SameFile(own, there) {
		return usagef("name another file", "backup: %s is the database itself", path)
	}
	return nil
}
