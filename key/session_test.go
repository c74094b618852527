package key

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"golang.org/x/crypto/ssh"
)

// signerOf is the same key for the same number: the processes of a fuzz test share what they have found.
func signerOf(t testing.TB, number byte) ssh.Signer {
	t.Helper()
	signer, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{number}, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// login is what a client has signed, with each part at a test's choice.
type login struct {
	id                          []byte
	kind                        byte
	user, service, method, algo string
	signed                      byte
	public, host                []byte
	rest                        []byte
}

func (l login) bytes() []byte {
	b := append(appendString(nil, l.id), l.kind)
	for _, s := range []string{l.user, l.service, l.method} {
		b = appendString(b, []byte(s))
	}
	b = appendString(append(b, l.signed), []byte(l.algo))
	b = appendString(b, l.public)
	if l.host != nil {
		b = appendString(b, l.host)
	}
	return append(b, l.rest...)
}

func signRequest(public, data []byte) []byte {
	return append(appendString(appendString([]byte{agentSignRequest}, public), data), 0, 0, 0, 0)
}

func bindRequest(t testing.TB, host ssh.Signer, id []byte, forwarding byte) []byte {
	t.Helper()
	signature, err := host.Sign(rand.Reader, id)
	if err != nil {
		t.Fatal(err)
	}
	b := appendString([]byte{agentExtension}, []byte(bindExtension))
	b = appendString(b, host.PublicKey().Marshal())
	b = appendString(b, id)
	return append(appendString(b, ssh.Marshal(signature)), forwarding)
}

// Each part of what is to be signed must be as a login to the pinned server has it.
func TestSession(t *testing.T) {
	host, own, id := signerOf(t, 1), signerOf(t, 2), []byte("0123456789abcdef0123456789abcdef")
	other := signerOf(t, 3)
	right := login{
		id: id, kind: userauthRequest, user: "git", service: "ssh-connection", method: "publickey", signed: 1,
		algo: ssh.KeyAlgoED25519, public: own.PublicKey().Marshal(),
	}
	bound := right
	bound.method, bound.host = hostBoundMethod, host.PublicKey().Marshal()
	with := func(l login, change func(*login)) []byte {
		change(&l)
		return signRequest(own.PublicKey().Marshal(), l.bytes())
	}
	as := func(l login) []byte { return with(l, func(*login) {}) }
	bind := bindRequest(t, host, id, 0)
	stolen := bytes.Replace(bytes.Clone(bindRequest(t, other, id, 0)), appendString(nil, other.PublicKey().Marshal()), appendString(nil, host.PublicKey().Marshal()), 1)

	for name, c := range map[string]struct {
		messages [][]byte
		want     error
	}{
		"login":                    {[][]byte{bind, as(right)}, nil},
		"login, host named":        {[][]byte{bind, as(bound)}, nil},
		"twice":                    {[][]byte{bind, as(right), bind, as(bound)}, nil},
		"list":                     {[][]byte{{agentRequestIdentities}}, nil},
		"not bound":                {[][]byte{as(right)}, errUnbound},
		"host named, not bound":    {[][]byte{as(bound)}, errUnbound},
		"another host":             {[][]byte{bindRequest(t, other, id, 0)}, errHost},
		"the host's key, stolen":   {[][]byte{stolen}, errHost},
		"forwarded":                {[][]byte{bindRequest(t, host, id, 1)}, errForwarded},
		"another session":          {[][]byte{bind, bindRequest(t, host, []byte("another"), 0)}, errOther},
		"no session":               {[][]byte{bindRequest(t, host, nil, 0)}, errMessage},
		"neither true nor false":   {[][]byte{bindRequest(t, host, id, 2)}, errMessage},
		"more after a binding":     {[][]byte{append(bytes.Clone(bind), 0)}, errMessage},
		"another session's login":  {[][]byte{bind, with(right, func(l *login) { l.id = []byte("another") })}, errHost},
		"another user":             {[][]byte{bind, with(right, func(l *login) { l.user = "root" })}, errUser},
		"another named host":       {[][]byte{bind, with(bound, func(l *login) { l.host = other.PublicKey().Marshal() })}, errHost},
		"another kind":             {[][]byte{bind, with(right, func(l *login) { l.kind = 51 })}, errLogin},
		"another service":          {[][]byte{bind, with(right, func(l *login) { l.service = "ssh-userauth" })}, errLogin},
		"another method":           {[][]byte{bind, with(right, func(l *login) { l.method = "hostbased" })}, errLogin},
		"only asking":              {[][]byte{bind, with(right, func(l *login) { l.signed = 0 })}, errLogin},
		"another algorithm":        {[][]byte{bind, with(right, func(l *login) { l.algo = ssh.KeyAlgoRSA })}, errLogin},
		"another key inside":       {[][]byte{bind, with(right, func(l *login) { l.public = other.PublicKey().Marshal() })}, errLogin},
		"more after a login":       {[][]byte{bind, with(right, func(l *login) { l.rest = []byte{0} })}, errLogin},
		"host without its method":  {[][]byte{bind, with(right, func(l *login) { l.host = bound.host })}, errLogin},
		"method without its host":  {[][]byte{bind, with(bound, func(l *login) { l.host = nil })}, errLogin},
		"another key":              {[][]byte{bind, signRequest(other.PublicKey().Marshal(), right.bytes())}, errKey},
		"anything":                 {[][]byte{bind, signRequest(own.PublicKey().Marshal(), []byte("SSHSIG\x00\x00\x00\x04file"))}, errLogin},
		"nothing":                  {[][]byte{bind, signRequest(own.PublicKey().Marshal(), nil)}, errLogin},
		"a sign request cut short": {[][]byte{bind, as(right)[:40]}, errMessage},
		"another extension":        {[][]byte{appendString([]byte{agentExtension}, []byte("query"))}, errOther},
		"an empty extension":       {[][]byte{{agentExtension}}, errOther},
		"add":                      {[][]byte{{17}}, errOther},
		"add, constrained":         {[][]byte{{25}}, errOther},
		"remove all":               {[][]byte{{19}}, errOther},
		"lock":                     {[][]byte{{22, 0, 0, 0, 0}}, errOther},
		"a smartcard":              {[][]byte{{20}}, errOther},
		"protocol 1":               {[][]byte{{1}}, errOther},
	} {
		s := &session{policy: policy{user: "git", host: host.PublicKey()}, signer: own}
		var answer []byte
		var err error
		for _, m := range c.messages {
			answer, err = s.answer(m)
		}
		if !errors.Is(err, c.want) || (err == nil) == (answer[0] == agentFailure) {
			t.Errorf("%s: %v, answer %d; want %v", name, err, answer[0], c.want)
		}
	}
}

// A server with an RSA key signs with SHA-2; a proof with SHA-1 is none.
func TestBindRSA(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	host, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	id := []byte("session")
	for algorithm, want := range map[string]error{ssh.KeyAlgoRSASHA512: nil, ssh.KeyAlgoRSASHA256: nil, ssh.KeyAlgoRSA: errMessage} {
		signature, err := host.(ssh.AlgorithmSigner).SignWithAlgorithm(rand.Reader, id, algorithm)
		if err != nil {
			t.Fatal(err)
		}
		b := appendString([]byte{agentExtension}, []byte(bindExtension))
		b = appendString(appendString(b, host.PublicKey().Marshal()), id)
		s := &session{policy: policy{user: "git", host: host.PublicKey()}, signer: signerOf(t, 2)}
		if _, err := s.answer(append(appendString(b, ssh.Marshal(signature)), 0)); !errors.Is(err, want) {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
}

// FuzzSession sends an agent messages that nobody would. Whatever it signs is a login to the pinned server.
func FuzzSession(f *testing.F) {
	host, own, id := signerOf(f, 1), signerOf(f, 2), []byte("0123456789abcdef")
	public := own.PublicKey().Marshal()
	right := login{id: id, kind: userauthRequest, user: "git", service: "ssh-connection", method: "publickey", signed: 1, algo: ssh.KeyAlgoED25519, public: public}
	bound := right
	bound.method, bound.host = hostBoundMethod, host.PublicKey().Marshal()
	logins := [][]byte{signRequest(public, right.bytes()), signRequest(public, bound.bytes())}
	bind := bindRequest(f, host, id, 0)
	f.Add(bind, logins[1])
	f.Add(bind, logins[0])
	f.Add([]byte{agentRequestIdentities}, signRequest(public, []byte("SSHSIG")))
	f.Add([]byte{agentExtension, 0xff, 0xff, 0xff, 0xff}, []byte{agentSignRequest, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		s := &session{policy: policy{user: "git", host: host.PublicKey()}, signer: own}
		for _, m := range [][]byte{first, second} {
			if len(m) == 0 {
				continue
			}
			answer, err := s.answer(m)
			if len(answer) == 0 || (err == nil) == (answer[0] == agentFailure) {
				t.Fatalf("%q: answer %q, %v", m, answer, err)
			}
			isLogin := func(login []byte) bool { return bytes.Equal(m[:max(0, len(m)-4)], login[:len(login)-4]) } // but for the flags
			if answer[0] == agentSignResponse && !(bytes.Equal(s.bound, id) && slices.ContainsFunc(logins, isLogin)) {
				t.Fatalf("signed: %q", m)
			}
		}
	})
}

// FuzzDocument reads what is no key of ours.
func FuzzDocument(f *testing.F) {
	public := string(ssh.MarshalAuthorizedKey(signerOf(f, 1).PublicKey()))
	text, err := json.Marshal(document{Schema: 1, Remote: "git@h:a", Host: public, Current: pairDocument{Number: 1, Public: public}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"schema":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := parse(text)
		if err == nil && (k.Current.Public == nil || k.Current.Number < 1 || k.Host == nil || k.Remote.Host == "") {
			t.Errorf("believed: %+v", k)
		}
	})
}
