package specs

import "fmt"

// tooLarge says why a spec is not read, or "".
func tooLarge(src []byte) string {
	if len(src) > MaxBytes {
		return fmt.Sprintf("the spec has %d bytes; at most %d are read", len(src), MaxBytes)
	}
	return ""
}
