package xep_test

import (
	"fmt"
	"testing"

	"palabre/daemon"
	"palabre/server/servertest"
	"palabre/xmpp"
)

// XEP-0115 §6.3, XEP-0390 §5.2: what the stream offers names the domain's own answer, which the node of that name gives.
func TestOwnCaps(t *testing.T) {
	t.Parallel()
	s := servertest.StartWith(t, func(c *daemon.Config) {
		c.Domain = map[string]daemon.DomainConfig{servertest.Other: {Contact: &daemon.Contact{Admin: []string{"mailto:root@example.net"}}}}
	})
	seen := map[string]bool{}
	for _, domain := range []string{servertest.Domain, servertest.Other} {
		var legacy, caps2 xmpp.Element
		for _, e := range s.Host.StreamFeatures(domain) {
			switch e.Name.Space {
			case "http://jabber.org/protocol/caps":
				legacy = e
			case "urn:xmpp:caps":
				caps2, _ = e.Child("urn:xmpp:hashes:2", "hash")
			}
		}
		ver, hash := legacy.Attr("ver"), caps2.Content()
		if ver == "" || hash == "" || seen[ver] || seen[hash] {
			t.Fatalf("%s offers %q and %q", domain, ver, hash)
		}
		seen[ver], seen[hash] = true, true
		for i, node := range []string{legacy.Attr("node") + "#" + ver, "urn:xmpp:caps#" + caps2.Attr("algo") + "." + hash} {
			servertest.Play(t, s, domain, fmt.Sprintf(`
romeo.%d -> <iq type='get' id='d1' to='%s'><query xmlns='http://jabber.org/protocol/disco#info' node='%s'/></iq>
romeo.%d <~ <iq type='result' id='d1'><query xmlns='http://jabber.org/protocol/disco#info' node='%s'><feature var='urn:xmpp:ping'/></query></iq>
`, i, domain, node, i, node))
		}
	}
}
