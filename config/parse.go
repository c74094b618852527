package config

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/wrapix/wrapix/sandbox/profile"
)

// Parse reads the text of a configuration; name stands in the problems. All of them are reported at once.
func Parse(name string, text []byte) (Config, error) {
	return parse(name, "", text, (*reader).complete)
}

// parse reads the text, and lets complete add what must be there and is not. project is where files lie that it names.
func parse(name, project string, text []byte, complete func(*reader)) (Config, error) {
	r := reader{file: name, project: project, config: Default(), places: map[string]place{}, lists: map[string]int{}}
	r.config.Text = string(text)
	r.config.Sandbox.Env = map[string]string{}
	var document map[string]any
	if err := toml.Unmarshal(text, &document); err != nil {
		r.syntax(err)
		return Config{}, &Problems{List: r.problems}
	}
	r.locate(text)
	r.table(nil, document)
	r.agentKind()
	r.checkDeployKey()
	r.names()
	r.merge()
	r.network()
	r.containerfile()
	complete(&r)
	if len(r.problems) > 0 {
		slices.SortStableFunc(r.problems, func(a, b Problem) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		return Config{}, &Problems{List: r.problems}
	}
	slices.SortFunc(r.config.Secrets, func(a, b SandboxSecret) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(r.config.Checks, func(a, b Check) int {
		return cmp.Compare(r.at([]string{"checks", a.Name}).order, r.at([]string{"checks", b.Name}).order)
	})
	return r.config, nil
}

// reader turns the document into a Config. The library says whether the text is TOML, and what it says; which keys
// there are and what they hold is ours to say, so that the messages are in the words of the file.
type reader struct {
	file     string
	project  string // its folder; empty where there is none
	config   Config
	places   map[string]place // by path, joined by NUL, which no two keys can share
	lists    map[string]int   // how many tables of a list were seen, by its path
	problems []Problem
	own      []profile.Definition // the profiles of the file
}

type place struct{ line, column, order int }

func (r *reader) problem(path []string, text string) {
	at := r.at(path)
	r.problems = append(r.problems, Problem{
		File: r.file, Line: at.line, Column: at.column, Key: strings.Join(path, "."), Text: text,
	})
}

// at returns the place of the key, or else of the nearest table around it.
func (r *reader) at(path []string) place {
	for ; len(path) > 0; path = path[:len(path)-1] {
		if p, ok := r.places[strings.Join(path, "\x00")]; ok {
			return p
		}
	}
	return place{line: 1, column: 1}
}

func (r *reader) syntax(err error) {
	p := Problem{File: r.file, Line: 1, Column: 1, Text: strings.TrimPrefix(err.Error(), "toml: ")}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		p.Line, p.Column = decode.Position()
	}
	r.problems = append(r.problems, p)
}

// locate notes where each key stands.
func (r *reader) locate(text []byte) {
	var p unstable.Parser
	p.Reset(text)
	var table []string
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.Table:
			table = r.note(&p, nil, e.Key())
		case unstable.ArrayTable:
			table = r.entry(&p, e.Key())
		case unstable.KeyValue:
			r.keyValue(&p, table, e)
		}
	}
}

func (r *reader) keyValue(p *unstable.Parser, table []string, e *unstable.Node) {
	path := r.note(p, table, e.Key())
	if len(path) >= deepest {
		return
	}
	switch value := e.Value(); value.Kind {
	case unstable.InlineTable:
		for it := value.Children(); it.Next(); {
			r.keyValue(p, path, it.Node())
		}
	case unstable.Array:
		n := 0
		for it := value.Children(); it.Next(); n++ {
			if it.Node().Kind != unstable.InlineTable {
				continue
			}
			for in := it.Node().Children(); in.Next(); {
				r.keyValue(p, append(slices.Clone(path), strconv.Itoa(n)), in.Node())
			}
		}
	}
}

// entry notes one [[table]] of a list. Its path has its number, so that a problem names the one that is meant.
func (r *reader) entry(p *unstable.Parser, key unstable.Iterator) []string {
	first := key
	path := r.note(p, nil, key)
	name := strings.Join(path, "\x00")
	path = append(path, strconv.Itoa(r.lists[name]))
	r.lists[name]++
	if first.Next() && len(path) <= deepest {
		start := p.Shape(first.Node().Raw).Start
		r.places[strings.Join(path, "\x00")] = place{line: start.Line, column: start.Column, order: len(r.places)}
	}
	return path
}

// deepest is the longest path that has a meaning; places below it are of no use, and cost time in a hostile file.
const deepest = 5

func (r *reader) note(p *unstable.Parser, table []string, key unstable.Iterator) []string {
	path := slices.Clone(table)
	for key.Next() && len(path) < deepest {
		path = append(path, string(key.Node().Data))
		name := strings.Join(path, "\x00")
		if _, known := r.places[name]; !known {
			start := p.Shape(key.Node().Raw).Start
			r.places[name] = place{line: start.Line, column: start.Column, order: len(r.places)}
		}
	}
	return path
}
