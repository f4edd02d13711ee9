package muc

import (
	"strconv"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"

	"palabre/server"
	"palabre/xmpp"
)

// An occupant is somebody inside, known by a nick, with one session or several.
type occupant struct {
	nick    string
	jid     xmpp.JID // the room's address with the nick
	key     string   // what the nick is compared by
	account xmpp.JID // bare
	id      string   // XEP-0421
	role    Role
	asked   int64       // when they last asked for voice, in seconds of Unix time
	seats   []*seat     // the one whose presence is shown is the last
	came    atomic.Bool // it has been told that they are inside: before, what is ordered on the strength of it is not shown to others
}

// A seat is a session inside a room.
type seat struct {
	room     *Room
	jid      xmpp.JID        // full
	session  *server.Session // nil: somebody elsewhere
	occupant *occupant
	said     string      // what stands in the client's presence, without what only a service may say
	lang     string      // and its language
	since    int64       // the position of its arrival, where that matters: others than members read from there on
	out      atomic.Bool // it was never inside: nothing is sent to it
}

// A view is how an occupant is shown: it does not change.
type view struct {
	stanza     *xmpp.Stanza
	full, bare string // what the room adds, with and without the real address
	hidden     bool   // the policy tells only themselves of their presence
}

// A glance is how an occupant is shown to one who comes in: a room has many of them.
type glance struct {
	occupant    *occupant
	nick        xmpp.JID
	said, lang  string
	id          string
	affiliation Affiliation
	role        Role
	jid         xmpp.JID
	hats        string
	hidden      bool
}

func (g *glance) stanza() *xmpp.Stanza {
	return &xmpp.Stanza{Kind: xmpp.Presence, From: g.nick, Lang: g.lang, Inner: g.said}
}

func (g *glance) tail(sees bool) string {
	i := item{affiliation: g.affiliation, role: g.role, occupant: g.id, hats: g.hats}
	if sees {
		i.jid = g.jid
	}
	return i.element()
}

func (r *Room) glanceLocked(o *occupant) glance {
	s := o.seats[len(o.seats)-1]
	return glance{occupant: o, nick: o.jid, said: s.said, lang: s.lang, id: o.id, affiliation: r.affiliationLocked(o.account), role: o.role, jid: s.jid,
		hats: r.hatsLocked(o), hidden: o.role < r.config.Policy.Presence}
}

// presence is the client's, from the nick.
func (s *seat) presence() *xmpp.Stanza {
	return &xmpp.Stanza{Kind: xmpp.Presence, From: s.occupant.jid, Lang: s.lang, Inner: s.said}
}

// mostNick is how long a nick can be at all, in bytes: it is the resource of an address (RFC 7622 §3.4).
const mostNick = 1023

// nickKey is what nicks are compared by: those that look the same are the same (XEP-0045 §14.6, RFC 8266). ok tells whether it is a nick at all.
func nickKey(nick string) (key string, ok bool) {
	if len(nick) > mostNick {
		return "", false
	}
	key, err := precis.Nickname.CompareKey(nick)
	return key, err == nil && key != ""
}

// usableNick is nickKey for a nick that somebody wants.
func (r *Room) usableNick(nick string) (key string, ok bool) {
	key, ok = nickKey(nick)
	return key, ok && key != voiceKey && utf8.RuneCountInString(nick) <= r.service.opts.Limits.Nick
}

var errNick = xmpp.ErrNotAcceptable.With("This nickname can't be used. Choose another one.")

// affiliationLocked is what an account is to the room. A domain that is banned stands for all of its accounts that are nothing else (XEP-0045 §9.2).
func (r *Room) affiliationLocked(account xmpp.JID) Affiliation {
	if p := r.people[account]; p != nil && p.Affiliation != None {
		return p.Affiliation
	}
	if p := r.people[account.DomainJID()]; p != nil {
		return p.Affiliation
	}
	return None
}

// usualRoleLocked is the role that comes with an affiliation (XEP-0045 §5.1.2).
func (r *Room) usualRoleLocked(a Affiliation) Role {
	switch {
	case a >= Admin:
		return Moderator
	case a == Member || !r.config.Policy.Moderated:
		return Participant
	}
	return Visitor
}

// viewLocked is how others see an occupant.
func (r *Room) viewLocked(o *occupant) *view {
	g := r.glanceLocked(o)
	return &view{stanza: g.stanza(), full: g.tail(true), bare: g.tail(false), hidden: g.hidden}
}

// An item is what the room says of somebody in presence (XEP-0045 §7.2.2).
type item struct {
	affiliation   Affiliation
	role          Role
	jid           xmpp.JID // zero: not told
	nick          string   // a new one
	actor, reason string   // who has done it, by nick, and why
	statuses      []int
	more          string // inside <x/>, behind the item: XML
	occupant      string // their id (XEP-0421), in front of the <x/>; empty: not told
	hats          string // behind the <x/>: XML
}

// element is the <x/>.
func (i item) element() string {
	b := make([]byte, 0, 320)
	if i.occupant != "" {
		b = append(append(append(b, "<occupant-id xmlns='"+nsOccupantID+"' id='"...), i.occupant...), "'/>"...)
	}
	b = append(b, "<x xmlns='"+nsUser+"'><item affiliation='"...)
	b = append(b, i.affiliation.String()...)
	b = append(b, "' role='"...)
	b = append(b, i.role.String()...)
	b = append(b, '\'')
	if !i.jid.IsZero() {
		b = xmpp.AppendAttr(b, "jid", i.jid.String())
	}
	if i.nick != "" {
		b = xmpp.AppendAttr(b, "nick", i.nick)
	}
	if i.actor == "" && i.reason == "" {
		b = append(b, "/>"...)
	} else {
		b = append(b, '>')
		if i.actor != "" {
			b = append(b, "<actor"...)
			b = append(xmpp.AppendAttr(b, "nick", i.actor), "/>"...)
		}
		if i.reason != "" {
			b = append(b, "<reason>"...)
			b = append(xmpp.AppendText(b, i.reason), "</reason>"...)
		}
		b = append(b, "</item>"...)
	}
	b = append(b, i.more...)
	for _, code := range i.statuses {
		b = append(b, "<status code='"...)
		b = append(strconv.AppendInt(b, int64(code), 10), "'/>"...)
	}
	b = append(b, "</x>"...)
	return string(append(b, i.hats...))
}

// occupantTag is what an occupant is known by, whatever the nick (XEP-0421 §3).
func (o *occupant) occupantTag() string {
	return "<occupant-id xmlns='" + nsOccupantID + "' id='" + o.id + "'/>"
}

// presenceMost bounds what a client says of itself in presence, in bytes: everybody inside gets it, and everybody who comes in.
const presenceMost = 8 << 10

// isForged tells what only a service may say in a presence or a message.
func isForged(n xmpp.Name) bool {
	switch n.Space {
	case nsMUC, nsUser, nsAdmin, nsOwner, nsOccupantID, nsHats, nsModerate, nsModerateOld:
		return true
	case nsRetract, nsRetractOld:
		return n.Local == "retracted" // a tombstone
	case "http://jabber.org/protocol/address":
		return true // XEP-0045 §7.2.13: whose words they are
	case nsStanzaID:
		return n.Local == "stanza-id"
	case nsDelay:
		return n.Local == "delay"
	case "jabber:x:delay":
		return true
	}
	return false
}

// says notes a client's presence, as the room tells it to others.
func (s *seat) says(st *xmpp.Stanza) {
	silent := s.room.config.Policy.silences(st)
	st = st.Without(func(c xmpp.Child) bool { return silent[c.Start] || isForged(c.Name) })
	if st.Extra != "" { // declarations have to stand where they are used
		if again, err := xmpp.ParseStanza(st.String()); err == nil {
			st = again
		}
	}
	s.said, s.lang = strings.Clone(st.Inner), strings.Clone(st.Lang)
}
