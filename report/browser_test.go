package report

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// escapes are ways out of a page, tried in every text that comes from elsewhere.
const escapes = `<script>document.title="owned"</script><img src=x onerror='document.title="owned"'>` +
	`</pre></style></title></textarea><svg onload=document.title="owned"></svg>"><a href="javascript:document.title='owned'">x</a>` +
	`<iframe src="file:///etc/passwd"></iframe><meta http-equiv="refresh" content="0;url=file:///etc/passwd">` +
	`<style>body{background:url(file:///etc/hostname)}</style>` + "\x1b]0;owned\x07\x1b[31mred\u202eevil {{.}} `+document.title+` <!-- -->"

// TestBrowser opens the page of a hostile night in a real browser: nothing of it runs or loads, and the tasks are there.
func TestBrowser(t *testing.T) {
	s, o := night(t, escapes)
	r := s.report(o)
	page := filepath.Join(t.TempDir(), "night.html")
	content := text(t, r.HTML)
	if err := os.WriteFile(page, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	dom, console := browse(t, "file://"+page, "--dump-dom")
	title := regexp.MustCompile(`(?s)<title>(.*?)</title>`).FindStringSubmatch(dom)
	if title == nil || !strings.HasPrefix(title[1], "Night &lt;script&gt;") {
		t.Errorf("the title is %q", title)
	}
	for _, tag := range []string{"script", "img", "svg", "iframe", "a", "object", "link", "form", "input"} {
		if regexp.MustCompile(`<` + tag + `[\s>]`).MatchString(dom) {
			t.Errorf("there is a <%s> in the page", tag)
		}
	}
	for tag, want := range map[string]int{"<style>": 1, "<meta ": 6} {
		if got := strings.Count(dom, tag); got != want {
			t.Errorf("%s is there %d times, not %d", tag, got, want)
		}
	}
	for _, want := range []string{`>T1<`, `>T2<`, `>T3<`, `>T4<`, `verified`, `done, agent’s word only`, `asks`, `ralph answer T3 TEXT`, `1.03 USD`} {
		if !strings.Contains(dom, want) {
			t.Errorf("%q is not in the page", want)
		}
	}
	if strings.ContainsAny(dom, "\x1b\x07\u202e") || !strings.Contains(dom, "⟨U+202E⟩") {
		t.Error("a control character is in the page, or the mark that turns the direction cannot be seen")
	}
	if console != "" {
		t.Errorf("the browser says:\n%s", console)
	}
}

// TestBrowserSees makes sure that TestBrowser would notice: a page whose script runs, and one whose policy refuses it.
func TestBrowserSees(t *testing.T) {
	page := filepath.Join(t.TempDir(), "owned.html")
	write := func(head string) string {
		text := `<!DOCTYPE html><head>` + head + `<title>mine</title></head><body><script>document.title="owned"</script></body>`
		if err := os.WriteFile(page, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return "file://" + page
	}
	if dom, _ := browse(t, write(""), "--dump-dom"); !strings.Contains(dom, "<title>owned</title>") {
		t.Errorf("a script did not run: %s", dom)
	}
	dom, console := browse(t, write(`<meta http-equiv="Content-Security-Policy" content="`+policy+`">`), "--dump-dom")
	if strings.Contains(dom, "<title>owned</title>") || console == "" {
		t.Errorf("a script ran in spite of the policy, or nobody said so: %s\n%s", dom, console)
	}
}

// TestPicture draws the page, as it comes and with all unfolded, in light and dark, wide and narrow, and on paper. Where
// RALPH_PICTURES names a folder the pictures stay there, for people to look at; else one of each is drawn.
func TestPicture(t *testing.T) {
	folder, all := os.Getenv("RALPH_PICTURES"), true
	if folder == "" {
		folder, all = t.TempDir(), false
	}
	s, o := night(t, "")
	closed := text(t, s.report(o).HTML)
	unfold := strings.NewReplacer(`<details class="attempt">`, `<details class="attempt" open>`, `<details class="task">`, `<details class="task" open>`,
		`<details class="file">`, `<details class="file" open>`)
	page := filepath.Join(folder, "night.html")
	for _, p := range []struct {
		name, content string
		flags         []string
		always        bool
	}{
		{"closed-wide", closed, []string{"--window-size=1100,1500"}, true},
		{"closed-narrow", closed, []string{"--window-size=500,1500"}, false},
		{"closed-dark", closed, []string{"--window-size=1100,1500", "--blink-settings=preferredColorScheme=0"}, false},
		{"open-narrow", unfold.Replace(closed), []string{"--window-size=500,3000"}, false},
		{"open-dark", unfold.Replace(closed), []string{"--window-size=1100,1500", "--blink-settings=preferredColorScheme=0"}, false},
	} {
		if !p.always && !all {
			continue
		}
		if err := os.WriteFile(page, []byte(p.content), 0o600); err != nil {
			t.Fatal(err)
		}
		picture := filepath.Join(folder, p.name+".png")
		browse(t, "file://"+page, append(p.flags, "--hide-scrollbars", "--screenshot="+picture)...)
		if b, err := os.ReadFile(picture); err != nil || !bytes.HasPrefix(b, []byte("\x89PNG")) || len(b) < 10_000 {
			t.Errorf("there is no picture: %d bytes, %v", len(b), err)
		}
	}
	if err := os.WriteFile(page, []byte(closed), 0o600); err != nil {
		t.Fatal(err)
	}
	paper := filepath.Join(folder, "paper.pdf")
	browse(t, "file://"+page, "--no-pdf-header-footer", "--print-to-pdf="+paper)
	if b, err := os.ReadFile(paper); err != nil || !bytes.HasPrefix(b, []byte("%PDF")) {
		t.Errorf("there is no page on paper: %v", err)
	}
}

// browse opens a page in headless Chromium, and returns what it prints and what the page's console says.
func browse(t *testing.T, url string, flags ...string) (out, console string) {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("%v: make deps installs it", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	home := t.TempDir()
	args := append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--disable-dev-shm-usage", "--disable-crash-reporter", "--enable-logging=stderr", "--v=0", "--user-data-dir=" + home, "--virtual-time-budget=2000",
	}, flags...)
	cmd := exec.CommandContext(ctx, program, append(args, url)...)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_CACHE_HOME="+home, "DBUS_SESSION_BUS_ADDRESS=disabled:")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var said []string
	for line := range strings.Lines(stderr.String()) {
		if strings.Contains(line, "CONSOLE") {
			said = append(said, line)
		}
	}
	return stdout.String(), strings.Join(said, "")
}
