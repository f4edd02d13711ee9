package history

import (
	"bytes"
	"context"
	"slices"

	"palabre/server"
	"palabre/xmpp"
)

// A View is what somebody may see of a room's archive.
type View struct {
	// Within gives the spans. It is asked when rows are read and again before they are sent, and not on the goroutine that brought the request.
	Within func() []Span
	// Senders tells whether who asks may know who is behind a nick: they see it then, and may ask for what somebody has sent.
	Senders bool
}

// ServeRoom answers a request for what somebody may see of a room's archive: a query (XEP-0313 §4), its form (§4.1.5), metadata (§5). That they may read the archive
// at all has been found out (§6.1.2).
func (m *Module) ServeRoom(_ context.Context, r *server.Request, v View) (xmpp.Element, error) {
	room := r.To.Bare()
	switch r.Payload.Name {
	case xmpp.Name{Space: ns, Local: "metadata"}:
		if r.IsSet() {
			return xmpp.Element{}, xmpp.ErrBadRequest
		}
		return xmpp.Element{}, server.Later(func(ctx context.Context) (xmpp.Element, error) {
			return m.metadata(ctx, &question{query: Query{Owner: room}, view: &v})
		})
	case xmpp.Name{Space: ns, Local: "query"}:
	default:
		return xmpp.Element{}, xmpp.ErrServiceUnavailable
	}
	if !r.IsSet() {
		return formElement(), nil
	}
	if r.Session == nil {
		return xmpp.Element{}, xmpp.ErrFeatureNotImplemented.With("Archives of rooms are not shown to users of other servers yet.")
	}
	q := &question{queryID: r.Payload.Attr("queryid"), query: Query{Owner: room}, view: &v}
	if err := m.parseInto(q, r.Payload); err != nil {
		return xmpp.Element{}, err
	}
	if err := q.by(r.From); err != nil {
		return xmpp.Element{}, err
	}
	return xmpp.Element{}, m.answerLater(r, q)
}

// by reads the field with: in a room's archive it is who has sent something, in person or by their nick. In person, only those may ask who may know anyway (§4.1.1);
// what one has sent by oneself, one knows.
func (q *question) by(from xmpp.JID) error {
	switch with := q.query.With; {
	case with.IsZero():
	case with.Bare() == q.query.Owner:
		q.query.With = xmpp.JID{}
		if !with.IsBare() {
			q.from = with
		}
	case !q.view.Senders && with.Bare() != from.Bare():
		return xmpp.ErrForbidden.With("This room does not tell who its occupants are. Ask for a nick: room@service/nick.")
	case !with.IsBare():
		return xmpp.ErrFeatureNotImplemented.With("The archive of a room does not know with which client something was sent: leave out the resource.")
	}
	return nil
}

// spans are what may be seen now.
func (q *question) spans() []Span {
	if q.view == nil {
		return whole
	}
	return ordered(q.view.Within())
}

// steady has fn read what may be seen, until that has been the same before and after: who was put out of a room while they waited does not see what was said then.
func (q *question) steady(ctx context.Context, store Store, fn func(*scope) error) error {
	for spans := q.spans(); ; {
		err := fn(&scope{store: store, spans: spans, from: q.from})
		if err == nil {
			err = ctx.Err()
		}
		now := q.spans()
		if err != nil || slices.Equal(now, spans) {
			return err
		}
		spans = now
	}
}

// shown is a row's stanza as who asks may see it.
func (q *question) shown(stanza []byte) []byte {
	if q.view == nil || q.view.Senders {
		return stanza
	}
	return withoutSender(stanza)
}

// withoutSender cuts the last element out of a message as render has written it, if that says who has sent it. Nobody can forge one: what a room archives ends with
// something of its own.
func withoutSender(stanza []byte) []byte {
	const end = "</message>"
	at := bytes.LastIndex(stanza, []byte("<x xmlns='"+nsMUCUser+"'>"))
	if at < 0 || !bytes.HasSuffix(stanza, []byte("</x>"+end)) {
		return stanza
	}
	return append(slices.Clip(stanza[:at]), end...)
}
