package control

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/wrapix/wrapix/engine"
)

var update = flag.Bool("update", false, "write the examples of docs/control-api.md")

var docsPath = filepath.Join("..", "docs", "control-api.md")

// TestDocumentedExamples sends each request of the documentation and compares what follows it there with the answer.
func TestDocumentedExamples(t *testing.T) {
	text, err := os.ReadFile(docsPath)
	if err != nil {
		t.Fatal(err)
	}
	p := newProject(t)
	p.start(t, "demo-1", 2)
	p.ask(t, "demo-1", "T1", "Which colour?")
	p.serve(t, func(o *Options) { o.Workflow = "demo-1" })
	c := p.dial(t, nil)

	// A request, and the block right behind it, if there is one.
	example := regexp.MustCompile("(?s)```http\n(.*?)\n```\n(?:\n```(json|text)\n(.*?)```\n)?")
	examples := 0
	got := example.ReplaceAllFunc(text, func(block []byte) []byte {
		examples++
		part := example.FindSubmatch(block)
		request, form := string(part[1]), string(part[2])
		status, answer := documented(t, c, request, form)
		if form == "" {
			if status != http.StatusOK {
				t.Errorf("%s: %d %s", request, status, answer)
			}
			return block
		}
		return fmt.Appendf(nil, "```http\n%s\n```\n\n```%s\n%s```\n", request, form, answer)
	})
	if examples < 10 {
		t.Fatalf("only %d examples were found", examples)
	}
	if *update {
		if err := os.WriteFile(docsPath, got, 0o600); err != nil {
			t.Fatal(err)
		}
	} else if !bytes.Equal(got, text) {
		t.Errorf("%s is not what the code answers (go test ./control -run Documented -update writes it anew):\n%s", docsPath, firstDifference(text, got))
	}
}

// documented returns the answer to a request as the documentation shows it.
func documented(t *testing.T, c *Client, request, form string) (int, []byte) {
	t.Helper()
	head, body, _ := strings.Cut(request, "\n\n")
	method, path, _ := strings.Cut(head, " ")
	r, err := http.NewRequestWithContext(testContext(t), method, "http://ralph"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	v := c.Server()
	for _, own := range [][2]string{
		{fmt.Sprintf(`"pid":%d`, v.PID), `"pid":4711`}, {fmt.Sprintf("process %d", v.PID), "process 4711"},
		{`"host":` + quoted(v.Host), `"host":"my-computer"`}, {`"cwd":` + quoted(v.Folder), `"cwd":"/home/me/project"`},
	} {
		text = bytes.ReplaceAll(text, []byte(own[0]), []byte(own[1]))
	}
	if form == "json" {
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, text, "", "  "); err != nil {
			t.Fatalf("%s: %s: %v", request, text, err)
		}
		text = pretty.Bytes()
	}
	return answer.StatusCode, text
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func firstDifference(a, b []byte) string {
	old, now := strings.Split(string(a), "\n"), strings.Split(string(b), "\n")
	for i := range min(len(old), len(now)) {
		if old[i] != now[i] {
			return fmt.Sprintf("line %d\n- %s\n+ %s", i+1, old[i], now[i])
		}
	}
	return "one is longer"
}

// TestEverythingIsDocumented looks for each name that the interface has.
func TestEverythingIsDocumented(t *testing.T) {
	text, err := os.ReadFile(docsPath)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range commands {
		names = append(names, "`"+name+"`", "/commands/"+name)
	}
	for _, k := range kinds {
		names = append(names, fmt.Sprintf("| `%s` | %d |", k.code, k.status))
	}
	for _, kind := range []string{messageEvent, messageOutput, messageEnd, messageLagged, messageClose, messageError} {
		names = append(names, "| `"+kind+"` |")
	}
	id, err := json.Marshal(engine.AttemptID{Task: "T1", Number: 2})
	if err != nil {
		t.Fatal(err)
	}
	names = append(names, "`internal`", string(id), "`/v1`", SocketName, versionHeader, "Last-Event-ID", fmt.Sprint(maxAnswer))
	for _, name := range names {
		if !strings.Contains(string(text), name) {
			t.Errorf("%s does not speak of %s", docsPath, name)
		}
	}
	o := Options{}.withDefaults()
	for _, bound := range []string{
		fmt.Sprintf("| %d |", o.MaxConnections), fmt.Sprintf("above %d", 2*o.MaxConnections), fmt.Sprintf("| %d KiB |", maxHeader>>10),
		fmt.Sprintf("| %d MiB |", maxBody>>20), fmt.Sprintf("| %.0f s |", o.RequestTimeout.Seconds()), fmt.Sprintf("| %.0f s |", o.WriteTimeout.Seconds()),
		fmt.Sprintf("| %.0f min |", o.CommandTimeout.Minutes()), fmt.Sprintf("every %.0f seconds", o.KeepAlive.Seconds()),
		fmt.Sprintf("within %d ms", o.Gather.Milliseconds()),
	} {
		if !strings.Contains(string(text), bound) {
			t.Errorf("%s does not name the bound %q", docsPath, bound)
		}
	}
}
