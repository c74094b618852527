package sandbox

import (
	"fmt"

	"github.com/wrapix/wrapix/internal/filesystem"
)

// A file system is short of room below little bytes, and below a twentieth of its size as long as that is not enough.
const (
	littleLeft = 1_000_000_000
	enoughLeft = 20_000_000_000
)

// CheckRoom says how much room is left for something that lies in a folder, and how to get more where that is little.
func CheckRoom(code, what, folder, fix string) Finding {
	on, err := filesystem.Of(folder)
	if err != nil {
		return Finding{Severity: SeverityWarning, Check: code, Code: code, Text: fmt.Sprintf("how much room is left for %s is not known: %v", what, err)}
	}
	f := Finding{Severity: SeverityOK, Check: code, Code: code, Text: fmt.Sprintf("room for %s on %s: %s", what, on, on.Room())}
	if on.Free < littleLeft || on.Free < on.Size/20 && on.Free < enoughLeft || on.Files > 0 && on.FreeFiles < on.Files/100 {
		f.Severity, f.Text, f.Fix = SeverityWarning, fmt.Sprintf("little room for %s is left on %s: %s", what, on, on.Room()), fix
	}
	return f
}
