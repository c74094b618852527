package sandbox

import "strings"

// Finding is one thing about the host that a person should know.
type Finding struct {
	// Severity is one of the words below; with SeverityError no sandbox can run.
	Severity Severity
	// Check names what was looked at, the same whatever was found there, such as "storage".
	Check string
	// Code is a stable name of what was found, such as "storage-vfs".
	Code string
	Text string
	// Fix is the command line that mends it, or what to do where no command does; empty if there is nothing to mend.
	Fix string
	// By says whether Fix can be run as it stands.
	By FixBy
}

// Severity is how bad a Finding is.
type Severity string

// The severities.
const (
	SeverityOK      Severity = "ok"
	SeverityWarning Severity = "warning"
	SeverityError   Severity = "error"
)

// FixBy says who can run a Finding's Fix as it stands.
type FixBy string

const (
	// ByHand is not to be run by a program: it is no command, or it takes away what a person may want to keep.
	ByHand FixBy = ""
	// ByUser is a command line of sh that the user can run.
	ByUser FixBy = "user"
	// ByRoot is one that asks for root's rights, with sudo.
	ByRoot FixBy = "root"
)

// FixOf says by whom the hint of an error can be run.
func FixOf(hint string) FixBy {
	if strings.HasPrefix(hint, "sudo ") {
		return ByRoot
	}
	return ByHand
}
