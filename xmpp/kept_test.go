package xmpp

import "testing"

func TestParseStanza(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		`<presence type='subscribe' id='a' xml:lang='en'><status>Hi, it&lt;s me</status><nick xmlns='http://jabber.org/protocol/nick'>R</nick></presence>`,
		`<presence/>`,
		`<message type='chat' to='juliet@example.org' from='romeo@example.net/orchard' odd='1'><body>hi</body> </message>`,
	} {
		s, err := ParseStanza(raw)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		if got, err := ParseStanza(s.String()); err != nil || got.String() != s.String() {
			t.Errorf("%s: %v, %v", raw, got, err)
		}
		if s.Kind == Presence && s.String() != raw {
			t.Errorf("got %s, want %s", s, raw)
		}
	}
	s := &Stanza{Kind: Presence, Extra: " xmlns:x='urn:x' x:a='1'", Inner: "<x:y z='2'/>", Children: []Child{{Name{"urn:x", "y"}, 0, 12}}}
	got, err := ParseStanza(s.String())
	if err != nil || !got.Has("urn:x", "y") {
		t.Fatalf("prefixed: %v, %v", got, err)
	}
	if y, _ := got.Child("urn:x", "y"); y.Attr("z") != "2" {
		t.Errorf("prefixed child: %v", y)
	}
	for _, raw := range []string{"", "<presence", "<body/>", "<presence/><presence/>", "<presence to='@'/>"} {
		if s, err := ParseStanza(raw); err == nil {
			t.Errorf("%q is %v", raw, s)
		}
	}
}
