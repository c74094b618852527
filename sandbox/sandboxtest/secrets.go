package sandboxtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wrapix/wrapix/sandbox"
)

// token is a secret, with the characters that are easily mistaken somewhere.
const token = `s3cret/tok+n"$'\ value`

// forms are how it could be seen by somebody who looks for it.
func forms(secret string) []string {
	list := []string{secret}
	if quoted, err := json.Marshal(secret); err == nil {
		list = append(list, strings.Trim(string(quoted), `"`))
	}
	for before := range 3 {
		text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", before) + secret))
		list = append(list, text[4:len(text)-4]) // what is before and after changes the rest
	}
	return list
}

// nowhere fails the test if one of the texts has the secret in any form.
func nowhere(t *testing.T, secret string, texts map[string]string) {
	t.Helper()
	for where, text := range texts {
		for _, form := range forms(secret) {
			if strings.Contains(text, form) {
				t.Errorf("the secret is in %s", where)
				break
			}
		}
	}
}

// hostProcesses returns the command lines of all processes of the host that can be seen.
func hostProcesses(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	for _, file := range files {
		text, _ := os.ReadFile(file) // it may have ended
		all.Write(text)
		all.WriteByte('\n')
	}
	return all.String()
}

func (s *suite) withSecrets(t *testing.T, script string, secrets ...sandbox.Secret) sandbox.Spec {
	t.Helper()
	spec := s.spec(t, script)
	spec.Secrets = secrets
	return spec
}

func (s *suite) left(t *testing.T, name string) []string {
	t.Helper()
	if s.SecretsOf == nil {
		return nil
	}
	return s.SecretsOf(t, name)
}

var secretTests = []test{
	{"File", func(t *testing.T, s *suite) {
		key := sandbox.Secret{Name: "KEY", Value: []byte("-----BEGIN KEY-----\nAAAABBBBCCCCDDDDEEEE\n-----END KEY-----\n")}
		o := s.want0(t, s.withSecrets(t, "cd /run/secrets; ls; stat -c '%a %u' *; sha256sum <TOKEN; sha256sum <KEY; env\n"+
			refuse("touch x", "rm -f TOKEN", "mv TOKEN T2"), sandbox.Secret{Name: "TOKEN", Value: []byte(token)}, key))
		uid := os.Getuid()
		contains(t, "stdout", o.stdout, fmt.Sprintf("KEY\nTOKEN\n400 %d\n400 %d\n%x  -\n%x  -\n", uid, uid, sha256.Sum256([]byte(token)), sha256.Sum256(key.Value)))
		if strings.Contains(o.stdout, "TOKEN=") || strings.Contains(o.stdout, "DONE") {
			t.Errorf("stdout: %s", o.stdout)
		}
	}},
	{"Variable", func(t *testing.T, s *suite) {
		// For the one command that is to have it, without the line end of the file.
		spec := s.withSecrets(t, "", sandbox.Secret{Name: "TOKEN", Value: []byte(token + "\n")})
		script := []string{"sh", "-c", `printf %s "$TOKEN" | sha256sum`}
		spec.Commands = []sandbox.Command{{Name: "1", Args: script}, {Name: "2", Args: script, Secrets: []string{"TOKEN"}}, {Name: "3", Args: script}}
		empty := fmt.Sprintf("%x  -\n", sha256.Sum256(nil))
		check(t, "stdout", s.want0(t, spec).stdout, empty+fmt.Sprintf("%x  -\n", sha256.Sum256([]byte(token)))+empty)
	}},
	{"NotAVariable", func(t *testing.T, s *suite) {
		spec := s.withSecrets(t, "true", sandbox.Secret{Name: "TOKEN", Value: []byte("12345678\x009")})
		spec.Commands[0].Secrets = []string{"TOKEN"}
		o := s.do(t, spec)
		check(t, "ended", o.Ended, sandbox.EndedStartFailed)
		contains(t, "error", o.Error, "NUL")
	}},
	{"ReportedNowhere", func(t *testing.T, s *suite) {
		spec := s.withSecrets(t, `printf '%s\n' "$TOKEN" "a${TOKEN}b"; cat /run/secrets/TOKEN >&2; env; cat /proc/self/environ
			for b in '' x xx; do printf '%s%s' "$b" "$TOKEN" | busybox base64; done
			printf '%s' "$TOKEN" | dd bs=3 2>/dev/null
			printf '%s' "$TOKEN" > /run/out/text; printf '%s' "$TOKEN" | busybox base64 > /run/out/base64`, sandbox.Secret{Name: "TOKEN", Value: []byte(token)})
		spec.Commands[0].Secrets = []string{"TOKEN"}
		spec.Collect = []string{"/run/out/text", "/run/out/base64"}
		o := s.want0(t, spec)
		nowhere(t, token, map[string]string{
			"stdout": o.stdout, "stderr": o.stderr, "the excerpt": o.Exits[0].Output, "a collected file": string(o.Files["/run/out/text"]),
			"a collected file in base64": string(o.Files["/run/out/base64"]), "the record": readFile(t, spec.Record),
		})
		contains(t, "stdout", o.stdout, "[secret TOKEN]\na[secret TOKEN]b\n")
		check(t, "what stands for it", strings.Count(o.stdout, "[secret TOKEN]"), 8) // as often as the script prints it
		contains(t, "collected in base64", string(o.Files["/run/out/base64"]), "[secret TOKEN]")
		check(t, "stderr", o.stderr, "[secret TOKEN]")
		check(t, "collected", string(o.Files["/run/out/text"]), "[secret TOKEN]")
	}},
	{"SaidNowhere", func(t *testing.T, s *suite) {
		// While it runs: what the engine tells, and every command line of the host.
		spec := s.withSecrets(t, "echo started; sleep 1000", sandbox.Secret{Name: "TOKEN", Value: []byte(token)})
		spec.Commands[0].Secrets = []string{"TOKEN"}
		r := s.start(t, testContext(t), spec, "started\n")
		said := map[string]string{"a command line": hostProcesses(t)}
		if s.Describe != nil {
			said["what the engine tells"] = s.Describe(t, spec.Name)
		}
		nowhere(t, token, said)
		check(t, "secrets in the engine's store", len(s.left(t, spec.Name)), 0)
		if err := s.rt.Remove(testContext(t), spec.Name); err != nil {
			t.Fatal(err)
		}
		<-r.done
	}},
	{"OneBesideTheOther", func(t *testing.T, s *suite) {
		// Secrets of one name are each sandbox's own.
		for _, value := range []string{"the first value", "the second value"} {
			o := s.want0(t, s.withSecrets(t, "sha256sum </run/secrets/TOKEN", sandbox.Secret{Name: "TOKEN", Value: []byte(value)}))
			check(t, "stdout", o.stdout, fmt.Sprintf("%x  -\n", sha256.Sum256([]byte(value))))
		}
	}},
	{"GoneAfterAFailure", func(t *testing.T, s *suite) {
		spec := s.withSecrets(t, "true", sandbox.Secret{Name: "TOKEN", Value: []byte(token)})
		spec.Image = "localhost/no-such-image"
		_, err := sandbox.Run(testContext(t), s.rt, spec, sandbox.Sink{})
		checkErr(t, "run", err, sandbox.ErrNoImage)
		check(t, "secrets in the engine's store", len(s.left(t, spec.Name)), 0)
	}},
	{"Attached", func(t *testing.T, s *suite) {
		spec := s.withSecrets(t, `printf %s "$TOKEN" | sha256sum`, sandbox.Secret{Name: "TOKEN", Value: []byte(token)})
		spec.Record, spec.Commands[0].Secrets = "", []string{"TOKEN"}
		var out bytes.Buffer
		code, err := sandbox.RunAttached(testContext(t), s.rt, spec, sandbox.Streams{Stdout: &out, Stderr: &out})
		if err != nil || code != 0 || out.String() != fmt.Sprintf("%x  -\n", sha256.Sum256([]byte(token))) {
			t.Errorf("code %d, %v: %s", code, err, out.String())
		}
	}},
	{"Refused", func(t *testing.T, s *suite) {
		long := bytes.Repeat([]byte("x"), sandbox.MaxSecret+1)
		good := sandbox.Secret{Name: "A", Value: []byte("12345678")}
		for what, list := range map[string][]sandbox.Secret{
			"short": {{Name: "A", Value: []byte("1234567\n")}}, "long": {{Name: "A", Value: long}}, "twice": {good, good}, "name": {{Name: "a/b", Value: good.Value}},
			"not there": {{Name: "B", Value: good.Value}},
		} {
			spec := s.withSecrets(t, "true", list...)
			spec.Commands[0].Secrets = []string{"A"}
			if _, err := sandbox.Run(testContext(t), s.rt, spec, sandbox.Sink{}); err == nil {
				t.Errorf("%s: accepted", what)
			}
		}
	}},
	{"Largest", func(t *testing.T, s *suite) {
		value := bytes.Repeat([]byte("0123456789"), sandbox.MaxSecret/10)
		o := s.want0(t, s.withSecrets(t, "sha256sum </run/secrets/A", sandbox.Secret{Name: "A", Value: value}))
		check(t, "stdout", o.stdout, fmt.Sprintf("%x  -\n", sha256.Sum256(value)))
	}},
	{"Files", func(t *testing.T, s *suite) {
		spec := s.spec(t, "cat $HOME/.config/x/y; stat -c '%a %u' $HOME/.config/x/y; echo more >> $HOME/.config/x/y; cat /etc/hosts | head -n 1")
		spec.Files = []sandbox.File{{Path: sandbox.HomeDir + "/.config/x/y", Text: "one\n"}, {Path: "/etc/hosts", Text: "two\n"}, {Path: "/opt/x", Text: "three\n"}}
		check(t, "stdout", s.want0(t, spec).stdout, fmt.Sprintf("one\n600 %d\n127.0.0.1 localhost sandbox\n", os.Getuid()))
	}},
	{"LeftByACrash", func(t *testing.T, s *suite) {
		if s.LeaveSecret == nil {
			t.Skip("the runtime has no store of secrets")
		}
		// Between the secret and the container.
		spec := s.spec(t, "true")
		s.LeaveSecret(t, spec.Name)
		check(t, "left", len(s.left(t, spec.Name)), 1)
		if err := s.rt.Remove(context.Background(), spec.Name); err != nil {
			t.Fatal(err)
		}
		check(t, "left after removal", len(s.left(t, spec.Name)), 0)
	}},
}
