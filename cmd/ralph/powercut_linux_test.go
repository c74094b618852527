package main

import "testing"

func TestPowerCutSpike(t *testing.T) {
	r := record(t)
	t.Log(r.Len(), r.ends)
	for i := range r.Len() {
		t.Log(i, r.Op(i).PID, r.Op(i))
	}
}
