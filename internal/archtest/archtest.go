// Package archtest holds what ARCHITECTURE.md says against the code. It has only tests: the arrows between packages
// are read from the document's own table, and the parts that the code can tell better are generated from it.
//
// To write the generated parts anew:
//
//	go generate ./internal/archtest
package archtest

//go:generate go test -count=1 -run TestGenerated -update .
