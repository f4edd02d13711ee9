package history

import (
	"context"
	"fmt"
	"slices"
	"time"

	"palabre/xmpp"
)

// A Said is the write that puts a message into the archive of a room. Its fields are those of an Append with one entry.
type Said struct{ Append }

// ID is the message's, after the commit.
func (s *Said) ID() int64 { return s.Entries[0].ID }

// Resent tells, after the commit, whether the message was stored already, under its ID.
func (s *Said) Resent() bool { return s.Append.Resent }

// Say makes the write of a message, st, as the occupants of a room get it. sent is as it came from its sender, on the stream of that name; nil for what the room says
// by itself, and empty if there is no stream. A resend is told by what was sent alone: what occupants get of it may differ, by the nick, for one. If st ends with an
// <x/> of muc#user, that says who has sent it, and is for those who may know.
func (m *Module) Say(room xmpp.JID, st, sent *xmpp.Stanza, stream string) *Said {
	s := &Said{Append{Entries: []Entry{{Owner: room, Peer: room}}}}
	s.Stanza, s.Inner = render(st.Addressed(xmpp.JID{})) // XEP-0313 §6.1.2
	if sent == nil {
		return s
	}
	s.Entries[0].Peer = sent.From.Bare()
	if sent.ID != "" && stream != "" {
		s.Digest, s.Stream, s.Inner = digest(sent.From.Bare(), sent), streamOf(stream), len(s.Stanza)
	}
	return s
}

// Bury makes the write that leaves of a room's message nothing but who has sent it, under which id, and inner.
func (m *Module) Bury(room xmpp.JID, row RoomRow, inner string) *Bury {
	left := *row.Stanza
	left.To, left.Extra, left.Inner, left.Children = xmpp.JID{}, "", inner+row.Who, nil
	raw, _ := render(&left)
	return &Bury{Archive: room, ID: row.ID, Stanza: raw}
}

// WorthOfRoom tells whether a message to a room is for its archive: whatever has content, and subjects (XEP-0313 §6.1.2). Markers are not: everybody who is inside
// sends one for what everybody says. Hints go before that (XEP-0334 §4).
func (m *Module) WorthOfRoom(st *xmpp.Stanza) bool {
	if st.Kind != xmpp.Message || st.Type != xmpp.TypeGroupchat {
		return false
	}
	worthwhile := false
	for i := range st.Children {
		switch n := st.Children[i].Name; n.Space {
		case nsHints:
			if n.Local == "no-store" || n.Local == "no-permanent-store" {
				return false
			}
			worthwhile = worthwhile || n.Local == "store"
		case nsMarkers, nsReceipts:
		default:
			worthwhile = worthwhile || content[n] || calls[n.Space]
		}
	}
	return worthwhile
}

// Name is how an id is shown to clients, Number the way back. An id is given once in the whole database and looked up together with its archive, so that
// the name of another archive's message is as good as one that never was.
func (m *Module) Name(id int64) string { return m.names.name(id) }

// Number is the id that is shown by a name; ok tells whether it is one.
func (m *Module) Number(name string) (id int64, ok bool) { return m.names.id(name) }

// Keeps tells whether there are archives of a domain's.
func (m *Module) Keeps(domain string) bool { return m.has(domain) }

// RoomFeatures are those of a room that has an archive (XEP-0313 §7, XEP-0359 §5, XEP-0424 §4).
func RoomFeatures() []string {
	return []string{ns, ns + "#extended", nsStanzaID, nsRetract + "#tombstone"}
}

// A RoomQuery asks for messages of a room.
type RoomQuery struct {
	Within []Span
	Last   int       // at most so many, the last ones; 0: as many as there are IDs
	IDs    []int64   // if not nil: only these
	Since  time.Time // zero: whenever
}

// A RoomRow is a message of a room.
type RoomRow struct {
	ID        int64
	Stanza    *xmpp.Stanza
	Who       string   // what only those may know who may know senders: the <x/> that says it, or nothing
	Sender    xmpp.JID // bare: who has sent it; the room, if it did
	Tombstone bool
}

// RoomRows gives messages of a room, the oldest first.
func (m *Module) RoomRows(ctx context.Context, room xmpp.JID, rq RoomQuery) ([]RoomRow, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	q := Query{Owner: room, IDs: rq.IDs, Backwards: true, Peers: true}
	if !rq.Since.IsZero() {
		id, _ := idAt(rq.Since)
		q.After = max(0, id-1)
	}
	most := rq.Last
	if most == 0 {
		most = len(rq.IDs)
	}
	var out []RoomRow
	s := scope{store: m.store, spans: ordered(rq.Within)}
	err := s.walk(ctx, q, most, func(r Row) bool {
		if row, ok := m.roomRow(room, r); ok {
			out = append(out, row)
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("history: room: %w", err)
	}
	slices.Reverse(out)
	return out, nil
}

// roomRow reads a row of a room's archive, and takes out of it what not everybody may know.
func (m *Module) roomRow(room xmpp.JID, r Row) (row RoomRow, ok bool) {
	row, ok = m.row(room, r)
	if !ok {
		return row, false
	}
	st := row.Stanza
	row.Stanza = st.Without(func(c xmpp.Child) bool {
		is := c.Name == xmpp.Name{Space: nsMUCUser, Local: "x"}
		if is {
			row.Who = st.RawChild(c)
		}
		return is
	})
	return row, true
}

// row reads a row. What an account has sent, it has sent itself; all else comes from whom it is with.
func (m *Module) row(owner xmpp.JID, r Row) (row RoomRow, ok bool) {
	st, err := xmpp.ParseStanza(string(r.Stanza))
	if err != nil {
		m.host.Log().Error("a row of the archive can't be read", "jid", owner.String(), "id", r.ID, "module", "history", "err", err)
		return RoomRow{}, false
	}
	row = RoomRow{ID: r.ID, Stanza: st, Sender: r.Peer, Tombstone: r.Kind&Tombstone != 0}
	if r.Kind&Sent != 0 {
		row.Sender = owner
	}
	return row, true
}
