package main

import (
	"testing"
	"time"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/trust"
)

// Build steps that nobody approved make no image: a workflow is started before a person is asked.
func TestProfileBeforeApproval(t *testing.T) {
	conf, err := config.Parse("wrapix.toml", []byte(`
agent.command = ["./agent.sh"]
sandbox.profile = "mine"
[profiles.theirs]
extends = "go"
run = ["curl http://127.0.0.1:8080/"]
[profiles.mine]
extends = "theirs"
packages = ["make"]
`))
	if err != nil {
		t.Fatal(err)
	}
	list := trust.List(conf)
	s := &session{conf: conf, trust: trust.Unrecorded("/p", list)}
	p, err := s.approvedProfile("")
	if err != nil || p.Name != "go" {
		t.Fatalf("without approval: %s, %v", p.Name, err)
	}
	for _, line := range p.Run() {
		if line.From == "theirs" {
			t.Errorf("would run %s", line.Value)
		}
	}
	state := t.TempDir()
	if err := trust.Approve(state, "/p", list, time.Now()); err != nil {
		t.Fatal(err)
	}
	if s.trust, err = trust.Check(state, "/p", list); err != nil {
		t.Fatal(err)
	}
	if p, err = s.approvedProfile(""); err != nil || p.Name != "mine" || len(p.Run()) < 2 {
		t.Errorf("with approval: %s %v, %v", p.Name, p.Run(), err)
	}
}
