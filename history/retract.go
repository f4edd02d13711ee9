package history

import (
	"bytes"
	"context"
	"fmt"

	"palabre/server"
	"palabre/xmpp"
)

// mostDug bounds how many messages with the same person are looked at for one that is retracted.
const mostDug = 500

// retract has what a message takes back replaced by tombstones (XEP-0424 §4), in the archives that the message itself is in. It is done when
// everybody has been told, and before the next message of the same stream is told; another stream is never held up.
func (m *Module) retract(p *server.Passage, a *Append) {
	e, ok := p.Stanza.Child(nsRetract, "retract")
	if !ok || e.Attr("id") == "" || p.Stanza.ID == "" { // §4: the tombstone names the message that retracts
		return
	}
	durable, st := false, p.Stanza
	p.Then(func(context.Context, *server.Passage) error {
		durable = true
		return nil
	})
	p.After(func(ctx context.Context) {
		if !durable {
			return
		}
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		for i := range a.Entries {
			if e := &a.Entries[i]; e.Kind&Hidden == 0 && e.ID != 0 {
				if err := m.bury(ctx, e, st); err != nil {
					m.host.Log().Error("retracted message not replaced", "jid", e.Owner.String(), "id", st.ID, "module", "history", "err", err)
				}
			}
		}
	})
}

// bury replaces what a message retracts in one archive: the message that it names, and corrections of that (XEP-0308).
func (m *Module) bury(ctx context.Context, e *Entry, retraction *xmpp.Stanza) error {
	what, _ := retraction.Child(nsRetract, "retract")
	d := digger{id: what.Attr("id"), by: retraction, archive: *e}
	q := Query{Owner: e.Owner, With: e.Peer, Before: e.ID, Limit: chunk, Backwards: true}
	for dug := 0; dug < mostDug && !d.found; dug += chunk {
		rows, err := m.store.Rows(ctx, q)
		if err != nil {
			return fmt.Errorf("history: retraction: %w", err)
		}
		for i := len(rows) - 1; i >= 0 && !d.found; i-- {
			d.look(&rows[i])
		}
		if len(rows) < chunk {
			break
		}
		q.Before = rows[0].ID
	}
	if len(d.graves) == 0 {
		return nil
	}
	if err := m.host.Append(ctx, d.graves...); err != nil {
		return fmt.Errorf("history: retraction: %w", err)
	}
	return nil
}

// A digger looks for a message that is retracted.
type digger struct {
	id      string // as its sender has called it (XEP-0424 §5.1)
	by      *xmpp.Stanza
	archive Entry // of the retraction
	found   bool
	graves  []server.Write
}

// look takes a row if it is the message, or a correction of it, and of the same author (XEP-0424 §5).
func (d *digger) look(row *Row) {
	if row.Kind&Tombstone != 0 || !bytes.Contains(row.Stanza, xmpp.AppendText(nil, d.id)) && !bytes.ContainsRune(row.Stanza, '&') {
		return
	}
	st, err := xmpp.ParseStanza(string(row.Stanza))
	if err != nil || !sameAuthor(st, d.by) {
		return
	}
	origin, _ := st.Child(nsStanzaID, "origin-id")
	switch d.id {
	case st.ID, origin.Attr("id"):
		d.found = true
	case replaces(st):
	default:
		return
	}
	retracted := xmpp.New(nsRetract, "retracted").With("stamp", TimeOf(d.archive.ID).Format(stampFormat)).With("id", d.by.ID)
	raw, _ := render(st.WithChildren(retracted))
	d.graves = append(d.graves, &Bury{Archive: d.archive.Owner, ID: row.ID, Stanza: raw})
}

// sameAuthor compares accounts; for private messages of a room, whose occupants share one address, nicknames.
func sameAuthor(a, b *xmpp.Stanza) bool {
	if a.Has(nsMUCUser, "x") || b.Has(nsMUCUser, "x") {
		return a.From == b.From && a.To.Bare() == b.To.Bare()
	}
	return a.From.Bare() == b.From.Bare()
}
