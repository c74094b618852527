package specs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wrapix/wrapix/specs"
)

const demoDir = "../testdata/specs/demo"

// demo is the demo's project with its scripted agent, without sandbox and
// engine: just enough of a loop to see that the script tells its story.
type demo struct {
	t    *testing.T
	dir  string
	spec *specs.Spec
}

func newDemo(t *testing.T) *demo {
	t.Helper()
	for _, tool := range []string{"git", "sh"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the demo's agent needs %s", tool)
		}
	}
	src, err := os.ReadFile("../testdata/specs/demo.md")
	if err != nil {
		t.Fatal(err)
	}
	spec, ds := specs.Parse("specs/demo.md", src)
	if len(ds) != 0 {
		t.Fatalf("the demo's spec has diagnostics: %v", ds)
	}
	d := &demo{t: t, dir: t.TempDir(), spec: spec}
	if err := os.CopyFS(d.dir, os.DirFS(demoDir)); err != nil {
		t.Fatal(err)
	}
	d.sh("git init -q . && git add -A && git -c user.name=t -c user.email=t@t.invalid commit -q -m start")
	return d
}

func (d *demo) sh(command string) (string, bool) {
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir = d.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

// attempt runs the agent once and returns its signal, the last line it wrote.
func (d *demo) attempt(task specs.Task, failure, answers string) string {
	d.t.Helper()
	prompt := "# Prompt\n\n## Your task\n\n" + task.Title + "\n\n## Plan\n\nT1 …\n\n## Spec\n\n" +
		specs.RelevantText(d.spec, task, 16<<10) + "\n"
	if failure != "" {
		prompt += "\n## Last failure\n\n" + failure + "\n"
	}
	if answers != "" {
		prompt += "\n## Questions and answers\n\n" + answers + "\n"
	}
	cmd := exec.Command("./agent.sh")
	cmd.Dir = d.dir
	cmd.Stdin = strings.NewReader(prompt)
	cmd.Env = append(os.Environ(), "RALPH_TASK="+task.ID, "RALPH_ATTEMPT=1", "RALPH_PHASE=step", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
	out, err := cmd.CombinedOutput()
	if err != nil {
		d.t.Fatalf("%s: %v\n%s", task.ID, err, out)
	}
	d.t.Logf("%s", out)
	if !strings.Contains(string(out), "stand-in for a model") {
		d.t.Errorf("%s: the agent does not say what it is", task.ID)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

// verify runs the checks and returns what the first that fails printed.
func (d *demo) verify(checks []string) string {
	for _, check := range checks {
		if out, ok := d.sh(check); !ok {
			return "Check `" + check + "` failed:\n" + out
		}
	}
	return ""
}

func TestDemoTellsItsStory(t *testing.T) {
	d := newDemo(t)
	var story []string
	for _, task := range d.spec.Tasks {
		failure, answers := "", ""
		for n := 1; ; n++ {
			if n > 3 {
				t.Fatalf("%s is not done after 3 attempts: %s", task.ID, failure)
			}
			signal := d.attempt(task, failure, answers)
			if question, ok := strings.CutPrefix(signal, "RALPH_CLARIFY: "); ok {
				story = append(story, task.ID+" asks")
				answers = "Question: " + question + "\nAnswer: neighbour"
				continue
			}
			if signal != "RALPH_COMPLETE" {
				t.Fatalf("%s: signal %q", task.ID, signal)
			}
			if failure = d.verify(task.Checks); failure == "" {
				story = append(story, task.ID+" done")
				break
			}
			story = append(story, task.ID+" fails")
		}
	}
	want := "T1 done, T2 asks, T2 done, T3 fails, T3 done, T4 fails, T4 done, T5 done, T6 done"
	if got := strings.Join(story, ", "); got != want {
		t.Errorf("story:\n got %s\nwant %s", got, want)
	}
	for _, c := range d.spec.Criteria {
		if failure := d.verify(c.Checks); failure != "" {
			t.Errorf("criterion %q: %s", c.Text, failure)
		}
	}
	if out, _ := d.sh("git status --porcelain"); out != "" {
		t.Errorf("the agent left the work tree dirty:\n%s", out)
	}
	if got, _ := os.ReadFile(filepath.Join(d.dir, "share/default-name")); string(got) != "neighbour\n" {
		t.Errorf("default name %q, want the person's answer", got)
	}
}

// An attempt that was killed leaves locks and half the work; the next attempt
// of the same task, told nothing, must get on with it.
func TestDemoAgentMayBeKilled(t *testing.T) {
	d := newDemo(t)
	answers := "Answer: neighbour"
	for _, task := range d.spec.Tasks {
		d.sh("touch .git/index.lock")
		failure := ""
		for n := 1; ; n++ {
			if n > 4 {
				t.Fatalf("%s is not done after 4 attempts: %s", task.ID, failure)
			}
			d.attempt(task, failure, answers)
			d.attempt(task, failure, answers) // the same again, as after a kill before the end was recorded
			if failure = d.verify(task.Checks); failure == "" {
				break
			}
		}
	}
}
