// Package remote reads the address of a git repository that is reached over ssh, in the forms that git takes:
//
//	git@example.org:owner/name.git
//	ssh://git@example.org:2222/srv/name.git
//
// What stands there is handed to ssh and shown to people, so it is read strictly: a part that could be taken for an
// option, or that cannot be seen, is an error.
package remote

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// DefaultPort is that of ssh.
const DefaultPort = 22

// longest bounds an address; it becomes part of file names and lines.
const longest = 1024

// Remote is where a repository lies. It is comparable; two addresses of one repository have the same [Remote.Name].
type Remote struct {
	User, Host string
	Port       int
	Path       string // as the server is asked for it
}

// HTTPError says that an address is one of HTTP, with which a key for ssh is of no use.
type HTTPError struct{ Address, SSH string }

// Error names both.
func (e *HTTPError) Error() string {
	return fmt.Sprintf("%s is reached with a password or a token, and a deploy key works over ssh only; the same repository over ssh is mostly %s", e.Address, e.SSH)
}

// Parse reads an address.
func Parse(address string) (Remote, error) {
	if len(address) > longest {
		return Remote{}, fmt.Errorf("the address of a repository has at most %d bytes", longest)
	}
	if strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return Remote{}, errors.New("the address of a repository has only visible ASCII characters")
	}
	scheme, rest, isURL := strings.Cut(address, "://")
	switch {
	case !isURL:
		return scpLike(address)
	case scheme == "ssh", scheme == "git+ssh", scheme == "ssh+git":
		return fromURL("ssh://" + rest)
	case scheme == "https", scheme == "http":
		return Remote{}, overHTTP(address)
	}
	return Remote{}, fmt.Errorf("a deploy key works over ssh, and %s:// is another way; want an address such as git@example.org:owner/name.git", scheme)
}

func overHTTP(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return errors.New("want an address over ssh, such as git@example.org:owner/name.git")
	}
	u.User = nil // it may hold a token
	return &HTTPError{Address: u.Redacted(), SSH: Remote{User: "git", Host: u.Hostname(), Port: DefaultPort, Path: strings.TrimPrefix(u.Path, "/")}.String()}
}

func fromURL(address string) (Remote, error) {
	u, err := url.Parse(address)
	if err != nil {
		return Remote{}, fmt.Errorf("%q is no address", address)
	}
	if _, has := u.User.Password(); has || u.RawQuery != "" || u.Fragment != "" {
		return Remote{}, errors.New("the address has a password or parameters, which ssh does not take")
	}
	port := DefaultPort
	if p := u.Port(); p != "" {
		if port, err = strconv.Atoi(p); err != nil || port < 1 || port > 65535 {
			return Remote{}, fmt.Errorf("%q is no port", p)
		}
	}
	// git takes /~name/… as relative to that home, so the path of the address without its first slash.
	path := u.Path
	if strings.HasPrefix(path, "/~") {
		path = path[1:]
	}
	return Remote{User: u.User.Username(), Host: u.Hostname(), Port: port, Path: path}.check()
}

// scpLike reads user@host:path.
func scpLike(address string) (Remote, error) {
	user, rest, hasUser := strings.Cut(address, "@")
	if !hasUser || strings.ContainsAny(user, ":/") {
		user, rest = "", address
	}
	var host, path string
	var ok bool
	if strings.HasPrefix(rest, "[") {
		if host, path, ok = strings.Cut(rest[1:], "]:"); ok && net.ParseIP(host) == nil {
			return Remote{}, fmt.Errorf("write a port as in ssh://git@%s/%s", host, path)
		}
	} else if host, path, ok = strings.Cut(rest, ":"); strings.Contains(host, "/") {
		ok = false // as git sees it, a folder
	}
	if !ok {
		return Remote{}, fmt.Errorf("%q is no address over ssh; want one such as git@example.org:owner/name.git or ssh://git@example.org:2222/srv/name.git", address)
	}
	return Remote{User: user, Host: host, Port: DefaultPort, Path: path}.check()
}

func (r Remote) check() (Remote, error) {
	r.Host = strings.ToLower(r.Host)
	switch {
	case r.User == "":
		return Remote{}, errors.New("the address does not say as whom to log in; it is mostly git, as in git@example.org:owner/name.git")
	case !isWord(r.User, "-_.+"):
		return Remote{}, fmt.Errorf("%q is no user's name", r.User)
	case !isHost(r.Host):
		return Remote{}, fmt.Errorf("%q is no host's name", r.Host)
	case strings.Trim(r.Path, "/") == "":
		return Remote{}, errors.New("the address does not say which repository of the host is meant")
	case strings.HasPrefix(r.Path, "-"):
		return Remote{}, fmt.Errorf("%q is no path of a repository", r.Path)
	}
	// Decoding an address can bring characters back that its text does not show.
	if strings.ContainsFunc(r.Path, func(c rune) bool { return c < ' ' || c > '~' }) {
		return Remote{}, errors.New("the repository's path has only visible ASCII characters")
	}
	return r, nil
}

func isHost(s string) bool {
	if ip, err := netip.ParseAddr(s); err == nil {
		return ip.Zone() == ""
	}
	return isWord(s, "-.") && !strings.HasPrefix(s, ".")
}

// isWord tells a name of letters, digits and these others, that cannot be taken for an option.
func isWord(s, others string) bool {
	return s != "" && s[0] != '-' && !strings.ContainsFunc(s, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune(others, c)
	})
}

// String is the address in the shortest form that git takes. [Parse] reads it.
func (r Remote) String() string {
	if r.Port == DefaultPort && !strings.HasPrefix(r.Path, "/") && !strings.Contains(r.Host, ":") && !strings.Contains(r.Path, " ") {
		return r.User + "@" + r.Host + ":" + r.Path
	}
	path := r.Path
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	host := r.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if r.Port != DefaultPort {
		host += ":" + strconv.Itoa(r.Port)
	}
	return (&url.URL{Scheme: "ssh", User: url.User(r.User), Host: host, Path: path}).String()
}

// Name is the same for all addresses of one repository: with and without `.git`, and a slash in front, which makes no
// difference where repositories are hosted.
func (r Remote) Name() string {
	return fmt.Sprintf("%s@%s/%s", r.User, r.Address(), r.Slug())
}

// Slug is the path without slashes around it and without `.git`: owner/name.
func (r Remote) Slug() string { return strings.TrimSuffix(strings.Trim(r.Path, "/"), ".git") }

// Address is host and port, to connect to.
func (r Remote) Address() string { return net.JoinHostPort(r.Host, strconv.Itoa(r.Port)) }
