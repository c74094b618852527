package steps

import (
	"context"
	"testing"

	"github.com/wrapix/wrapix/engine"
	"github.com/wrapix/wrapix/sandbox"
)

// The second attempt finds what the first one left in the cache, and no check does: neither of the agent's, nor of the
// check before.
func TestChecksDoNotSeeTheCache(t *testing.T) {
	p := newProject(t, `
cd /var/cache/wrapix/x
[ "$RALPH_ATTEMPT" = 1 ] && { echo poison > f; echo RALPH_COMPLETE; exit; }
[ "$(cat f)" = poison ] && touch /workspace/seen && echo RALPH_COMPLETE
`)
	name := "wrapix-steps-test-" + p.options.StoreID
	p.options.Given.Volumes = func(string) []sandbox.Volume {
		return []sandbox.Volume{{Name: name, Dest: sandbox.CacheDir + "/x"}}
	}
	p.steps = New(p.options)
	p.Steps = p.steps
	t.Cleanup(func() {
		if err := p.options.Runtime.RemoveVolume(context.Background(), name); err != nil {
			t.Error(err)
		}
	})
	w := p.begin(t, "# G\n\nText.\n\n## Success Criteria\n\n- [ ] Works\n\n## Tasks\n\n"+
		"- [ ] **T1** Work\n  - Check: `cd /var/cache/wrapix/x && test -z \"$(ls -A)\" && touch g && test -f /workspace/seen`\n")
	w = p.loop(t, w, engine.Done)
	if task := w.Task("T1"); task.Attempts != 2 || task.Verified == nil || !*task.Verified {
		t.Errorf("T1 has %d attempts, verified %v", task.Attempts, task.Verified)
	}
}
