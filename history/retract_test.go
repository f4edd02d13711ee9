package history

import (
	"strings"
	"testing"

	"palabre/xmpp"
)

// XEP-0424 §5: who takes what back, of those who share an address, too.
func TestDigger(t *testing.T) {
	t.Parallel()
	const (
		room  = "<x xmlns='http://jabber.org/protocol/muc#user'/>"
		chat  = "<message type='chat' id='m' to='juliet@example.org' from='romeo@example.org/laptop'>"
		nick  = "<message type='chat' id='m' to='juliet@example.org/balcony' from='garden@rooms.example.com/romeo'>"
		other = "<message type='chat' id='r' to='juliet@example.org/balcony' from='garden@rooms.example.com/mallory'>"
		back  = "<retract xmlns='urn:xmpp:message-retract:1' id='m'/></message>"
		odd   = "<message type='chat' id='a&amp;&apos;b' to='juliet@example.org' from='romeo@example.org/laptop'>"
	)
	for name, c := range map[string]struct {
		row, by, id    string
		found, replace bool
	}{
		"the same client":             {chat + "<body>x</body></message>", strings.Replace(chat, "'m'", "'r'", 1) + back, "m", true, true},
		"another client":              {chat + "<body>x</body></message>", strings.Replace(chat, "laptop", "phone", 1) + back, "m", true, true},
		"another account":             {chat + "<body>x</body></message>", strings.Replace(chat, "romeo", "mallory", 1) + back, "m", false, false},
		"another id":                  {chat + "<body>m</body></message>", chat + back, "n", false, false},
		"an id in the text":           {strings.Replace(chat, "'m'", "'n'", 1) + "<body>m</body></message>", chat + back, "m", false, false},
		"by the client's own id":      {strings.Replace(chat, "'m'", "'n'", 1) + "<origin-id xmlns='urn:xmpp:sid:0' id='m'/></message>", chat + back, "m", true, true},
		"a correction":                {strings.Replace(chat, "'m'", "'n'", 1) + "<replace xmlns='urn:xmpp:message-correct:0' id='m'/></message>", chat + back, "m", false, true},
		"an id that is escaped":       {odd + "<body>x</body></message>", chat + back, "a&'b", true, true},
		"of a room, the same nick":    {nick + room + "</message>", nick + room + back, "m", true, true},
		"of a room, another nick":     {nick + room + "</message>", other + room + back, "m", false, false},
		"of a room that marks nobody": {nick + room + "</message>", other + back, "m", false, false},
	} {
		by, err := xmpp.ParseStanza(c.by)
		if err != nil {
			t.Fatal(name, err)
		}
		d := digger{id: c.id, by: by, archive: Entry{Owner: juliet, ID: 9 << idBits}}
		d.look(&Row{ID: 7, Stanza: []byte(c.row)})
		if d.found != c.found || (len(d.graves) == 1) != c.replace {
			t.Errorf("%s: found %v, replaced %v", name, d.found, d.graves)
		}
		for _, g := range d.graves {
			st, err := xmpp.ParseStanza(string(g.(*Bury).Stanza))
			if err != nil || len(st.Children) != 1 || !st.Has(nsRetract, "retracted") || st.To.IsZero() || st.From.IsZero() {
				t.Errorf("%s: replaced by %s", name, g.(*Bury).Stanza)
			}
		}
	}
	var d digger
	if d.look(&Row{Kind: Tombstone, Stanza: []byte(chat + "</message>")}); d.graves != nil {
		t.Error("a tombstone is buried")
	}
}
