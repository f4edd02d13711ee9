package history

import (
	"bytes"
	"context"
	"fmt"

	"palabre/xmpp"
)

// Versions are a message of a room's, and what its sender has put in its place before or after (XEP-0308): whoever takes one of them back takes back all. It looks at so
// many of the sender's messages on either side as mostDug says.
func (m *Module) Versions(ctx context.Context, room xmpp.JID, row RoomRow) ([]RoomRow, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	root, corrects := replaces(row.Stanza), true
	if root == "" {
		root, corrects = row.Stanza.ID, false
	}
	out := []RoomRow{row}
	if root == "" {
		return out, nil
	}
	take := func(r Row, original bool) (first bool) {
		if !bytes.Contains(r.Stanza, xmpp.AppendText(nil, root)) && !bytes.ContainsRune(r.Stanza, '&') {
			return false
		}
		said, ok := m.roomRow(room, r)
		if !ok || r.ID == row.ID {
			return false
		}
		first = original && said.Stanza.ID == root && replaces(said.Stanza) == ""
		if first || replaces(said.Stanza) == root {
			out = append(out, said)
		}
		return first
	}
	s := scope{store: m.store, spans: whole}
	q := Query{Owner: room, With: row.Sender, After: row.ID, Peers: true}
	err := s.walk(ctx, q, mostDug, func(r Row) bool { take(r, false); return true })
	if corrects && err == nil {
		q.After, q.Before, q.Backwards = 0, row.ID, true
		err = s.walk(ctx, q, mostDug, func(r Row) bool { return !take(r, true) })
	}
	if err != nil {
		return nil, fmt.Errorf("history: versions: %w", err)
	}
	return out, nil
}

// replaces is the message that another one corrects; empty: none.
func replaces(st *xmpp.Stanza) string {
	e, _ := st.Child(nsCorrect, "replace")
	return e.Attr("id")
}
