package bench

import (
	"fmt"
	"net/netip"
	"strings"
)

// maxSources bounds the addresses taken from a prefix: each has some 28,000 ports towards one server.
const maxSources = 254

// ParseSources reads the addresses that connections come from, in turn: a list of addresses and prefixes with commas
// between them. Of a prefix the first 254 are taken, without the network's own. All must be this machine's: on Linux,
// all of 127.0.0.0/8 is. An empty list leaves the choice to the system.
func ParseSources(list string) ([]netip.Addr, error) {
	if list == "" {
		return nil, nil
	}
	var all []netip.Addr
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		if !strings.Contains(item, "/") {
			addr, err := netip.ParseAddr(item)
			if err != nil {
				return nil, fmt.Errorf("bench: source %q is not an IP address", item)
			}
			all = append(all, addr)
			continue
		}
		prefix, err := netip.ParsePrefix(item)
		if err != nil {
			return nil, fmt.Errorf("bench: source %q is not a prefix such as 127.0.0.0/8", item)
		}
		all = append(all, hosts(prefix.Masked())...)
	}
	return all, nil
}

func hosts(p netip.Prefix) []netip.Addr {
	if p.IsSingleIP() {
		return []netip.Addr{p.Addr()}
	}
	var all []netip.Addr
	for addr := p.Addr().Next(); p.Contains(addr) && len(all) < maxSources; addr = addr.Next() {
		all = append(all, addr)
	}
	return all
}
