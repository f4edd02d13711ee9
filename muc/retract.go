package muc

import (
	"context"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

// Namespaces of retractions, as they are and as they were before.
const (
	nsRetract    = "urn:xmpp:message-retract:1"
	nsRetractOld = "urn:xmpp:message-retract:0"
	nsFasten     = "urn:xmpp:fasten:0"
)

// A retraction is what takes a message out of the archive, with all that its sender has put in its place (XEP-0308).
type retraction struct {
	rows      []Row
	tombstone string // what stands in their place
}

// retracts tells whether a message takes back another (XEP-0424 §3), and which.
func retracts(st *xmpp.Stanza) (id string, ok bool) {
	if e, ok := st.Child(nsRetract, "retract"); ok {
		return e.Attr("id"), true
	}
	if e, ok := st.Child(nsFasten, "apply-to"); ok {
		if _, ok := e.Child(nsRetractOld, "retract"); ok {
			return e.Attr("id"), true
		}
	}
	return "", false
}

// checkRetraction refuses what no client has to say: that a moderator has taken a message out, which only the room says (XEP-0425 §5), and two messages taken back by
// one, of which only one would be looked at.
func checkRetraction(st *xmpp.Stanza) error {
	before, found := "", false
	for _, c := range st.Children {
		if c.Name.Space != nsRetract && c.Name.Space != nsFasten {
			continue
		}
		e, err := xmpp.ParseIn(st.RawChild(c), xmpp.NSClient, st.Extra)
		if err != nil {
			return xmpp.ErrBadRequest
		}
		for _, inside := range e.Elements() {
			if inside.Name.Space == nsModerate || inside.Name.Space == nsModerateOld {
				return xmpp.ErrForbidden.With("Only the room itself says what a moderator has deleted.")
			}
		}
		id := e.Attr("id")
		if found && id != before {
			return xmpp.ErrBadRequest.With("One message takes back one other.")
		}
		before, found = id, true
	}
	return nil
}

// ownWords finds what somebody wants to take back. Others' words nobody takes back by a message of their own (XEP-0424 §5). It reads the archive, without the lock.
func (r *Room) ownWords(ctx context.Context, st *xmpp.Stanza, id string) (*retraction, error) {
	r.mu.Lock()
	err := r.permitLocked(r.whoLocked(st.From), actRetract)
	archives := r.archivesLocked()
	r.mu.Unlock()
	if err != nil || !archives {
		return nil, err
	}
	rows, err := r.versions(ctx, st.From, id)
	if err != nil {
		return nil, err
	}
	if rows[0].Sender != st.From.Bare() {
		return nil, xmpp.ErrForbidden.With("You can take back only what you have said yourself.")
	}
	b := append(make([]byte, 0, 256), "<retracted xmlns='"+nsRetract+"'"...)
	b = xmpp.AppendAttr(b, "id", st.ID)
	b = xmpp.AppendAttr(b, "stamp", r.service.host.Now().UTC().Format(time.RFC3339))
	b = append(b, "/><retracted xmlns='"+nsRetractOld+"'"...)
	b = xmpp.AppendAttr(b, "stamp", r.service.host.Now().UTC().Format(time.RFC3339))
	b = append(b, "/>"...)
	return &retraction{rows: rows, tombstone: string(b) + r.tagOf(rows[0].Sender)}, nil
}

// versions finds a message that somebody may see, by the id that the room has given it; it is the first of those that it gives.
func (r *Room) versions(ctx context.Context, by xmpp.JID, name string) ([]Row, error) {
	id, ok := r.service.opts.Archive.Number(r.JID, name)
	if !ok {
		return nil, errNoMessage
	}
	r.mu.Lock()
	within := r.visibleLocked(by)
	r.mu.Unlock()
	rows, err := r.service.opts.Archive.Rows(ctx, r.JID, RowQuery{Within: within, IDs: []int64{id}})
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, errNoMessage
	}
	return r.service.opts.Archive.Versions(ctx, r.JID, rows[0])
}

var errNoMessage = xmpp.ErrItemNotFound.With("There is no such message.")

// burying puts a tombstone in the place of what is taken back.
func (r *Room) burying(t *retraction) (writes []server.Write) {
	if t == nil {
		return nil
	}
	for _, row := range t.rows {
		if !row.Tombstone {
			writes = append(writes, r.service.opts.Archive.Bury(r.JID, row, t.tombstone))
		}
	}
	return writes
}

// buried does the same among the messages at hand, once that is durable.
func (r *Room) buried(t *retraction) {
	if t == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, row := range t.rows {
		if !row.Tombstone {
			r.buryLocked(row.ID, t.tombstone)
		}
	}
}

func (r *Room) buryLocked(id int64, tombstone string) {
	for i, p := range r.recent.list {
		if p.id == id {
			st := *p.st
			st.Inner = tombstone
			r.recent.list[i].st = &st
		}
	}
	for d := range r.digs {
		d.taken[id] = tombstone
	}
}

// tagOf is the occupant's tag of an account.
func (r *Room) tagOf(account xmpp.JID) string {
	o := occupant{id: r.service.occupantID(r.JID, account)}
	return o.occupantTag()
}
