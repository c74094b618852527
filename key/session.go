package key

import (
	"bytes"
	"crypto/rand"
	"errors"
	"slices"

	"golang.org/x/crypto/ssh"
)

// The messages of the agent protocol (draft-ietf-sshm-ssh-agent) that are answered with more than a refusal.
const (
	agentFailure           = 5
	agentSuccess           = 6
	agentRequestIdentities = 11
	agentIdentitiesAnswer  = 12
	agentSignRequest       = 13
	agentSignResponse      = 14
	agentExtension         = 27
)

// bindExtension is by which OpenSSH's client tells an agent what it is connected to (its PROTOCOL.agent).
const bindExtension = "session-bind@openssh.com"

// hostBoundMethod is the way to log in whose signed data name the server's key (OpenSSH's PROTOCOL).
const hostBoundMethod = "publickey-hostbound-v00@openssh.com"

// userauthRequest is the number of a login's message (RFC 4252).
const userauthRequest = 50

// policy is what the key may be used for.
type policy struct {
	user string
	host ssh.PublicKey
}

// session is one client's connection with the agent.
type session struct {
	policy
	signer ssh.Signer
	bound  []byte // the id of the ssh session with the pinned server, once the client has proved it
}

// What the agent refuses to do. The texts hold nothing of the client's own.
var (
	errMessage   = errors.New("the deploy key's agent was sent what it does not understand")
	errOther     = errors.New("the deploy key's agent was asked for more than to log in, which it does not do")
	errHost      = errors.New("the deploy key was to be used with another server than the pinned one, or the server has another host key now")
	errForwarded = errors.New("the deploy key was to be forwarded to another machine")
	errUnbound   = errors.New("the deploy key was to be used by a client that does not say with which server; it takes OpenSSH 8.9 or later")
	errUser      = errors.New("the deploy key was to be used as another user")
	errLogin     = errors.New("the deploy key was to sign something else than a login")
	errKey       = errors.New("the deploy key's agent was asked for another key")
)

// answer returns the answer to a message, and for a refusal its reason.
func (s *session) answer(message []byte) ([]byte, error) {
	var answer []byte
	var err error
	r := reader{message[1:]}
	switch message[0] {
	case agentRequestIdentities:
		answer = []byte{agentIdentitiesAnswer, 0, 0, 0, 1}
		answer = appendString(answer, s.signer.PublicKey().Marshal())
		answer = appendString(answer, []byte("deploy key"))
	case agentSignRequest:
		answer, err = s.sign(&r)
	case agentExtension:
		if name, ok := r.string(); !ok || string(name) != bindExtension {
			err = errOther
		} else if err = s.bind(&r); err == nil {
			answer = []byte{agentSuccess}
		}
	default:
		err = errOther
	}
	if err != nil {
		return []byte{agentFailure}, err
	}
	return answer, nil
}

// bind notes to which server the client is connected. The server has signed the session's id with its host key, so
// nobody else can have a session of that id, and a signature for it is of use nowhere else.
func (s *session) bind(r *reader) error {
	host, ok1 := r.string()
	id, ok2 := r.string()
	signed, ok3 := r.string()
	forwarding, ok4 := r.bool()
	if !ok1 || !ok2 || !ok3 || !ok4 || !r.empty() || len(id) == 0 {
		return errMessage
	}
	if forwarding {
		return errForwarded
	}
	if !bytes.Equal(host, s.host.Marshal()) {
		return errHost
	}
	var signature ssh.Signature
	if ssh.Unmarshal(signed, &signature) != nil || len(signature.Rest) > 0 || !slices.Contains(algorithms(s.host), signature.Format) {
		return errMessage
	}
	if s.host.Verify(id, &signature) != nil {
		return errHost
	}
	if s.bound != nil && !bytes.Equal(s.bound, id) {
		return errOther // a client has one session; a second one is somebody who passes messages on
	}
	s.bound = bytes.Clone(id)
	return nil
}

// sign signs a login as the expected user in the session that the client is bound to.
func (s *session) sign(r *reader) ([]byte, error) {
	blob, ok1 := r.string()
	data, ok2 := r.string()
	_, ok3 := r.uint32() // flags choose among the algorithms of RSA
	if !ok1 || !ok2 || !ok3 || !r.empty() {
		return nil, errMessage
	}
	own := s.signer.PublicKey().Marshal()
	if !bytes.Equal(blob, own) {
		return nil, errKey
	}
	if err := s.login(data, own); err != nil {
		return nil, err
	}
	signature, err := s.signer.Sign(rand.Reader, data)
	if err != nil {
		return nil, err
	}
	return appendString([]byte{agentSignResponse}, ssh.Marshal(signature)), nil
}

// login returns nothing if the data are exactly what a client signs to log in (RFC 4252, section 7).
func (s *session) login(data, own []byte) error {
	r := reader{data}
	id, ok1 := r.string()
	kind, ok2 := r.byte()
	user, ok3 := r.string()
	service, ok4 := r.string()
	method, ok5 := r.string()
	signed, ok6 := r.bool()
	algorithm, ok7 := r.string()
	public, ok8 := r.string()
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 || !ok7 || !ok8 ||
		kind != userauthRequest || !signed || string(service) != "ssh-connection" || string(algorithm) != ssh.KeyAlgoED25519 || !bytes.Equal(public, own) {
		return errLogin
	}
	switch string(method) {
	case "publickey":
	case hostBoundMethod:
		host, ok := r.string()
		if !ok {
			return errLogin
		}
		if !bytes.Equal(host, s.host.Marshal()) {
			return errHost
		}
	default:
		return errLogin
	}
	switch {
	case !r.empty():
		return errLogin
	case s.bound == nil:
		return errUnbound
	case !bytes.Equal(id, s.bound):
		return errHost
	case string(user) != s.user:
		return errUser
	}
	return nil
}
