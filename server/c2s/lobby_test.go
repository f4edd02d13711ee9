package c2s

import (
	"net/netip"
	"testing"
)

func TestPrefixOf(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"192.0.2.7": "192.0.2.7/32", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "::1": "::/64",
	} {
		if got := prefixOf(netip.MustParseAddr(addr)).String(); got != want {
			t.Errorf("%s counts as %s, want %s", addr, got, want)
		}
	}
	if got := prefixOf(netip.Addr{}); got.IsValid() {
		t.Errorf("no address counts as %s", got)
	}
}
