package trust

import "testing"

// The words and the hash tell apart what differs for a person.
func TestDeployKey(t *testing.T) {
	agent := listOf(t, "sandbox.deploy_key = 'git@example.org:o/n.git'")
	file := listOf(t, "sandbox.deploy_key = { remote = 'git@example.org:o/n.git', mode = 'file' }")
	other := listOf(t, "sandbox.deploy_key = 'git@example.org:o/m.git'")
	if len(agent) != 1 || agent[0].Key != "sandbox.deploy_key" ||
		agent[0].Words != "let what runs in the sandbox push to git@example.org:o/n.git with its deploy key, without seeing it" {
		t.Errorf("%+v", agent)
	}
	if file[0].Words != "let what runs in the sandbox push to git@example.org:o/n.git with its deploy key, and read and copy the key" {
		t.Errorf("%+v", file)
	}
	if Hash(agent) == Hash(file) || Hash(agent) == Hash(other) {
		t.Error("two settings have one hash")
	}
}
