// Package devcontainer reads a project's devcontainer.json as a source of an image, packages, variables and ports.
//
// The file was written for other tools, and an agent can write it. So only what means the same in a sandbox is taken over,
// nothing in it runs anything on the host, and all else is listed with its line: nobody has to guess what did not count.
// What reaches the host is for a person to approve: see [File.Settings].
//
//	file, err := devcontainer.Read(project)
//	for _, i := range file.Ignored {
//		fmt.Println(i)
//	}
package devcontainer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tailscale/hujson"
	"golang.org/x/sys/unix"

	"github.com/wrapix/wrapix/config"
)

// Places are where a project has its file, the first that is there counts.
var places = []string{".devcontainer/devcontainer.json", ".devcontainer.json"}

// File is what is taken over of a devcontainer.json.
type File struct {
	Path     string            // on the host
	Image    Named             // the zero value is none
	Profiles []Named           // of the features
	Env      map[string]string // without what only this host knows
	Ports    []int             // to be forwarded
	Ignored  []Ignored         // what is not taken over, in the order of the file
}

// Named is the name of an image or a profile, and where it comes from.
type Named struct {
	Name, Key string
	Line      int
}

// Ignore is what is to be told where a name of the file has no effect after all.
func (f File) Ignore(n Named, reason string) Ignored { return Ignored{f.Path, n.Line, n.Key, reason} }

// Ignored is something in the file that has no effect.
type Ignored struct {
	Path   string
	Line   int
	Key    string // dotted
	Reason string
}

// String is the line for a person. Its text may be hostile.
func (i Ignored) String() string {
	return fmt.Sprintf("%s:%d: %s: %s", i.Path, i.Line, i.Key, i.Reason)
}

// maxSize bounds the file, and how deep its brackets can nest: the library calls itself for each.
const maxSize = 64 << 10

// Read reads the file of a project. Its error is fs.ErrNotExist where there is none, and *config.Problems where it is no
// JSON with comments.
func Read(project string) (File, error) {
	root, err := os.OpenRoot(project) // a link that leads out of the project is not followed
	if err != nil {
		return File{}, fmt.Errorf("open the project: %w", err)
	}
	defer root.Close()
	for _, place := range places {
		text, err := read(root, place)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return File{}, fmt.Errorf("read %s of the project: %w", place, err)
		}
		return Parse(filepath.Join(project, place), text)
	}
	return File{}, fmt.Errorf("%s has neither %s: %w", project, strings.Join(places, " nor "), fs.ErrNotExist)
}

// read reads a regular file, without waiting for what is none.
func read(root *os.Root, name string) ([]byte, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, errors.New("it is no regular file")
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err == nil && len(text) > maxSize {
		err = fmt.Errorf("it is larger than %d bytes", maxSize)
	}
	return text, err
}

// Parse reads the text of a file; path stands in what is told of it.
func Parse(path string, text []byte) (File, error) {
	r := reader{file: File{Path: path, Env: map[string]string{}}, text: text}
	value, err := hujson.Parse(text)
	if err != nil {
		return File{}, r.problem(err)
	}
	object, ok := value.Value.(*hujson.Object)
	if !ok {
		return File{}, r.wrong(value.StartOffset, "want an object, as in { \"image\": … }")
	}
	seen := map[string]bool{}
	for _, m := range object.Members {
		key := nameOf(m)
		if seen[key] {
			return File{}, r.wrong(m.Name.StartOffset, fmt.Sprintf("%q is there twice", key))
		}
		seen[key] = true
		r.member(key, m)
	}
	return r.file, nil
}

// reader turns the members of the file into a File.
type reader struct {
	file File
	text []byte
}

// problem is the error of a text that is no JSON. The library tells the place in words.
func (r *reader) problem(err error) error {
	p := config.Problem{File: r.file.Path, Line: 1, Column: 1, Text: strings.TrimPrefix(err.Error(), "hujson: ")}
	if n, _ := fmt.Sscanf(p.Text, "line %d, column %d:", &p.Line, &p.Column); n == 2 {
		_, p.Text, _ = strings.Cut(p.Text, ": ")
	}
	return &config.Problems{List: []config.Problem{p}}
}

func (r *reader) wrong(offset int, text string) error {
	return &config.Problems{List: []config.Problem{{File: r.file.Path, Line: r.line(offset), Column: 1, Text: text}}}
}

// line is the number of the line in which an offset lies.
func (r *reader) line(offset int) int { return 1 + bytes.Count(r.text[:offset], []byte("\n")) }

func (r *reader) ignore(at hujson.Value, key, reason string) {
	r.file.Ignored = append(r.file.Ignored, Ignored{r.file.Path, r.line(at.StartOffset), key, reason})
}

func nameOf(m hujson.ObjectMember) string {
	name, _ := m.Name.Value.(hujson.Literal)
	return name.String()
}

// textOf returns the string that a value is.
func textOf(v hujson.Value) (string, bool) {
	l, ok := v.Value.(hujson.Literal)
	return l.String(), ok && l.Kind() == '"'
}
