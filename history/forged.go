package history

import (
	"palabre/server"
	"palabre/xmpp"
)

// withoutForged cuts out the ids that an archive of ours seems to have given, all copies: clients page by them, and leave out what they believe to have
// (XEP-0359 §3, §6). What others have given, such as rooms elsewhere, stays; what names no giver is none, and clients differ in how they read an
// address that is almost one.
func withoutForged(h *server.Host, st *xmpp.Stanza) *xmpp.Stanza {
	if !st.Has(nsStanzaID, "stanza-id") {
		return st
	}
	return st.Without(func(c xmpp.Child) bool {
		if c.Name != (xmpp.Name{Space: nsStanzaID, Local: "stanza-id"}) {
			return false
		}
		e, err := xmpp.ParseIn(st.RawChild(c), xmpp.NSClient, st.Extra)
		if err != nil {
			return true
		}
		by, err := xmpp.ParseJID(e.Attr("by"))
		return err != nil || h.IsLocal(by.Domain())
	})
}
