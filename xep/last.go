package xep

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

const (
	nsLast     = "jabber:iq:last"
	mostStatus = 1024
)

// Last tells for how long the server has been up, and to those who may see an account when it was last on-line (XEP-0012). It
// keeps the time and the last status text of each account that leaves.
type Last struct {
	Store LastSeen

	host   *server.Host
	start  time.Time
	status server.SessionSlot[string] // of the last unavailable presence; the stream's reader's own
}

// Info is part of server.Module.
func (l *Last) Info() server.Info {
	return server.Info{Name: "last", Specs: []server.Spec{{Name: "XEP-0012", Version: "2.0"}}}
}

// Register is part of server.Module.
func (l *Last) Register(h *server.Host) {
	l.host, l.start = h, h.Now()
	l.status = server.NewSessionSlot[string](h)
	h.Feature(server.ToDomain, nsLast)
	h.Feature(server.ToAccount, nsLast)
	h.HandleIQ(server.ToDomain, nsLast, "query", l.uptime)
	h.HandleIQ(server.ToAccount, nsLast, "query", l.account)
	hooks := h.Hooks()
	hooks.Inbound = append(hooks.Inbound, l.guard)
	hooks.Outbound = append(hooks.Outbound, l.note)
	hooks.PresenceChanged = append(hooks.PresenceChanged, l.left)
}

func seconds(d time.Duration) string { return strconv.FormatInt(max(0, int64(d/time.Second)), 10) }

// uptime is §5.
func (l *Last) uptime(_ context.Context, r *server.Request) (xmpp.Element, error) {
	if r.IsSet() {
		return xmpp.Element{}, xmpp.ErrNotAllowed
	}
	return xmpp.New(nsLast, "query").With("seconds", seconds(l.host.Now().Sub(l.start))), nil
}

// account is §3. Whom it does not want to see gets the answer of an account that does not exist instead of forbidden (§8).
func (l *Last) account(ctx context.Context, r *server.Request) (xmpp.Element, error) {
	if sees, err := l.host.Sees(ctx, r.From, r.Account.JID); err != nil || !sees {
		return xmpp.Element{}, orUnavailable(err)
	}
	if r.IsSet() {
		return xmpp.Element{}, xmpp.ErrNotAllowed
	}
	query := xmpp.New(nsLast, "query")
	if len(r.Account.Available()) > 0 {
		return query.With("seconds", "0"), nil
	}
	at, status, err := l.Store.LastSeen(ctx, r.Account.JID)
	if err != nil {
		return xmpp.Element{}, fmt.Errorf("xep: last: %w", err)
	}
	if at.IsZero() {
		return xmpp.Element{}, xmpp.ErrItemNotFound.With("This account has never been on-line.")
	}
	query = query.With("seconds", seconds(l.host.Now().Sub(at)))
	if status != "" {
		query = query.Add(xmpp.Text(status))
	}
	return query, nil
}

func orUnavailable(err error) error {
	if err != nil {
		return err
	}
	return xmpp.ErrServiceUnavailable
}

// guard keeps requests from clients whose user the sender may not see (§4).
func (l *Last) guard(ctx context.Context, p *server.Passage) error {
	if !p.Stanza.IsRequest() || p.Stanza.To.IsBare() || !p.Stanza.Has(nsLast, "query") {
		return nil
	}
	if sees, err := l.host.Sees(ctx, p.Stanza.From, p.Recipient.JID); err != nil || !sees {
		return orUnavailable(err)
	}
	return nil
}

// note keeps the status with which a session takes its leave.
func (l *Last) note(_ context.Context, p *server.Passage) error {
	if p.Stanza.Kind != xmpp.Presence || !p.Stanza.To.IsZero() {
		return nil
	}
	text := ""
	if p.Stanza.Type == xmpp.TypeUnavailable {
		status, _ := p.Stanza.Child(xmpp.NSClient, "status")
		if text = status.Content(); len(text) > mostStatus {
			text = ""
		}
	}
	if text != "" || l.status.Peek(p.Session) != nil {
		*l.status.Get(p.Session) = text
	}
	return nil
}

// left notes when the last available session of an account goes.
func (l *Last) left(ctx context.Context, c server.PresenceChange) {
	if c.Kind != server.BecameUnavailable {
		return
	}
	for _, s := range c.Session.Account.Available() {
		if s != c.Session {
			return
		}
	}
	status := ""
	if p := l.status.Peek(c.Session); p != nil {
		status = *p
	}
	if err := l.Store.SetLastSeen(ctx, c.Account, l.host.Now(), status); err != nil {
		l.host.Log().Error("last activity not kept", "jid", c.Session.JID.String(), "module", "last", "err", err)
	}
}
