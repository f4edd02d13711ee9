package history

import (
	"testing"

	"palabre/xmpp"
)

// TestWorth is the rule: what is archived at the sender, at the recipient, and what waits for a client.
func TestWorth(t *testing.T) {
	t.Parallel()
	none, all := worth{}, worth{sent: true, received: true, waits: true}
	kept := worth{waits: true}
	const (
		body      = "<body>hi</body>"
		composing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
	)
	for _, c := range []struct {
		name, message string
		want          worth
	}{
		{"chat", "<message to='a@b' type='chat'>" + body + "</message>", all},
		{"normal", "<message to='a@b' type='normal'>" + body + "</message>", all},
		{"no type", "<message to='a@b'>" + body + "</message>", all},
		{"a type that nobody knows is normal (RFC 6121 §5.2.2)", "<message to='a@b' type='shout'>" + body + "</message>", all},
		{"groupchat", "<message to='a@b' type='groupchat'>" + body + "</message>", none},
		{"groupchat with store", "<message to='a@b' type='groupchat'>" + body + "<store xmlns='urn:xmpp:hints'/></message>", none},
		{"headline", "<message to='a@b' type='headline'>" + body + "</message>", none},
		{"headline with store", "<message to='a@b' type='headline'>" + body + "<store xmlns='urn:xmpp:hints'/></message>", none},
		{"error to a client", "<message to='a@b/c' type='error'><error type='cancel'/></message>", worth{received: true}},
		{"error to an account", "<message to='a@b' type='error'><error type='cancel'/></message>", none},
		{"hints in an error are not its own (XEP-0334 §5)", "<message to='a@b/c' type='error'><no-store xmlns='urn:xmpp:hints'/><error type='cancel'/></message>", worth{received: true}},
		{"an error that says nothing (RFC 6120 §8.3.1)", "<message to='a@b/c' type='error'>" + body + "</message>", none},
		{"empty", "<message to='a@b' type='chat'/>", none},
		{"a body of another namespace", "<message to='a@b' type='chat'><body xmlns='http://www.w3.org/1999/xhtml'/></message>", none},
		{"subject", "<message to='a@b'><subject>hi</subject></message>", all},
		{"thread alone", "<message to='a@b' type='chat'><thread>hi</thread></message>", none},
		{"chat state alone", "<message to='a@b' type='chat'>" + composing + "</message>", none},
		{"chat state with thread", "<message to='a@b' type='chat'>" + composing + "<thread>t</thread></message>", none},
		{"chat state with body", "<message to='a@b' type='chat'>" + body + composing + "</message>", all},
		{"chat state that asks to be stored", "<message to='a@b' type='chat'>" + composing + "<store xmlns='urn:xmpp:hints'/></message>", all},
		{"something unknown", "<message to='a@b'><x xmlns='urn:example'/></message>", none},
		{"something unknown with store (XEP-0334 §4.4)", "<message to='a@b'><x xmlns='urn:example'/><store xmlns='urn:xmpp:hints'/></message>", all},
		{"no-store (XEP-0334 §4.2)", "<message to='a@b' type='chat'>" + body + "<no-store xmlns='urn:xmpp:hints'/></message>", none},
		{"no-store and store", "<message to='a@b' type='chat'>" + body + "<store xmlns='urn:xmpp:hints'/><no-store xmlns='urn:xmpp:hints'/></message>", none},
		{"no-permanent-store (XEP-0334 §4.1)", "<message to='a@b' type='chat'>" + body + "<no-permanent-store xmlns='urn:xmpp:hints'/></message>", kept},
		{"no-permanent-store and store", "<message to='a@b' type='chat'>" + body + "<store xmlns='urn:xmpp:hints'/><no-permanent-store xmlns='urn:xmpp:hints'/></message>", kept},
		{"no-permanent-store without content", "<message to='a@b' type='chat'>" + composing + "<no-permanent-store xmlns='urn:xmpp:hints'/></message>", none},
		{"no-copy says nothing of storing", "<message to='a@b' type='chat'>" + body + "<no-copy xmlns='urn:xmpp:hints'/></message>", all},
		{"OMEMO", "<message to='a@b' type='chat'><encrypted xmlns='eu.siacs.conversations.axolotl'/></message>", all},
		{"OMEMO 2", "<message to='a@b' type='chat'><encrypted xmlns='urn:xmpp:omemo:2'/></message>", all},
		{"OpenPGP", "<message to='a@b' type='chat'><openpgp xmlns='urn:xmpp:openpgp:0'/></message>", all},
		{"PGP", "<message to='a@b' type='chat'><x xmlns='jabber:x:encrypted'/></message>", all},
		{"encrypted in some way (XEP-0380)", "<message to='a@b' type='chat'><encryption xmlns='urn:xmpp:eme:0' namespace='urn:x'/></message>", all},
		{"correction", "<message to='a@b' type='chat'><replace xmlns='urn:xmpp:message-correct:0' id='1'/></message>", all},
		{"reaction", "<message to='a@b' type='chat'><reactions xmlns='urn:xmpp:reactions:0' id='1'/></message>", all},
		{"retraction", "<message to='a@b' type='chat'><retract xmlns='urn:xmpp:message-retract:1' id='1'/></message>", all},
		{"receipt", "<message to='a@b'><received xmlns='urn:xmpp:receipts' id='1'/></message>", all},
		{"request of a receipt alone", "<message to='a@b'><request xmlns='urn:xmpp:receipts'/></message>", none},
		{"marker", "<message to='a@b'><displayed xmlns='urn:xmpp:chat-markers:0' id='1'/></message>", all},
		{"markable alone", "<message to='a@b'><markable xmlns='urn:xmpp:chat-markers:0'/></message>", none},
		{"call", "<message to='a@b' type='chat'><propose xmlns='urn:xmpp:jingle-message:0' id='1'/></message>", all},
		{"end of a call", "<message to='a@b' type='chat'><finish xmlns='urn:xmpp:jingle-message:0' id='1'/></message>", all},
		{"direct invitation", "<message to='a@b'><x xmlns='jabber:x:conference' jid='r@s'/></message>", all},
		{"mediated invitation", "<message to='a@b'><x xmlns='http://jabber.org/protocol/muc#user'><invite from='c@d'/></x></message>", all},
		{"declined", "<message to='a@b'><x xmlns='http://jabber.org/protocol/muc#user'><decline from='c@d'/></x></message>", all},
		{"a room's news", "<message to='a@b'><x xmlns='http://jabber.org/protocol/muc#user'><status code='101'/></x></message>", none},
		{"private message of a room", "<message to='a@b/c' from='r@s/nick' type='chat'>" + body + "<x xmlns='http://jabber.org/protocol/muc#user'/></message>", all},
		{"an event (XEP-0060)", "<message to='a@b'><event xmlns='http://jabber.org/protocol/pubsub#event'/></message>", none},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			st, err := xmpp.ParseStanza(c.message)
			if err != nil {
				t.Fatal(err)
			}
			if got := worthOf(st); got != c.want {
				t.Errorf("got %+v, not %+v", got, c.want)
			}
		})
	}
}
