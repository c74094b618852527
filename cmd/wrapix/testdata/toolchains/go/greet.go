// Package greet says hello.
package greet

// Greet returns a greeting.
func Greet(name string) string { return "hello, " + name }
