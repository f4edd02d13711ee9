package store

import (
	"slices"
	"testing"

	"palabre/history"
	"palabre/xmpp"
)

// Rows tell, if they are asked, whom else they concern; all queries give the same rows then.
func TestArchivePeers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		room := xmpp.MustParseJID("garden@rooms.example.org")
		var ids []int64
		for i, peer := range []xmpp.JID{romeo, juliet, room, romeo} {
			a := &history.Said{Append: history.Append{
				Entries: []history.Entry{{Owner: room, Peer: peer}}, Stanza: []byte("<message><body>" + string(rune('a'+i)) + "</body></message>"), Inner: 9,
			}}
			must(t, commit(s, a))
			ids = append(ids, a.ID())
		}
		for _, c := range []struct {
			q    history.Query
			text []string
			who  []xmpp.JID
		}{
			{history.Query{}, []string{"a", "b", "c", "d"}, []xmpp.JID{romeo, juliet, room, romeo}},
			{history.Query{With: romeo}, []string{"a", "d"}, []xmpp.JID{romeo, romeo}},
			{history.Query{Limit: 2, Backwards: true}, []string{"c", "d"}, []xmpp.JID{room, romeo}},
			{history.Query{With: romeo, Limit: 1, Backwards: true}, []string{"d"}, []xmpp.JID{romeo}},
			{history.Query{IDs: []int64{ids[2], ids[1]}, After: ids[1]}, []string{"c"}, []xmpp.JID{room}},
			{history.Query{IDs: ids, With: juliet}, []string{"b"}, []xmpp.JID{juliet}},
		} {
			c.q.Owner, c.q.Peers = room, true
			var who []xmpp.JID
			for _, r := range expectRows(t, s, c.q, c.text...) {
				who = append(who, r.Peer)
			}
			if !slices.Equal(who, c.who) {
				t.Errorf("%+v: %v, not %v", c.q, who, c.who)
			}
			c.q.Peers = false
			for _, r := range expectRows(t, s, c.q, c.text...) {
				if !r.Peer.IsZero() {
					t.Errorf("%+v: %v", c.q, r)
				}
			}
		}
	})
}

// What ends where its content is compared is known by its digest alone.
func TestResendByDigest(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		room := xmpp.MustParseJID("garden@rooms.example.org")
		say := func(text string, digest, stream int64) *history.Said {
			a := &history.Said{Append: history.Append{
				Entries: []history.Entry{{Owner: room, Peer: romeo}}, Stanza: []byte(text), Inner: len(text), Digest: digest, Stream: stream,
			}}
			must(t, commit(s, a))
			return a
		}
		first := say("<message from='garden@rooms.example.org/romeo'><body>a</body></message>", 7, 1)
		again := say("<message from='garden@rooms.example.org/montague'><body>a</body></message>", 7, 2)
		if !again.Resent() || again.ID() != first.ID() || first.Resent() {
			t.Errorf("resent: %v, %d, not %d", again.Resent(), again.ID(), first.ID())
		}
		for _, other := range []*history.Said{say("<message/>", 7, 1), say("<message/>", 8, 2)} {
			if other.Resent() || other.ID() <= first.ID() {
				t.Errorf("resent: %v, %d", other.Resent(), other.ID())
			}
		}
		expectCount(t, s, history.Query{Owner: room}, 3)
	})
}
