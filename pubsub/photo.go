package pubsub

import (
	"context"
	"strings"
	"sync/atomic"

	"palabre/server"
	"palabre/xmpp"
)

const nsUpdate = "vcard-temp:x:update"

// shows has presence tell another picture's hash when the batch is durable.
func (b *batch) shows(hash string) {
	b.after = append(b.after, func(ctx context.Context) {
		b.m.present(ctx, b.account, hash)
	})
}

// present has presence tell what picture an account has: its own, which has this hash, or else that of the directory, of which contacts are notified too.
func (m *Module) present(ctx context.Context, a *server.Account, hash string) {
	d := m.desks.Get(a)
	listed := false
	if hash == "" {
		var err error
		if hash, err = m.pictured(ctx, a.JID); err != nil {
			m.fail(a.JID, nsUpdate, err)
			d.photo.Store(nil) // it is looked up anew
			return
		}
		listed = hash != ""
	}
	if before := d.photo.Swap(&hash); before != nil && *before == hash {
		return
	}
	m.renew(ctx, a, hash)
	if listed {
		m.notifyListed(ctx, a, nodeMetadata)
	}
}

// picture is the hash of an account's picture, or empty.
func (m *Module) picture(ctx context.Context, a *server.Account) (string, error) {
	d := m.desks.Get(a)
	if p := d.photo.Load(); p != nil {
		return *p, nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	hash, err := m.opts.Cards.Photo(ctx, a.JID)
	if err != nil {
		return "", err
	}
	if hash == "" {
		if hash, err = m.pictured(ctx, a.JID); err != nil {
			return "", err
		}
	}
	if !d.photo.CompareAndSwap(nil, &hash) {
		return *d.photo.Load(), nil // it has changed meanwhile
	}
	return hash, nil
}

// outbound tells the picture's hash in all available presence, directed presence too (XEP-0398 §4), unless the client says that there is to be none.
func (m *Module) outbound(ctx context.Context, p *server.Passage) error {
	st := p.Stanza
	if st.Kind != xmpp.Presence || st.Type != "" {
		return nil
	}
	if st.To.IsZero() {
		m.heed(p.Session, st)
	}
	if isSilent(st) {
		return nil
	}
	hash, err := m.picture(ctx, p.Session.Account)
	if err != nil {
		return err
	}
	p.Stanza = told(st, hash)
	return nil
}

// heed remembers whether a session's client wants no picture to be told.
func (m *Module) heed(s *server.Session, st *xmpp.Stanza) {
	if is := isSilent(st); is || m.silent.Peek(s) != nil {
		m.silent.Get(s).Store(is)
	}
}

// silence is whether a session's client wants no picture to be told.
type silence = atomic.Bool

// isSilent tells whether presence says that there is no picture: by an empty <photo/> (XEP-0153 §4.1).
func isSilent(st *xmpp.Stanza) bool {
	x, _ := st.Child(nsUpdate, "x")
	photo, ok := x.Child(nsUpdate, "photo")
	return ok && strings.TrimSpace(photo.Content()) == ""
}

// told is presence that tells a picture's hash. Where there is no picture, it says so if it has told one before.
func told(st *xmpp.Stanza, hash string) *xmpp.Stanza {
	x, _ := st.Child(nsUpdate, "x")
	photo, has := x.Child(nsUpdate, "photo")
	if hash == "" && !has || has && strings.EqualFold(strings.TrimSpace(photo.Content()), hash) {
		return st
	}
	photo = xmpp.New(nsUpdate, "photo")
	if hash != "" {
		photo = photo.Add(xmpp.Text(hash))
	}
	return st.Without(func(c xmpp.Child) bool { return c.Name == xmpp.Name{Space: nsUpdate, Local: "x"} }).Plus(xmpp.New(nsUpdate, "x", photo))
}

// renew tells those who see an account that it has another picture.
func (m *Module) renew(ctx context.Context, a *server.Account, hash string) {
	subscribers, err := m.opts.Contacts.Subscribers(ctx, a)
	if err != nil {
		m.fail(a.JID, nsUpdate, err)
		return
	}
	for _, s := range a.Available() {
		before := s.Presence()
		if before == nil {
			continue
		}
		if silent := m.silent.Peek(s); silent != nil && silent.Load() {
			continue
		}
		next := told(before, hash)
		if next == before || s.Presence() != before {
			continue // what the client says meanwhile tells the picture by itself
		}
		s.SetPresence(next, int8(s.Priority()))
		m.host.Multicast(ctx, next, func(yield func(xmpp.JID) bool) { yield(a.JID) })
		m.host.Multicast(ctx, next, subscribers)
	}
}
