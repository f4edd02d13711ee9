package pubsub_test

import (
	"testing"

	"palabre/server/servertest"
	"palabre/xmpp"
)

// FuzzRequest asks whatever there is to ask, as the owner and as a contact: each has an answer, and the server goes on.
func FuzzRequest(f *testing.F) {
	const e = "<e xmlns='urn:x'/>"
	for _, seed := range []string{
		publish("urn:x:n", "1", e), configured("urn:x:n", "1", e, "max_items", "max", "access_model", "open", "item_expire", "1"), publish("storage:bookmarks", "current", "<storage xmlns='storage:bookmarks'><conference jid='a@b'/></storage>"),
		publish("urn:xmpp:bookmarks:1", "a@b", "<conference xmlns='urn:xmpp:bookmarks:1'/>"), publish("urn:xmpp:avatar:metadata", "1", "<metadata xmlns='urn:xmpp:avatar:metadata'><info id='1'/></metadata>"),
		entity("<items node='urn:x:n' max_items='2'><item id='1'/></items><set xmlns='http://jabber.org/protocol/rsm'><max>1</max><before/></set>"),
		entity("<retract node='urn:x:n' notify='1'><item id='1'/></retract>"), entity("<create node='c'/><configure>" + submit("node_config", "persist_items", "0", "deliver_payloads", "0") + "</configure>"),
		entity("<subscribe node='urn:x:n' jid='juliet@example.org/pc'/>"), entity("<unsubscribe node='urn:x:n' jid='juliet@example.org/pc'/>"), entity("<subscriptions/>"), entity("<affiliations node='urn:x:n'/>"),
		owner("<configure node='urn:x:n'>" + submit("node_config", "roster_groups_allowed", "x", "access_model", "roster") + "</configure>"), owner("<default/>"), owner("<purge node='urn:x:n'/>"),
		owner("<delete node='urn:x:n'/>"), owner("<affiliations node='urn:x:n'><affiliation jid='a@b' affiliation='outcast'/></affiliations>"), owner("<subscriptions node='urn:x:n'><subscription jid='a@b/c' subscription='subscribed'/></subscriptions>"),
		"<vCard xmlns='vcard-temp'><PHOTO><BINVAL>aGVsbG8=</BINVAL></PHOTO></vCard>", "<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'><conference jid='a@b' name='x'/></storage></query>",
		"<query xmlns='http://jabber.org/protocol/disco#items' node='urn:x:n'/>", "<query xmlns='http://jabber.org/protocol/disco#info' node='urn:x:n'/>",
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	s := servertest.Start(f)
	if err := s.Befriend(f, romeo, juliet); err != nil {
		f.Fatal(err)
	}
	d, x := login(f, s, "romeo@example.org/pc"), login(f, s, "juliet@example.org/pc")
	d.wants("urn:x:n", "urn:xmpp:bookmarks:1", "storage:bookmarks")
	x.wants("urn:x:n", "urn:xmpp:avatar:metadata")
	f.Fuzz(func(t *testing.T, request string, mine bool) {
		if e, err := xmpp.Parse(request, xmpp.NSClient); err != nil || e.Name.Local == "" {
			return
		}
		d.t, x.t = t, t
		for _, typ := range []string{"set", "get"} {
			if mine {
				outcome(d.ask(typ, "", request))
			} else {
				outcome(x.ask(typ, romeo.String(), request))
			}
			for _, q := range []*device{d, x} {
				for len(q.got) > 0 {
					<-q.got
				}
			}
		}
	})
}
