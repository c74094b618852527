// Package failpoint lets a test end the process at a named place, as a power cut or `kill -9` would.
//
// Only a program built with the tag "failpoints" has them; in every other build Here does nothing and costs nothing.
// There the variable RALPH_FAILPOINT=NAME or NAME:N makes the process kill itself with SIGKILL the N-th time it comes
// to that place.
package failpoint
