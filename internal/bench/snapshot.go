package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/wrapix/wrapix/snapshot"
)

// The work tree that snapshots are taken of.
const (
	treeFiles   = 50_000
	treeChanged = 10 // before each measurement
)

// snapshot measures a snapshot of a large work tree of which a few files have changed, after the first one.
func (b *bench) snapshot() measure {
	var repo *snapshot.Repo
	return func(ctx context.Context) (float64, error) {
		tree, err := b.tree(ctx)
		if err != nil {
			return 0, err
		}
		if repo == nil {
			if repo, err = snapshot.Open(filepath.Join(b.dir, "snapshots.git"), tree, snapshot.Options{}); err != nil {
				return 0, err
			}
			if _, err := repo.Take(ctx, "the first"); err != nil {
				return 0, err
			}
		}
		if err := changeFiles(tree); err != nil {
			return 0, err
		}
		began := time.Now()
		_, err = repo.Take(ctx, "a further one")
		return float64(time.Since(began)), err
	}
}

// gitStatus measures `git status` of the same tree, in the same condition.
func (b *bench) gitStatus() measure {
	return func(ctx context.Context) (float64, error) {
		tree, err := b.tree(ctx)
		if err == nil {
			err = changeFiles(tree)
		}
		if err != nil {
			return 0, err
		}
		return command(1, tree, "git", "status", "--porcelain")(ctx)
	}
}

// tree makes a repository once whose files are all committed, with an ignore file as projects have them.
func (b *bench) tree(ctx context.Context) (string, error) {
	tree := filepath.Join(b.dir, "tree")
	if _, err := os.Stat(tree); err == nil {
		return tree, nil
	}
	making := tree + ".making"
	for i := range treeFiles {
		path := filepath.Join(making, treeFile(i))
		if i%50 == 0 {
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				return "", err
			}
		}
		if err := os.WriteFile(path, fmt.Appendf(nil, "package p%d\n\n// file %d\n", i/50, i), 0o666); err != nil {
			return "", err
		}
	}
	if err := os.WriteFile(filepath.Join(making, ".gitignore"), []byte("*.o\n*.log\nnode_modules/\n/dist\n.env*\n!.env.example\n"), 0o666); err != nil {
		return "", err
	}
	for _, args := range [][]string{
		{"init", "-q"}, {"config", "gc.auto", "0"}, {"add", "-A"},
		{"-c", "user.name=u", "-c", "user.email=u@localhost", "commit", "-q", "-m", "all"},
	} {
		cmd := exec.CommandContext(ctx, "git", args...)
		cmd.Dir = making
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("git %s: %w\n%s", args[0], err, out)
		}
	}
	return tree, os.Rename(making, tree)
}

func treeFile(i int) string {
	return filepath.Join(fmt.Sprintf("module-%02d", i/2500), fmt.Sprintf("package-%02d", i/50%50), "src", fmt.Sprintf("source-file-%05d.go", i))
}

func changeFiles(tree string) error {
	for i := range treeChanged {
		path := filepath.Join(tree, treeFile(i*treeFiles/treeChanged))
		if err := os.WriteFile(path, []byte(strconv.FormatInt(time.Now().UnixNano(), 10)), 0o666); err != nil {
			return err
		}
	}
	return nil
}
