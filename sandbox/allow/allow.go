// Package allow decides which names and addresses a sandbox may reach through the proxy of its host.
//
// A [List] is made of what a person wrote: "example.org" is that name and no other, "*.example.org" every name below it
// and not the name itself, and both mean the ports 80 and 443; "example.org:8443" means that port alone. An address is
// reached only where it stands on the list itself ("192.0.2.7", "[2001:db8::1]:8080").
//
//	list, err := allow.Parse([]string{"proxy.golang.org", "*.debian.org"})
//	host, err := allow.Host("DEB.Debian.org.") // "deb.debian.org"
//	reason := list.Refuses(host, 443)          // "": it is allowed
//
// A name says nothing about where it leads. So whoever connects resolves it once, asks [Reserved] about the addresses,
// and connects to one that was asked about.
package allow

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// Reason says in one stable word why something is refused; empty means that it is not.
type Reason string

// The reasons.
const (
	NotListed Reason = "not_listed" // the name is not on the list
	OtherPort Reason = "port"       // the name is, for other ports
	Literal   Reason = "address"    // an address in place of a name, which is not on the list
	Malformed Reason = "malformed"  // no name at all, such as 0x7f.1
	Private   Reason = "private"    // the name leads to an address that is not of the internet
)

// Words tells a person what a reason means.
func (r Reason) Words() string {
	switch r {
	case NotListed:
		return "the name is not on the list"
	case OtherPort:
		return "the name is on the list for other ports only"
	case Literal:
		return "an address is reached only where it is on the list itself"
	case Malformed:
		return "it is not the name of a host"
	case Private:
		return "it leads to an address of this host or of a private network"
	}
	return string(r)
}

// List is what may be reached. The zero value is nothing.
type List struct {
	exact map[string]ports // names and addresses
	below map[string]ports // what stands behind "*."
}

// ports are those of an entry; empty means the two of the web.
type ports []uint16

func (p ports) has(port uint16) bool {
	for _, one := range p {
		if one == port || one == 0 && (port == 80 || port == 443) {
			return true
		}
	}
	return false
}

// Parse reads the entries of a list. The error names the first that is none.
func Parse(entries []string) (List, error) {
	l := List{exact: map[string]ports{}, below: map[string]ports{}}
	for _, entry := range entries {
		if err := l.add(entry); err != nil {
			return List{}, fmt.Errorf("%q: %w", entry, err)
		}
	}
	return l, nil
}

func (l List) add(entry string) error {
	switch {
	case entry == "*" || entry == "*.":
		return errors.New(`that is every name; write network = "open"`)
	case strings.Contains(entry, "/"):
		return errors.New("want a name without https:// and without a path")
	}
	host, port, err := split(entry)
	if err != nil {
		return err
	}
	to := l.exact
	name, wild := strings.CutPrefix(host, "*.")
	if wild {
		to = l.below
	}
	name, err = Host(name)
	if err != nil {
		return err
	}
	if addr, err := netip.ParseAddr(name); err == nil {
		switch {
		case wild:
			return errors.New("nothing is below an address")
		case Never(addr):
			return errors.New("this address never leaves the host; a service of the host's loopback is for host_ports")
		}
	}
	to[name] = append(to[name], port)
	return nil
}

// split takes the port off an entry; it is 0 where there is none.
func split(entry string) (host string, port uint16, err error) {
	if addr, err := netip.ParseAddr(entry); err == nil { // IPv6 without brackets
		return addr.String(), 0, nil
	}
	at := strings.LastIndexByte(entry, ':')
	if at < 0 || strings.HasSuffix(entry, "]") {
		return strings.Trim(entry, "[]"), 0, nil
	}
	n, err := strconv.ParseUint(entry[at+1:], 10, 16)
	if err != nil || n == 0 {
		return "", 0, errors.New("want a port from 1 to 65535 behind the colon")
	}
	return strings.Trim(entry[:at], "[]"), uint16(n), nil
}

// Refuses says why a host, in the form that [Host] returns, cannot be reached on the port.
func (l List) Refuses(host string, port uint16) Reason {
	found := false
	match := func(p ports) bool {
		found = found || p != nil
		return p.has(port)
	}
	if match(l.exact[host]) {
		return ""
	}
	_, errAddr := netip.ParseAddr(host)
	for rest := host; errAddr != nil; {
		_, after, more := strings.Cut(rest, ".")
		if !more {
			break
		}
		if match(l.below[after]) {
			return ""
		}
		rest = after
	}
	switch {
	case found:
		return OtherPort
	case errAddr == nil:
		return Literal
	}
	return NotListed
}

// names maps a name as browsers do, and leaves the characters of the result to us: some names have an underscore.
var names = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(false))

// Host returns the one form of a host's name: lower case, without the final dot, what is not ASCII in Punycode; an
// address without brackets. Numbers that many programs would take for an address, such as 2130706433, 0177.0.0.1 or
// 127.1, are an error, and so is an address with a zone.
func Host(s string) (string, error) {
	bad := errors.New("it is not the name of a host")
	if addr, err := netip.ParseAddr(s); err == nil {
		if addr.Zone() != "" {
			return "", bad
		}
		return addr.Unmap().String(), nil
	}
	if len(s) > 1024 {
		return "", bad
	}
	name, err := names.ToASCII(s)
	if err != nil {
		return "", bad
	}
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	if addr, err := netip.ParseAddr(name); err == nil { // written in other digits
		return addr.Unmap().String(), nil
	}
	// What is not ASCII may become a name that is none when it is read again.
	if again, err := names.ToASCII(name); err != nil || again != name || name == "" || len(name) > 253 {
		return "", bad
	}
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, func(r rune) bool {
			return r != '-' && r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9')
		}) {
			return "", bad
		}
	}
	if numeric(labels[len(labels)-1]) {
		return "", bad
	}
	return name, nil
}

// numeric says whether a name that ends in this label is a number to some program, as the URL standard has it.
func numeric(label string) bool {
	if hex, ok := strings.CutPrefix(label, "0x"); ok {
		return !strings.ContainsFunc(hex, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'f') })
	}
	return !strings.ContainsFunc(label, func(r rune) bool { return r < '0' || r > '9' })
}
