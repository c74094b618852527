package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/wrapix/wrapix/trust"
)

// finish takes some of the states to the end of the workflow with the real commands and real containers, one after the
// other because their sandboxes have the same names: one for each number of events, with soak for each state that
// differs by that and by how it came about. It returns how many.
func (c *cuts) finish(random *rand.Rand, soak bool) int {
	type kind struct {
		seq uint64
		how string
	}
	groups := map[kind][]*cut{}
	var order []kind
	for _, one := range c.states {
		k := kind{seq: one.database.seq()}
		if soak {
			k.how = one.how
		}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], one)
	}
	witness, err := os.ReadFile(filepath.Join(c.r.project, "witness"))
	if err != nil {
		c.t.Fatal(err)
	}
	for _, k := range order {
		one := groups[k][random.IntN(len(groups[k]))]
		c.goOn(one, string(witness[:c.r.witness[min(one.at, len(c.r.witness)-1)]]))
	}
	if left := containersOf(c.r.project); left != nil {
		c.t.Error(left)
	}
	return len(order)
}

// goOn lets the real commands take up a state. The files of the project are as they were then.
func (c *cuts) goOn(one *cut, witness string) {
	dir := c.folder()
	defer os.RemoveAll(dir)
	if err := one.tree.Write(dir); err != nil {
		c.fail(one, "%v", err)
		return
	}
	c.r.write(c.t, "witness", witness)
	env := []string{"RALPH_STATE_DIR=" + filepath.Join(dir, state)}
	if _, err := trust.Load(filepath.Join(dir, state), c.r.project); err != nil { // it was not given yet
		if out, code := c.r.run(c.t, env, "trust"); code != 0 {
			c.fail(one, "trust: exit code %d\n%s", code, out)
			return
		}
	}
	loop := []string{"ralph", "loop"}
	if one.database.seq() == 0 {
		loop = append(loop, "spec.md")
	}
	out, code := c.r.run(c.t, env, loop...)
	if code == exitStuck {
		answered, _ := c.r.run(c.t, env, "ralph", "answer", "T2", "blue")
		var further string
		further, code = c.r.run(c.t, env, "ralph", "loop")
		out += answered + further
	}
	if code != exitDone {
		c.fail(one, "exit code %d\n%s", code, out)
		return
	}
	if err := wholeAccount(filepath.Join(dir, state), "spec-1", c.r.project); err != nil {
		c.fail(one, "%v\n%s", err, out)
	}
}
