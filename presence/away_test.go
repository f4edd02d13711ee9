package presence_test

import (
	"context"
	"iter"
	"net/netip"
	"sync/atomic"
	"testing"

	"palabre/presence"
	"palabre/roster"
	"palabre/server"
	"palabre/store"
	"palabre/stream"
	"palabre/xmpp"
)

// unread contacts can't be read now and then.
type unread struct {
	presence.Contacts
	away atomic.Bool
}

func (u *unread) Subscriptions(ctx context.Context, a *server.Account) (iter.Seq[xmpp.JID], error) {
	if u.away.Load() {
		return nil, server.ErrAway
	}
	return u.Contacts.Subscriptions(ctx, a)
}

// An ending is a connection that knows how it was ended.
type ending struct{ err atomic.Pointer[stream.Error] }

func (*ending) Send(stream.Packet) bool   { return true }
func (e *ending) Close(err *stream.Error) { e.err.Store(err) }
func (*ending) Remote() netip.Addr        { return netip.Addr{} }
func (*ending) Flush()                    {}
func (*ending) Drop()                     {}

// Who can't become available, since the contacts can't be read, is not left with a session that nothing comes to: it ends, and the client connects again. A change of presence is
// told all the same.
func TestUnreadContacts(t *testing.T) {
	t.Parallel()
	st, err := store.Open(t.Context(), store.Options{DataDir: t.TempDir(), Fatal: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	ros := roster.New(st, roster.Limits{})
	contacts, w := &unread{Contacts: ros}, &witness{}
	host, err := server.New(server.Options{Domains: []string{"example.org"}, Users: st, Store: st}, ros, presence.New(contacts, st), w)
	if err != nil {
		t.Fatal(err)
	}
	c := &ending{}
	s, err := host.Bind(t.Context(), person(0), "phone", c)
	if err != nil {
		t.Fatal(err)
	}
	contacts.away.Store(true)
	s.Receive(t.Context(), available("here"))
	if e := c.err.Load(); e == nil || e.Condition != stream.ResourceConstraint || s.Presence() != nil || len(w.take()) > 0 {
		t.Errorf("the stream ends with %v; %v", e, s.Presence())
	}
	s.Closed(t.Context())

	contacts.away.Store(false)
	c = &ending{}
	if s, err = host.Bind(t.Context(), person(0), "phone", c); err != nil {
		t.Fatal(err)
	}
	defer s.Closed(context.Background())
	s.Receive(t.Context(), available("here"))
	contacts.away.Store(true)
	s.Receive(t.Context(), available("there"))
	if got := w.take(); c.err.Load() != nil || len(got) != 2 || got[1] != "updated person0/phone " {
		t.Errorf("%v; the stream ends with %v", got, c.err.Load())
	}
}
