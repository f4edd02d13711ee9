package account

import (
	"context"
	"errors"
	"time"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// nsRegister is the namespace of XEP-0077.
const nsRegister = "jabber:iq:register"

// laterWait is how long a change of an account may take.
const laterWait = 30 * time.Second

// Info says what the registry implements.
func (r *Registry) Info() server.Info {
	return server.Info{Name: "account", Specs: []server.Spec{
		{Name: "RFC 4616"},
		{Name: "RFC 5802"},
		{Name: "RFC 7677"},
		{Name: "XEP-0077", Version: "2.4", Note: "password change and cancellation; registration is closed"},
		{Name: "XEP-0474", Version: "0.5.0"},
	}}
}

// Register is part of server.Module. It also lets the registry end the sessions of those whom it disables or deletes.
func (r *Registry) Register(h *server.Host) {
	r.host = h
	h.Feature(server.ToDomain, nsRegister) // XEP-0077 §10
	h.Hooks().SessionOpened = append(h.Hooks().SessionOpened, r.opened)
	h.HandleIQ(server.ToDomain, nsRegister, "query", r.serveRegister)
	h.HandleIQ(server.ToAccount, nsRegister, "query", server.OwnOnly(r.serveRegister))
}

// serveRegister answers those who have an account; it makes none. Whoever asks is known by the session, never by what the request says.
func (r *Registry) serveRegister(_ context.Context, q *server.Request) (xmpp.Element, error) {
	_, cancels := q.Payload.Child(nsRegister, "remove")
	stranger := q.Session == nil || !q.To.IsZero() && q.To.Domain() != q.Session.JID.Domain()
	switch {
	case stranger && !q.IsSet():
		return xmpp.Element{}, xmpp.ErrServiceUnavailable // XEP-0077 §3.1
	case stranger && cancels:
		return xmpp.Element{}, xmpp.ErrRegistrationRequired // XEP-0077 §3.2
	case stranger:
		return xmpp.Element{}, xmpp.ErrNotAllowed.With("Nobody can register here. Ask the administrator of the server for an account.")
	case !q.IsSet():
		return registration(q.Session.Account.JID), nil
	case cancels:
		return r.cancel(q)
	}
	return r.changePassword(q)
}

// registration is what is on file (XEP-0077 §3.1).
func registration(jid xmpp.JID) xmpp.Element {
	return xmpp.New(nsRegister, "query",
		xmpp.New(nsRegister, "registered"),
		xmpp.New(nsRegister, "instructions", xmpp.Text("You have an account here. You can change its password or remove it.")),
		xmpp.New(nsRegister, "username", xmpp.Text(jid.Local())),
		xmpp.New(nsRegister, "password"))
}

// changePassword is XEP-0077 §3.3.
func (r *Registry) changePassword(q *server.Request) (xmpp.Element, error) {
	jid := q.Session.Account.JID
	name := q.Payload.ContentOf(nsRegister, "username")
	password := q.Payload.ContentOf(nsRegister, "password")
	if name == "" || password == "" {
		return xmpp.Element{}, xmpp.ErrBadRequest.With("A new password needs <username/> and <password/>, and neither may be empty.")
	}
	if named, err := xmpp.NewJID(name, jid.Domain(), ""); (err != nil || named != jid) && name != jid.String() {
		return xmpp.Element{}, xmpp.ErrNotAllowed.With("You can change only your own password.")
	}
	if _, err := prepare(password); err != nil {
		return xmpp.Element{}, xmpp.ErrNotAcceptable.With("This can't be a password: it holds control characters. Choose another.")
	}
	return xmpp.Element{}, server.Later(func(ctx context.Context) (xmpp.Element, error) {
		ctx, done := context.WithTimeout(ctx, laterWait)
		defer done()
		return xmpp.Element{}, r.SetPassword(ctx, jid, password)
	})
}

// cancel is XEP-0077 §3.2: the account goes, and then its sessions with not-authorized. The one that asks is told first.
func (r *Registry) cancel(q *server.Request) (xmpp.Element, error) {
	if len(q.Payload.Elements()) != 1 {
		return xmpp.Element{}, xmpp.ErrBadRequest.With("<remove/> stands alone.")
	}
	s, request := q.Session, q.Stanza
	return xmpp.Element{}, server.Later(func(ctx context.Context) (xmpp.Element, error) {
		ctx, done := context.WithTimeout(ctx, laterWait)
		defer done()
		if err := r.remove(ctx, s.Account.JID, s); err != nil && !errors.Is(err, ErrUnknown) {
			return xmpp.Element{}, err
		}
		s.SendStanza(request.Result(xmpp.Element{}))
		s.End(&stream.Error{Condition: stream.NotAuthorized, Text: textRemoved})
		return xmpp.Element{}, server.ErrAnswered
	})
}
