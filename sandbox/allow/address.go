package allow

import "net/netip"

// reserved are the networks that a name on a list must not lead to: this host, private networks, and what RFC 6890 and
// its registries set aside. 168.63.129.16 is how a cloud's machines reach their host.
var reserved = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"224.0.0.0/4", "240.0.0.0/4",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)

// global is all of IPv6 that is given out for the internet.
var global = netip.MustParsePrefix("2000::/3")

// translated is where a network without IPv4 shows the addresses of IPv4 (RFC 6052).
var translated = netip.MustParsePrefix("64:ff9b::/96")

// Reserved says whether an address is not one of the internet: that of this or another host nearby, of a private
// network, of a cloud's own services. An IPv4 address inside of an IPv6 one counts as what it is.
func Reserved(addr netip.Addr) bool {
	addr = plain(addr)
	if addr.Is6() && !global.Contains(addr) {
		return true
	}
	for _, p := range reserved {
		if p.Contains(addr) {
			return true
		}
	}
	return !addr.IsValid()
}

// Never says whether an address cannot even stand on a list: it means the host itself, or all that are near.
func Never(addr netip.Addr) bool {
	addr = plain(addr)
	return !addr.IsValid() || addr.IsLoopback() || addr.IsUnspecified() || addr.IsMulticast() || addr.IsLinkLocalUnicast() ||
		addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}) || addr.Is4() && addr.As4()[0] == 0
}

// plain takes an IPv4 address out of the IPv6 one around it.
func plain(addr netip.Addr) netip.Addr {
	addr = addr.WithZone("").Unmap()
	if addr.Is6() && translated.Contains(addr) {
		b := addr.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return addr
}

func prefixes(list ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, s := range list {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}
