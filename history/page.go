package history

import (
	"context"
	"fmt"
	"slices"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

const (
	pageBytes = 256 << 10 // of rows in one page, unless the first is longer: what a client is sent may wait in memory
	chunk     = 64        // rows read at once: long ones may be far more than a page holds
)

// serveQuery answers a query for the account's archive (XEP-0313 §4), or, with a get, which filters there are (§4.1.5).
func (m *Module) serveQuery(_ context.Context, r *server.Request) (xmpp.Element, error) {
	if !r.IsSet() {
		return formElement(), nil
	}
	if r.Session == nil {
		return xmpp.Element{}, xmpp.ErrNotAllowed
	}
	q, err := m.parse(r.Payload, r.Account.JID)
	if err != nil {
		return xmpp.Element{}, err
	}
	s := r.Session
	if q.readsAll() {
		m.offline.asksItself(s)
	}
	return xmpp.Element{}, server.Later(func(ctx context.Context) (xmpp.Element, error) {
		t := m.turns.Get(s)
		if err := t.take(ctx); err != nil {
			return xmpp.Element{}, err
		}
		defer t.leave()
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		fin, err := m.answer(ctx, s, q)
		if err != nil {
			return xmpp.Element{}, err
		}
		m.host.Answer(ctx, r.Result(fin)) // while nobody else sends rows
		return xmpp.Element{}, server.ErrAnswered
	})
}

// answer sends the rows of a page to a session, and gives what follows them.
func (m *Module) answer(ctx context.Context, s *server.Session, q *question) (xmpp.Element, error) {
	if err := m.mustHave(ctx, q); err != nil {
		return xmpp.Element{}, err
	}
	info := xmpp.PageInfo{Index: -1, Count: -1}
	if q.query.Limit == 0 {
		n, err := m.count(ctx, q)
		info.Count = n
		return fin(n == 0, info), err
	}
	rows, complete, err := m.page(ctx, q)
	if err != nil {
		return xmpp.Element{}, fmt.Errorf("history: query: %w", err)
	}
	if len(rows) > 0 {
		info.First, info.Last = m.names.name(rows[0].ID), m.names.name(rows[len(rows)-1].ID)
	}
	m.offline.hasRead(s, q, rows, complete)
	if q.flip {
		slices.Reverse(rows)
	}
	m.send(s, rows, q.queryID)
	return fin(complete, info), nil
}

func fin(complete bool, info xmpp.PageInfo) xmpp.Element {
	e := xmpp.New(ns, "fin", info.Element())
	if complete {
		e = e.With("complete", "true") // §4.3.2
	}
	return e
}

// mustHave is item-not-found unless every row that the client has named is there (§4.1.3, §4.3.2).
func (m *Module) mustHave(ctx context.Context, q *question) error {
	if len(q.named) == 0 && !q.lost {
		return nil
	}
	n, err := m.store.Count(ctx, Query{Owner: q.query.Owner, IDs: q.named})
	if err != nil {
		return fmt.Errorf("history: query: %w", err)
	}
	if q.lost || n < len(q.named) {
		return xmpp.ErrItemNotFound.With("The archive has no message of that id.")
	}
	return nil
}

func (m *Module) count(ctx context.Context, q *question) (int, error) {
	if q.nothing {
		return 0, nil
	}
	n, err := m.store.Count(ctx, q.query)
	if err != nil {
		return 0, fmt.Errorf("history: query: %w", err)
	}
	return n, nil
}

// page reads the rows of a page, the oldest first. complete tells that the page was not cut short.
func (m *Module) page(ctx context.Context, q *question) (rows []Row, complete bool, err error) {
	if q.nothing {
		return nil, true, nil
	}
	next, size := q.query, 0
	for len(rows) <= q.query.Limit { // one more than fits, to know whether there is more
		next.Limit = min(chunk, q.query.Limit+1-len(rows))
		got, err := m.store.Rows(ctx, next)
		if err != nil {
			return nil, false, err
		}
		for i := range got {
			row := got[i]
			if next.Backwards {
				row = got[len(got)-1-i]
			}
			size += len(row.Stanza)
			if len(rows) > 0 && size > pageBytes || len(rows) == q.query.Limit {
				return inOrder(rows, next.Backwards), false, nil
			}
			rows = append(rows, row)
		}
		if len(got) < next.Limit {
			break
		}
		if last := rows[len(rows)-1].ID; next.Backwards {
			next.Before = last
		} else {
			next.After = last
		}
	}
	return inOrder(rows, next.Backwards), true, nil
}

func inOrder(rows []Row, backwards bool) []Row {
	if backwards {
		slices.Reverse(rows)
	}
	return rows
}

// send gives rows to a session, each as a message of its own (§4.2).
func (m *Module) send(s *server.Session, rows []Row, queryID string) {
	results := m.results(s.JID, rows, queryID)
	for i := range results {
		s.Send(stream.Packet{Stanza: &results[i], To: s.JID})
	}
}

// results makes the messages. Their bytes are in one piece, and what is in the rows is not read.
func (m *Module) results(to xmpp.JID, rows []Row, queryID string) []xmpp.Stanza {
	ends := make([]int, len(rows))
	b := make([]byte, 0, sizeOf(rows, queryID))
	for i := range rows {
		b = m.appendResult(b, &rows[i], queryID)
		ends[i] = len(b)
	}
	inner, at := string(b), 0
	stanzas, children := make([]xmpp.Stanza, len(rows)), make([]xmpp.Child, len(rows))
	for i, end := range ends {
		children[i] = xmpp.Child{Name: xmpp.Name{Space: ns, Local: "result"}, End: end - at}
		stanzas[i] = xmpp.Stanza{Kind: xmpp.Message, From: to.Bare(), To: to, Inner: inner[at:end], Children: children[i : i+1 : i+1]}
		at = end
	}
	return stanzas
}

// sizeOf is what the results of rows take at most, if the queryid needs no escaping.
func sizeOf(rows []Row, queryID string) int {
	n := len(rows) * (len(queryID) + 300)
	for i := range rows {
		n += len(rows[i].Stanza)
	}
	return n
}

const messageStart = "<message"

func (m *Module) appendResult(b []byte, row *Row, queryID string) []byte {
	b = append(b, "<result xmlns='"+ns+"'"...)
	if queryID != "" {
		b = xmpp.AppendAttr(b, "queryid", queryID)
	}
	b = append(b, " id='"...)
	b = m.names.appendName(b, row.ID)
	b = append(b, "'><forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='"...)
	b = row.Time().AppendFormat(b, stampFormat)
	b = append(b, "'/>"+messageStart+" xmlns='"+xmpp.NSClient+"'"...)
	b = append(b, row.Stanza[len(messageStart):]...)
	return append(b, "</forwarded></result>"...)
}

// stampFormat is XEP-0082 §3.2, in UTC, as precise as ids are.
const stampFormat = "2006-01-02T15:04:05.000Z"
