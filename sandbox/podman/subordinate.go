package podman

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/wrapix/wrapix/sandbox"
)

// subordinateIDs returns an error if the user has no subordinate ids: then Podman could map nobody but the user, and
// could not even unpack an image.
func (h host) subordinateIDs() error {
	if h.uid == 0 {
		return nil
	}
	name := strconv.Itoa(h.uid)
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return subordinateIDs("/etc", name, h.uid)
}

// subordinateIDs looks in the files of a folder that is /etc.
func subordinateIDs(etc, name string, uid int) error {
	var all []byte
	missing := ""
	for _, file := range []string{"subuid", "subgid"} {
		text, err := os.ReadFile(filepath.Join(etc, file))
		all = append(append(all, text...), '\n')
		if missing == "" && (err != nil || !hasSubordinate(text, name, strconv.Itoa(uid))) {
			missing = filepath.Join(etc, file)
		}
	}
	if missing == "" {
		return nil
	}
	if b, err := os.ReadFile(filepath.Join(etc, "nsswitch.conf")); err == nil && bytes.Contains(b, []byte("subid:")) {
		return nil // they come from elsewhere, and Podman will know
	}
	first := freeSubordinate(all)
	ids := fmt.Sprintf("%d-%d", first, first+subordinates-1)
	return &sandbox.Error{
		Op:   "use Podman as " + name,
		Err:  errors.New("the user has no subordinate ids in " + missing),
		Hint: "sudo usermod --add-subuids " + ids + " --add-subgids " + ids + " " + name,
	}
}

func hasSubordinate(file []byte, names ...string) bool {
	for s := bufio.NewScanner(bytes.NewReader(file)); s.Scan(); {
		owner, _, ok := strings.Cut(s.Text(), ":")
		if ok && slices.Contains(names, owner) {
			return true
		}
	}
	return false
}

// subordinates is how many ids a user gets, as useradd gives them, from firstSubordinate on.
const subordinates, firstSubordinate = 65536, 100000

// freeSubordinate is the first id after all that others have: two users with the same would own each other's files.
func freeSubordinate(files []byte) int {
	free := firstSubordinate
	for line := range strings.Lines(string(files)) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) != 3 {
			continue
		}
		first, err1 := strconv.Atoi(fields[1])
		count, err2 := strconv.Atoi(fields[2])
		if err1 == nil && err2 == nil && first >= 0 && count > 0 {
			free = max(free, first+count)
		}
	}
	return free
}
