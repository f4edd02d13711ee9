package chaos

import (
	"slices"
	"strings"

	"palabre/xmpp"
)

// An inbox is the receiving half of a client: what has reached it, as a person would see it.
type inbox struct {
	account int
	run     tag

	handled uint32 // stanzas of the server's on this stream (XEP-0198 §4)
	session int
	replay  bool // what comes now was sent before already: the session was resumed, and the server has not got to the end yet

	log   []Delivery
	came  map[string]Way // by id, how it came first
	last  string         // the id of the latest in the log, which is where a client asks the archive to go on
	twice int            // came from the archive and in another way, too: known by the id and not shown again

	// While the archive is asked for what was missed, what comes otherwise is held: it is newer.

	catching bool
	query    string // the id of the request under way
	page     string // where it goes on
	held     []Delivery
}

// begin is a new session. One that asks the archive forgets what it held: it is in the archive.
func (b *inbox) begin(session int, catchUp bool) {
	b.handled, b.session, b.replay = 0, session, false
	b.held, b.catching, b.query, b.page = nil, catchUp, "", b.last
}

// deliver takes a message that came by itself.
func (b *inbox) deliver(st *xmpp.Stanza) {
	d := Delivery{Sighting: b.run.sight(carriedBy(st), stanzaID(st)), Way: b.way(st), Session: b.session}
	if b.catching {
		b.held = append(b.held, d)
		return
	}
	b.show(d)
}

func (b *inbox) way(st *xmpp.Stanza) Way {
	switch {
	case b.replay:
		return Resumed
	case st.Has(nsDelay, "delay"):
		return Offline
	}
	return Live
}

// show adds to the log what is not there. A client knows by the id what it has had both from the archive and in another way.
func (b *inbox) show(d Delivery) {
	if way, ok := b.came[d.ID]; ok && (way == Paged || d.Way == Paged) {
		b.twice++
		return
	}
	if d.ID != "" {
		b.came[d.ID] = d.Way
		b.last = d.ID
	}
	b.log = append(b.log, d)
}

// paged takes a result of the archive's (XEP-0313 §4.2). What the owner sent is no news to them.
func (b *inbox) paged(s Sighting) {
	if s.Foreign == "" && s.Sender == b.account {
		return
	}
	b.show(Delivery{Sighting: s, Way: Paged, Session: b.session})
}

// caughtUp shows what was held.
func (b *inbox) caughtUp(last string) {
	b.catching = false
	if last != "" {
		b.last = last
	}
	held := b.held
	b.held = nil
	for _, d := range held {
		b.show(d)
	}
}

// carriedBy is what a message says of itself.
func carriedBy(st *xmpp.Stanza) carried {
	body, _ := st.Child(xmpp.NSClient, "body")
	return carried{st.From.Local(), st.To.Local(), st.ID, body.Content()}
}

// stanzaID is what the recipient's server calls a message.
func stanzaID(st *xmpp.Stanza) string { return stanzaIDBy(st, st.To.Bare()) }

// stanzaIDBy is what an archive calls a message (XEP-0359 §3).
func stanzaIDBy(st *xmpp.Stanza, by xmpp.JID) string {
	for _, c := range st.Children {
		if c.Name.Space != nsStanzaID || c.Name.Local != "stanza-id" {
			continue
		}
		e, err := xmpp.Parse(st.RawChild(c), xmpp.NSClient)
		if err == nil && e.Attr("by") == by.String() {
			return e.Attr("id")
		}
	}
	return ""
}

// A result is a row of an archive, as it came (XEP-0313 §4.2).
func (t tag) result(st *xmpp.Stanza) (queryID string, s Sighting, ok bool) {
	r, ok := st.Child(nsMAM, "result")
	if !ok {
		return "", s, false
	}
	forwarded, _ := r.Child(nsForward, "forwarded")
	m, _ := forwarded.Child(xmpp.NSClient, "message")
	from, _ := xmpp.ParseJID(m.Attr("from"))
	if strings.HasPrefix(from.Domain(), conference) {
		return r.Attr("queryid"), t.sightRoom(from, m.Attr("id"), m.ContentOf(xmpp.NSClient, "body"), r.Attr("id")), true
	}
	to, _ := xmpp.ParseJID(m.Attr("to"))
	c := carried{from.Local(), to.Local(), m.Attr("id"), m.ContentOf(xmpp.NSClient, "body")}
	return r.Attr("queryid"), t.sight(c, r.Attr("id")), true
}

// ask is a query of an account's archive (XEP-0313 §4.3, XEP-0059 §2): at most so many rows, behind the one that is named.
func ask(id, after string, limit string) *xmpp.Stanza {
	set := xmpp.New(nsRSM, "set", xmpp.New(nsRSM, "max", xmpp.Text(limit)))
	if after != "" {
		set = set.Add(xmpp.New(nsRSM, "after", xmpp.Text(after)))
	}
	iq := xmpp.NewStanza(xmpp.IQ, xmpp.TypeSet, xmpp.New(nsMAM, "query", set).With("queryid", id))
	iq.ID = id
	return iq
}

// A fin is the end of a page (XEP-0313 §4.2).
type fin struct {
	last     string // of the page; empty if the page is
	complete bool
}

func finOf(st *xmpp.Stanza) (f fin, ok bool) {
	e, ok := st.Child(nsMAM, "fin")
	set, _ := e.Child(nsRSM, "set")
	f.last = set.ContentOf(nsRSM, "last")
	f.complete = slices.Contains([]string{"true", "1"}, e.Attr("complete"))
	return f, ok
}
