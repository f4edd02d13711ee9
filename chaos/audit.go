package chaos

import (
	"context"
	"errors"
	"fmt"
	"time"

	"palabre/bench"
	"palabre/stream"
	"palabre/xmpp"
)

// auditPage is how many rows are asked for at once; the server may give fewer.
const auditPage = "500"

// An auditor reads one archive on a connection of its own, of which nobody knows: it sends no presence.
type auditor struct {
	*link
	run    tag
	of     xmpp.JID // whose archive; zero: its own
	serial int
}

// open logs an auditor in; it tries again until the context ends.
func (r *Run) openAuditor(ctx context.Context, u bench.User) (*auditor, error) {
	for {
		l, err := dial(ctx, r.dialer, u)
		if err == nil {
			if err = l.bind(""); err == nil {
				return &auditor{link: l, run: r.tag}, nil
			}
			l.close(silently)
		}
		if pause(ctx, 20*time.Millisecond) != nil {
			return nil, err
		}
	}
}

// readArchive reads an archive from its beginning to its end. It is not nil even if it is empty.
func (r *Run) readArchive(ctx context.Context, u bench.User) ([]Sighting, error) {
	return r.readArchiveOf(ctx, u, xmpp.JID{})
}

// readArchiveOf reads what somebody may see of an archive.
func (r *Run) readArchiveOf(ctx context.Context, u bench.User, of xmpp.JID) ([]Sighting, error) {
	a, err := r.openAuditor(ctx, u)
	if err != nil {
		return nil, err
	}
	defer a.leave(politely)
	a.of = of
	rows := []Sighting{}
	for after := ""; ; {
		page, f, err := a.page(after)
		if err != nil {
			return nil, err
		}
		rows = append(rows, page...)
		if f.complete {
			return rows, nil
		}
		if f.last == "" || f.last == after {
			return nil, fmt.Errorf("the page behind %q is not the last, and leads nowhere", after)
		}
		after = f.last
	}
}

// A refused is the type and the condition of an error that a request was answered with.
type refused string

func (r refused) Error() string { return "refused: " + string(r) }

// page asks for the rows behind one.
func (a *auditor) page(after string) (rows []Sighting, f fin, err error) {
	a.serial++
	id := fmt.Sprintf("audit-%d", a.serial)
	_ = a.Conn.SetReadDeadline(time.Now().Add(time.Minute))
	a.out = ask(id, after, auditPage).AppendXML(a.out, a.of, "")
	if err := a.flush(); err != nil {
		return nil, f, err
	}
	for {
		ev, err := a.In.Next()
		switch {
		case err != nil:
			return nil, f, err
		case ev.Kind == stream.Nonza && ev.Nonza.Is(xmpp.NSStream, "error"):
			return nil, f, streamError(ev.Nonza)
		case ev.Kind != stream.Stanza:
			continue
		}
		if query, s, ok := a.run.result(ev.Stanza); ok && query == id {
			rows = append(rows, s)
		}
		if ev.Stanza.Kind == xmpp.IQ && ev.Stanza.ID == id {
			if ev.Stanza.Type != xmpp.TypeResult {
				return nil, f, refused(refusal(ev.Stanza))
			}
			f, ok := finOf(ev.Stanza)
			if !ok {
				return nil, f, errors.New("a page without an end")
			}
			return rows, f, nil
		}
	}
}
