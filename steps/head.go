package steps

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// maxRefs bounds what is read of a file that an agent can write.
const maxRefs = 16 << 20

var commitPattern = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// commit returns the commit that the project's folder stands at, or "" where that cannot be told. The files of git are
// read as text that an agent may have written: no link is followed, and git, which would run what the repository's
// configuration names, is not asked.
func commit(project string) string {
	dot := filepath.Join(project, ".git")
	own := dot
	if st, err := os.Lstat(dot); err != nil {
		return ""
	} else if st.Mode().IsRegular() { // a work tree of a repository that lies elsewhere, or a submodule
		where, ok := strings.CutPrefix(readLine(project, ".git"), "gitdir: ")
		if !ok {
			return ""
		}
		own = from(project, where)
	}
	common := own
	if where := readLine(own, "commondir"); where != "" {
		common = from(own, where)
	}
	head := readLine(own, "HEAD")
	for range 5 { // git follows as many
		ref, symbolic := strings.CutPrefix(head, "ref: ")
		if !symbolic {
			break
		}
		head = refOf(own, common, ref)
	}
	if !commitPattern.MatchString(head) {
		return ""
	}
	return head
}

func from(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// refOf reads what a ref holds, from its own file or the list of packed ones.
func refOf(own, common, ref string) string {
	if !strings.HasPrefix(ref, "refs/") || !filepath.IsLocal(ref) {
		return ""
	}
	for _, dir := range []string{own, common} {
		if value := readLine(dir, ref); value != "" {
			return value
		}
	}
	packed, _ := readPlain(common, "packed-refs", maxRefs)
	for line := range strings.Lines(packed) {
		if id, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " "); ok && name == ref {
			return id
		}
	}
	return ""
}

// readLine reads a file of one short line.
func readLine(dir, name string) string {
	text, err := readPlain(dir, name, 4<<10)
	if err != nil {
		return ""
	}
	return strings.TrimRight(text, "\r\n")
}

// readPlain reads a plain file below dir, going down by folders that are no links. A longer file is cut.
func readPlain(dir, name string, max int64) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	parts := strings.Split(filepath.Clean(name), string(filepath.Separator))
	for i := range parts {
		st, err := root.Lstat(filepath.Join(parts[:i+1]...))
		if err != nil {
			return "", err
		}
		if last := i == len(parts)-1; last && !st.Mode().IsRegular() || !last && !st.IsDir() {
			return "", fs.ErrInvalid
		}
	}
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return "", errors.Join(err, fs.ErrInvalid)
	}
	text, err := io.ReadAll(io.LimitReader(f, max))
	return string(text), err
}
