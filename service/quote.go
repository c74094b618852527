package service

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// writable refuses what not every file that we write can hold: units and property lists are UTF-8, and none takes
// control characters.
func writable(text string) error {
	for _, c := range text {
		if c < ' ' || c == 0x7f {
			return fmt.Errorf("%q has a control character, which no service can be given", text)
		}
	}
	if !utf8.ValidString(text) {
		return fmt.Errorf("%q is no UTF-8, which a service needs", text)
	}
	return nil
}

// plainWord has every byte that means nothing to a shell, wherever it stands in a word.
const plainWord = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:,@=%"

// ShellWord makes one word of a POSIX shell of any text.
func ShellWord(text string) string {
	if text != "" && strings.Trim(text, plainWord) == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// words are the command line. Where the program's path is not a plain word a shell starts it: systemd does not take every
// path as the first word, and env takes one with an equals sign for a variable.
func (o Options) words() []string {
	words := append([]string{o.Program}, o.Arguments...)
	if strings.Trim(o.Program, strings.ReplaceAll(plainWord, "=", "")) != "" || strings.Contains(o.Program, "%") {
		words = append([]string{"/bin/sh", "-c", `exec "$0" "$@"`}, words...)
	}
	return words
}

// systemdWord makes one word of a line like ExecStart= or Environment=: in double quotes, with the escapes of
// systemd.syntax(7) and without the specifiers of systemd.unit(5). The dollar sign means something in command lines
// only, and there is doubled.
func systemdWord(text string, command bool) string {
	replace := []string{`\`, `\\`, `"`, `\"`, "%", "%%"}
	if command {
		replace = append(replace, "$", "$$")
	}
	return `"` + strings.NewReplacer(replace...).Replace(text) + `"`
}

// cronWord is a shell word in a crontab, where a percent sign ends the command unless a backslash stands before it. Cron
// takes that backslash away before the shell sees the line, also within quotes.
func cronWord(text string) string { return strings.ReplaceAll(ShellWord(text), "%", `\%`) }
