package modelserver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Answer is what the server does with one request.
type Answer struct {
	Status int // 200 when it is zero
	Error  string
	Header http.Header
	Delay  time.Duration
	Parts  []Part
	// Break ends the connection in the middle of the answer.
	Break bool
}

// Part is a piece of a model's message: words, or a call of a tool.
type Part struct {
	Text  string
	Tool  string
	Input json.RawMessage
}

// Parse reads a script: answers, each after a line that is "==". The lines of an answer are
//
//	text WORDS           words of the model; several make several lines
//	tool NAME JSON       a call of a tool
//	status CODE [TYPE]   an error instead, of the type that the service's errors have
//	header NAME VALUE    of the response
//	delay DURATION       before the answer
//	break                the connection ends in the middle of the answer
//
// A line that begins with "#" is a comment.
func Parse(script string) ([]Answer, error) {
	var answers []Answer
	for n, line := range strings.Split(script, "\n") {
		line = strings.TrimSpace(line)
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
			continue
		case line == "==":
			answers = append(answers, Answer{Header: http.Header{}})
			continue
		case len(answers) == 0:
			return nil, fmt.Errorf("line %d: a script begins with ==", n+1)
		}
		if err := answers[len(answers)-1].add(word, rest); err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
	}
	return answers, nil
}

func (a *Answer) add(word, rest string) (err error) {
	name, value, _ := strings.Cut(rest, " ")
	switch word {
	case "text":
		if last := len(a.Parts) - 1; last >= 0 && a.Parts[last].Tool == "" {
			a.Parts[last].Text += "\n" + rest
			return nil
		}
		a.Parts = append(a.Parts, Part{Text: rest})
	case "tool":
		if !json.Valid([]byte(value)) {
			return fmt.Errorf("the input of %s is no JSON: %s", name, value)
		}
		a.Parts = append(a.Parts, Part{Tool: name, Input: json.RawMessage(value)})
	case "status":
		a.Status, err = strconv.Atoi(name)
		a.Error = value
	case "header":
		a.Header.Add(name, value)
	case "delay":
		a.Delay, err = time.ParseDuration(rest)
	case "break":
		a.Break = true
	default:
		return fmt.Errorf("%q is no line of an answer", word)
	}
	return err
}
