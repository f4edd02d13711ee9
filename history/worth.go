package history

import "palabre/xmpp"

// Namespaces of what messages hold.
const (
	nsHints      = "urn:xmpp:hints"
	nsMUCUser    = "http://jabber.org/protocol/muc#user"
	nsRetract    = "urn:xmpp:message-retract:1"
	nsCorrect    = "urn:xmpp:message-correct:0"
	nsReceipts   = "urn:xmpp:receipts"
	nsMarkers    = "urn:xmpp:chat-markers:0"
	nsStanzaID   = "urn:xmpp:sid:0"
	nsJingleCall = "urn:xmpp:jingle-message:0"
	nsCallInvite = "urn:xmpp:call-invites:0"
)

// A worth says what becomes of a message for later.
type worth struct {
	sent     bool // it goes into the sender's archive
	received bool // it goes into the recipient's archive
	waits    bool // if no client of the recipient's takes it, it is kept until one does (XEP-0160 §3)
}

// content is what makes a message worth keeping: what people have said, or what changes or answers it (XEP-0313 §6.1.1). What only tells of the moment, such
// as chat states (XEP-0085), is not here.
var content = map[xmpp.Name]bool{
	{Space: xmpp.NSClient, Local: "body"}:                         true,
	{Space: xmpp.NSClient, Local: "subject"}:                      true,
	{Space: "eu.siacs.conversations.axolotl", Local: "encrypted"}: true, // XEP-0384, as most clients have it
	{Space: "urn:xmpp:omemo:2", Local: "encrypted"}:               true, // XEP-0384
	{Space: "urn:xmpp:openpgp:0", Local: "openpgp"}:               true,
	{Space: "jabber:x:encrypted", Local: "x"}:                     true,
	{Space: "urn:xmpp:eme:0", Local: "encryption"}:                true, // XEP-0380
	{Space: nsCorrect, Local: "replace"}:                          true, // XEP-0308
	{Space: nsRetract, Local: "retract"}:                          true, // XEP-0424
	{Space: "urn:xmpp:fasten:0", Local: "apply-to"}:               true, // XEP-0422: how retractions were made before
	{Space: "urn:xmpp:reactions:0", Local: "reactions"}:           true, // XEP-0444
	{Space: nsReceipts, Local: "received"}:                        true, // XEP-0184
	{Space: nsMarkers, Local: "received"}:                         true, // XEP-0333
	{Space: nsMarkers, Local: "displayed"}:                        true,
	{Space: nsMarkers, Local: "acknowledged"}:                     true,
	{Space: "jabber:x:conference", Local: "x"}:                    true, // XEP-0249
	{Space: "jabber:x:oob", Local: "x"}:                           true, // XEP-0066
	{Space: "urn:xmpp:sfs:0", Local: "file-sharing"}:              true, // XEP-0447
}

// calls are the namespaces of calls: whatever is in them belongs to the history of one.
var calls = map[string]bool{nsJingleCall: true, nsCallInvite: true} // XEP-0353, XEP-0482

// worthOf is the rule. Hints go before all but the type, and a hint not to store before one to store (XEP-0334 §4).
func worthOf(st *xmpp.Stanza) worth {
	switch st.Type {
	case xmpp.TypeGroupchat, xmpp.TypeHeadline:
		return worth{} // a room keeps an archive of its own, and headlines are of the moment, though XEP-0334 §4.4 would have some of them stored
	case xmpp.TypeError:
		// That a message could not be delivered belongs to it, on all devices; what comes back to no client in particular was no message of a
		// person's. Hints are those of the message that the error is about (XEP-0334 §5). XEP-0160 §3: it does not wait.
		return worth{received: !st.To.IsBare() && st.Has(xmpp.NSClient, "error")}
	}
	var temporary, store, worthwhile bool
	for i := range st.Children {
		n := st.Children[i].Name
		switch n.Space {
		case nsHints:
			switch n.Local {
			case "no-store":
				return worth{}
			case "no-permanent-store":
				temporary = true
			case "store":
				store = true
			}
		case nsMUCUser:
			worthwhile = worthwhile || isInvitation(st)
		default:
			worthwhile = worthwhile || content[n] || calls[n.Space]
		}
	}
	if !worthwhile && !store {
		return worth{}
	}
	return worth{sent: !temporary, received: !temporary, waits: true}
}

// isInvitation tells whether a message invites to a room by way of it, or declines (XEP-0045 §7.8.2).
func isInvitation(st *xmpp.Stanza) bool {
	x, _ := st.Child(nsMUCUser, "x")
	for _, name := range []string{"invite", "decline"} {
		if _, ok := x.Child(nsMUCUser, name); ok {
			return true
		}
	}
	return false
}
