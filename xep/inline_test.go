package xep

import (
	"context"
	"testing"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// devices makes a host with carbons and client state, and gives two of romeo's sessions.
func devices(t *testing.T) (laptop, tablet *server.Session, atTablet *phone) {
	t.Helper()
	h, err := server.New(server.Options{Domains: []string{"example.org"}, Users: anyone{}}, &Carbons{}, &ClientState{})
	if err != nil {
		t.Fatal(err)
	}
	atTablet = &phone{}
	for i, c := range []*phone{{}, atTablet} {
		s, err := h.Bind(t.Context(), xmpp.MustParseJID("romeo@example.org"), []string{"laptop", "tablet"}[i], c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Closed(context.Background()) })
		laptop, tablet = tablet, s
	}
	return laptop, tablet, atTablet
}

func says(t *testing.T, s *server.Session) {
	t.Helper()
	st := xmpp.NewStanza(xmpp.Message, xmpp.TypeChat, xmpp.New(xmpp.NSClient, "body", xmpp.Text("x")))
	st.To = xmpp.MustParseJID("juliet@example.org")
	s.Receive(t.Context(), stream.Event{Kind: stream.Stanza, Stanza: st})
}

// XEP-0386 §3.2: a client turns both on while it binds. XEP-0352 §5.2: carbons outlive a restart, inactivity does not.
func TestInlineAndRestored(t *testing.T) {
	t.Parallel()
	laptop, tablet, atTablet := devices(t)
	if out := tablet.Inline(t.Context(), []xmpp.Element{xmpp.New(nsCarbons, "enable"), xmpp.New(nsClientState, "inactive"), xmpp.New("urn:x", "y")}); len(out) != 0 {
		t.Errorf("the answer holds %v", out)
	}
	tablet.SendStanza(presenceOf("juliet@example.org/r", ""))
	if atTablet.count() != 0 {
		t.Error("an inactive client was sent presence")
	}
	says(t, laptop)
	if atTablet.count() != 2 || !atTablet.got[1].Has(nsCarbons, "sent") {
		t.Errorf("it was sent %v", atTablet.got)
	}
	tablet.SendStanza(presenceOf("juliet@example.org/r", ""))
	saved := tablet.Save()
	if atTablet.count() != 3 {
		t.Error("what waited is not in the queue that is saved")
	}

	laptop, tablet, atTablet = devices(t)
	tablet.Restore(saved)
	says(t, laptop)
	tablet.SendStanza(presenceOf("juliet@example.org/r", ""))
	if atTablet.count() != 2 {
		t.Errorf("restored, it was sent %v", atTablet.got)
	}
}
