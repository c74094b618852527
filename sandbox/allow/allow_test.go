package allow

import (
	"net/netip"
	"strings"
	"testing"
)

func TestHost(t *testing.T) {
	for in, want := range map[string]string{
		"Example.ORG": "example.org", "example.org.": "example.org", "bücher.example": "xn--bcher-kva.example",
		"BÜCHER.example": "xn--bcher-kva.example", "xn--bcher-kva.example": "xn--bcher-kva.example",
		"ｅｘａｍｐｌｅ.org": "example.org", "example。org": "example.org", "a_b.example.org": "a_b.example.org", "localhost": "localhost",
		"127.0.0.1": "127.0.0.1", "１２７.０.０.１": "127.0.0.1", "::1": "::1", "::ffff:10.0.0.1": "10.0.0.1", "2001:DB8::0:1": "2001:db8::1",
		"127.0.0.1.": "127.0.0.1", "1.example": "1.example", "0x1.example": "0x1.example",
	} {
		if got, err := Host(in); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", ".", "a..b", "example.org..", ".example.org", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "127.0.1", "1.2.3.4.5", "0x",
		"fe80::1%eth0", "a b", "a/b", "a@b", "a:80", "a\x00b", "a\nb", "*", "*.a", "0000\xd50", strings.Repeat("a", 64) + ".org", strings.Repeat("a.", 127) + "org", "exa%6dple.org", "[::1]",
	} {
		if got, err := Host(in); err == nil {
			t.Errorf("%q is taken for %q", in, got)
		}
	}
}

func TestRefuses(t *testing.T) {
	l, err := Parse([]string{
		"Proxy.golang.org", "*.debian.org", "github.com:22", "github.com", "bücher.example", "only.example:8443", "192.0.2.7", "[2001:db8::1]:8080", "2001:db8::2", "*.deep.example:81",
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		host string
		port uint16
		want Reason
	}{
		{"proxy.golang.org", 443, ""}, {"proxy.golang.org", 80, ""}, {"proxy.golang.org", 22, OtherPort}, {"x.proxy.golang.org", 443, NotListed},
		{"golang.org", 443, NotListed}, {"evilproxy.golang.org", 443, NotListed}, {"proxy.golang.org.evil.example", 443, NotListed},
		{"debian.org", 443, NotListed}, {"deb.debian.org", 80, ""}, {"a.b.debian.org", 443, ""}, {"evildebian.org", 443, NotListed},
		{"github.com", 22, ""}, {"github.com", 443, ""}, {"github.com", 23, OtherPort}, {"xn--bcher-kva.example", 443, ""},
		{"only.example", 8443, ""}, {"only.example", 443, OtherPort}, {"192.0.2.7", 443, ""}, {"192.0.2.8", 443, Literal}, {"2001:db8::1", 8080, ""},
		{"2001:db8::1", 443, OtherPort}, {"2001:db8::2", 80, ""}, {"1.2.debian.org", 80, ""}, {"x.deep.example", 81, ""}, {"x.deep.example", 80, OtherPort}, {"com", 443, NotListed},
	} {
		if got := l.Refuses(c.host, c.port); got != c.want {
			t.Errorf("%s:%d: %q, want %q", c.host, c.port, got, c.want)
		}
	}
	if (List{}).Refuses("a.example", 443) != NotListed {
		t.Error("the empty list allows a name")
	}
}

func TestParseRefuses(t *testing.T) {
	for _, entry := range []string{
		"", "*", "*.", "https://example.org", "example.org/path", "example.org:", "example.org:0", "example.org:65536", "example.org:x", "a.*.org", "*a.org", "**.org",
		"127.0.0.1", "::1", "[::1]:80", "0.0.0.0", "169.254.169.254", "224.0.0.1", "fe80::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2130706433", "0x7f.1", "*.192.0.2.7", "a b", "255.255.255.255",
	} {
		if _, err := Parse([]string{entry}); err == nil {
			t.Errorf("%q is taken for an entry", entry)
		}
	}
}

func TestReserved(t *testing.T) {
	for _, s := range []string{
		"0.0.0.0", "0.1.2.3", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.9.9.9", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192",
		"192.168.1.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "168.63.129.16",
		"::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1",
		"2002:7f00:1::", "2001:0:1::1", "2001:db8::1", "fec0::1", "100::1",
	} {
		if !Reserved(netip.MustParseAddr(s)) {
			t.Errorf("%s counts as an address of the internet", s)
		}
	}
	for _, s := range []string{"1.1.1.1", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.0.1.1", "223.255.255.255", "2606:4700::1111", "2a00:1450::1", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"} {
		if Reserved(netip.MustParseAddr(s)) {
			t.Errorf("%s does not count as an address of the internet", s)
		}
	}
	if !Reserved(netip.Addr{}) || !Never(netip.Addr{}) {
		t.Error("no address is one of the internet")
	}
}

// What the form of a name is must not depend on how often it is asked for.
func FuzzHost(f *testing.F) {
	for _, s := range []string{"Example.org.", "127.0.0.1", "0x7f.1", "bücher.example", "::1", "a。b", "xn--a", "１２７.1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		host, err := Host(s)
		if err != nil {
			return
		}
		if again, err := Host(host); err != nil || again != host {
			t.Errorf("%q is %q, and that is %q, %v", s, host, again, err)
		}
		if strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("/@[]%\\\"'", r) }) {
			t.Errorf("%q is %q", s, host)
		}
	})
}
