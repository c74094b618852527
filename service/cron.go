package service

import (
	"context"
	"strings"
)

// line is a line of the user's crontab.
type line struct{ Options }

func (l *line) Kind() Kind { return Cron }

// Place is no file that a person could open: crontab(1) keeps it.
func (l *line) Place() string { return "crontab" }

// Text is one line. Cron starts it with /bin/sh and an environment of its own; the shell gives way to the command, so
// that a signal reaches that.
func (l *line) Text() string {
	words := []string{"@reboot", "exec", "env"}
	for _, v := range l.Environment {
		words = append(words, cronWord(v.Name+"="+v.Value))
	}
	for _, word := range l.words() {
		words = append(words, cronWord(word))
	}
	if l.Log != "" { // else cron mails it
		words = append(words, ">>"+cronWord(l.Log), "2>&1", "</dev/null")
	}
	return strings.Join(words, " ") + " " + lineMark
}

// lineMark ends our line. To the shell it is a comment.
const lineMark = "# " + mark

func (l *line) Install(ctx context.Context) (Change, error) {
	table, err := readTable(ctx)
	if err != nil {
		return Change{}, err
	}
	text, was := edit(table, l.Text())
	c := Change{Was: was, Is: l.Text(), Notes: []string{"cron has to run after a reboot for this: see whether the host starts it"}}
	return c, writeTable(ctx, table, text)
}

// Remove takes the line away. It stops nothing: cron does not know what it started.
func (l *line) Remove(ctx context.Context) (Change, error) {
	table, err := readTable(ctx)
	if err != nil {
		return Change{}, err
	}
	text, was := edit(table, "")
	return Change{Was: was}, writeTable(ctx, table, text)
}

func (l *line) Status(ctx context.Context) (Status, error) {
	table, err := readTable(ctx)
	if err != nil {
		return Status{}, err
	}
	_, was := edit(table, "")
	return Status{Installed: was != "", Enabled: was != "", Current: was == l.Text()}, nil
}

// edit puts our line into a crontab: in the place of the first one of ours, else at the end. Without a line ours are
// taken out. All others stay as they are. It also returns our lines as they were.
func edit(table, ours string) (text, was string) {
	var b strings.Builder
	var found []string
	for l := range strings.SplitAfterSeq(table, "\n") {
		bare, ended := strings.CutSuffix(l, "\n")
		if !strings.HasSuffix(bare, lineMark) || strings.HasPrefix(strings.TrimSpace(bare), "#") {
			b.WriteString(l)
			continue
		}
		if len(found) == 0 && ours != "" {
			b.WriteString(ours)
			if ended {
				b.WriteString("\n")
			}
		}
		found = append(found, bare)
	}
	if len(found) == 0 && ours != "" {
		if table != "" && !strings.HasSuffix(table, "\n") {
			b.WriteString("\n")
		}
		b.WriteString(ours + "\n")
	}
	return b.String(), strings.Join(found, "\n")
}

// readTable returns the user's crontab, which may be none.
func readTable(ctx context.Context) (string, error) {
	table, err := run(ctx, "", "crontab", "-l")
	if err != nil && table == "" && strings.Contains(err.Error(), "no crontab for") {
		return "", nil
	}
	return table, err
}

func writeTable(ctx context.Context, was, text string) error {
	if was == text {
		return nil
	}
	if text == "" {
		_, err := run(ctx, "", "crontab", "-r")
		return err
	}
	_, err := run(ctx, text, "crontab", "-")
	return err
}
