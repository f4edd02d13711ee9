package history

import (
	"context"
	"slices"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// serveQuery answers a query for the account's archive (XEP-0313 §4), or, with a get, which filters there are (§4.1.5).
func (m *Module) serveQuery(_ context.Context, r *server.Request) (xmpp.Element, error) {
	if !r.IsSet() {
		return formElement(filter(xmpp.FieldBoolean, includeGroupchat)), nil
	}
	if r.Session == nil {
		return xmpp.Element{}, xmpp.ErrNotAllowed
	}
	q, err := m.parse(r.Payload, r.Account.JID)
	if err != nil {
		return xmpp.Element{}, err
	}
	if q.readsAll() {
		m.offline.asksItself(r.Session)
	}
	return xmpp.Element{}, m.answerLater(r, q)
}

// answerLater answers a query of a session's when those before it have been answered.
func (m *Module) answerLater(r *server.Request, q *question) error {
	s := r.Session
	return server.Later(func(ctx context.Context) (xmpp.Element, error) {
		t := m.turns.Get(s)
		if err := t.Take(ctx); err != nil {
			return xmpp.Element{}, err
		}
		defer t.Leave()
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		a, err := m.answer(ctx, q)
		if err != nil {
			return xmpp.Element{}, err
		}
		if q.view == nil {
			m.offline.hasRead(s, q, a.rows, a.complete)
		}
		if q.flip {
			slices.Reverse(a.rows)
		}
		m.send(s, q, a.rows)
		m.host.Answer(ctx, r.Result(fin(a.complete, a.info))) // while nobody else sends rows
		return xmpp.Element{}, server.ErrAnswered
	})
}

// send gives rows to a session, each as a message of its own (§4.2).
func (m *Module) send(s *server.Session, q *question, rows []Row) {
	results := m.results(q, s.JID, rows)
	for i := range results {
		s.Send(stream.Packet{Stanza: &results[i], To: s.JID})
	}
}

// results makes the messages. Their bytes are in one piece, and what is in the rows is not read.
func (m *Module) results(q *question, to xmpp.JID, rows []Row) []xmpp.Stanza {
	ends := make([]int, len(rows))
	b := make([]byte, 0, sizeOf(rows, q.queryID))
	for i := range rows {
		b = m.appendResult(b, &rows[i], q)
		ends[i] = len(b)
	}
	inner, at := string(b), 0
	stanzas, children := make([]xmpp.Stanza, len(rows)), make([]xmpp.Child, len(rows))
	for i, end := range ends {
		children[i] = xmpp.Child{Name: xmpp.Name{Space: ns, Local: "result"}, End: end - at}
		stanzas[i] = xmpp.Stanza{Kind: xmpp.Message, From: q.query.Owner, To: to, Inner: inner[at:end], Children: children[i : i+1 : i+1]}
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

func (m *Module) appendResult(b []byte, row *Row, q *question) []byte {
	b = append(b, "<result xmlns='"+ns+"'"...)
	if q.queryID != "" {
		b = xmpp.AppendAttr(b, "queryid", q.queryID)
	}
	b = append(b, " id='"...)
	b = m.names.appendName(b, row.ID)
	b = append(b, "'><forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='"...)
	b = row.Time().AppendFormat(b, stampFormat)
	b = append(b, "'/>"+messageStart+" xmlns='"+xmpp.NSClient+"'"...)
	b = append(b, q.shown(row.Stanza)[len(messageStart):]...)
	return append(b, "</forwarded></result>"...)
}

// stampFormat is XEP-0082 §3.2, in UTC, as precise as ids are.
const stampFormat = "2006-01-02T15:04:05.000Z"
