package snapshot

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// BenchmarkTake prints how long a snapshot of 50,000 files takes beside `git status` of the same tree: unchanged, and
// with ten files changed. The goal is a ratio below 3. Medians, because the two run in turns on a machine that does
// other things too.
func BenchmarkTake(b *testing.B) {
	for _, changed := range []int{0, 10} {
		b.Run(fmt.Sprintf("files=50000/changed=%d", changed), func(b *testing.B) { benchmarkTake(b, 50_000, changed) })
	}
}

func benchmarkTake(b *testing.B, files, changed int) {
	dir := filepath.Join(b.TempDir(), "project")
	paths := bigTree(b, dir, files)
	status := func() time.Duration {
		cmd := exec.Command("git", "status", "--porcelain")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
		start := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		return time.Since(start)
	}
	repo, err := Open(filepath.Join(filepath.Dir(dir), "snapshots.git"), dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	take := func() time.Duration {
		start := time.Now()
		if _, err := repo.Take(b.Context(), "benchmark"); err != nil {
			b.Fatal(err)
		}
		return time.Since(start)
	}
	first := take()
	status() // refreshes the index of git
	take()   // reads again what was written just before the first
	var takes, statuses []time.Duration
	for b.Loop() {
		for i := range changed {
			if err := os.WriteFile(paths[i*len(paths)/changed], []byte(time.Now().String()), 0o666); err != nil {
				b.Fatal(err)
			}
		}
		statuses = append(statuses, status())
		takes = append(takes, take())
	}
	slices.Sort(takes)
	slices.Sort(statuses)
	median, reference := takes[len(takes)/2], statuses[len(statuses)/2]
	b.ReportMetric(float64(median)/float64(reference), "ratio")
	b.ReportMetric(float64(median.Milliseconds()), "take-ms")
	b.ReportMetric(float64(reference.Milliseconds()), "status-ms")
	b.ReportMetric(float64(first.Milliseconds()), "first-ms")
}

// bigTree makes a repository whose files are all committed, with an ignore file as projects have them.
func bigTree(b *testing.B, dir string, files int) []string {
	var paths []string
	for i := range files {
		path := filepath.Join(dir, fmt.Sprintf("module-%02d/package-%02d/src", i/2500, i/50%50), fmt.Sprintf("source-file-%05d.go", i))
		if i%50 == 0 {
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				b.Fatal(err)
			}
		}
		if err := os.WriteFile(path, fmt.Appendf(nil, "package p%d\n\n// file %d\n", i/50, i), 0o666); err != nil {
			b.Fatal(err)
		}
		paths = append(paths, path)
	}
	if err := os.WriteFile(filepath.Join(dir, ".gitignore"), []byte("*.o\n*.log\nnode_modules/\n/dist\n.env*\n!.env.example\n"), 0o666); err != nil {
		b.Fatal(err)
	}
	for _, args := range [][]string{{"init", "-q"}, {"config", "gc.auto", "0"}, {"add", "-A"}, {"-c", "user.name=u", "-c", "user.email=u@localhost", "commit", "-q", "-m", "all"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	}
	return paths
}
