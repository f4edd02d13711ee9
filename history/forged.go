package history

import (
	"palabre/server"
	"palabre/xmpp"
)

const nsDelay = "urn:xmpp:delay"

// givers are the attributes that say whose archive or server has added something.
var givers = map[xmpp.Name]string{
	{Space: nsStanzaID, Local: "stanza-id"}: "by",
	{Space: nsDelay, Local: "delay"}:        "from",
}

// withoutForged cuts out what an archive or a server of ours seems to have added. Ids, all copies: clients page by them, and leave out what they believe to have
// (XEP-0359 §3, §6). Times of delayed delivery (XEP-0203 §5), but for those that senders give in their own names, or in nobody's. What others have added, such as
// rooms elsewhere, stays; an id that names no giver is none, and clients differ in how they read an address that is almost one.
func withoutForged(h *server.Host, st *xmpp.Stanza) *xmpp.Stanza {
	if !st.Has(nsStanzaID, "stanza-id") && !st.Has(nsDelay, "delay") {
		return st
	}
	return st.Without(func(c xmpp.Child) bool {
		attr, ok := givers[c.Name]
		if !ok {
			return false
		}
		e, err := xmpp.ParseIn(st.RawChild(c), xmpp.NSClient, st.Extra)
		if err != nil {
			return true
		}
		isDelay := c.Name.Space == nsDelay
		if isDelay && !e.HasAttr(attr) {
			return false
		}
		giver, err := xmpp.ParseJID(e.Attr(attr))
		return err != nil || h.IsLocal(giver.Domain()) && !(isDelay && giver.Bare() == st.From.Bare())
	})
}
