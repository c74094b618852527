package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// The setters here take what reaches the host. A person approves it word by word, so nothing in it may depend on where
// a program is started from.

// program reads the program of a hook and its arguments. It runs outside of the project, and a name would be looked for
// in PATH, where folders can come and go: only an absolute path says which file is meant.
func program(to *[]string) func(any) error {
	return func(v any) error {
		var args []string
		if err := command(&args)(v); err != nil {
			return err
		}
		if !filepath.IsAbs(args[0]) {
			return fmt.Errorf(`%q is no absolute path; write for example ["/usr/local/bin/prog", "arg"], or ["/bin/sh", "-c", "…"]`, args[0])
		}
		*to = args
		return nil
	}
}

func timeout(to *time.Duration) func(any) error {
	return func(v any) error {
		var d time.Duration
		if err := duration(&d)(v); err != nil {
			return err
		}
		if d == 0 {
			return errors.New("without a limit a hook could stop the work for ever")
		}
		*to = d
		return nil
	}
}

// address reads the address of a webhook. What is sent tells of the work, so without encryption it stays on this host.
func address(to *string) func(any) error {
	return func(v any) error {
		var s string
		if err := text(&s)(v); err != nil {
			return err
		}
		u, err := url.Parse(s)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.Fragment != "" {
			return errors.New(`want an address such as "https://example.org/hook"`)
		}
		if u.Scheme == "http" && !loopback(u.Hostname()) {
			return errors.New("http:// is for this host only, as in http://127.0.0.1:8080; elsewhere it must be https://")
		}
		*to = s
		return nil
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// secret reads where a secret is found: { file = "…" } or { env = "NAME" }.
func secret(to *Secret) func(any) error {
	return func(v any) error {
		table, ok := v.(map[string]any)
		if !ok {
			return want(`a table such as { file = "/home/me/.webhook-key" } or { env = "NAME" }`, v)
		}
		var s Secret
		for name, value := range table {
			to, known := map[string]*string{"file": &s.File, "env": &s.Env}[name]
			if !known {
				return fmt.Errorf("%q is not known; want file or env", name)
			}
			if err := text(to)(value); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		switch {
		case (s.File == "") == (s.Env == ""):
			return errors.New("want either file or env")
		case s.File != "" && !filepath.IsAbs(s.File):
			return errors.New("file: want an absolute path")
		case strings.Contains(s.Env, "="):
			return errors.New("env: want the name of a variable")
		}
		*to = s
		return nil
	}
}
