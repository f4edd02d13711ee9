package presence_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"palabre/account"
	"palabre/presence"
	"palabre/roster"
	"palabre/server"
	"palabre/server/servertest"
	"palabre/store"
	"palabre/stream"
	"palabre/xep"
	"palabre/xmpp"
)

// town is a server with accounts that know each other: each sees the next contacts ones and the ones before.
type town struct {
	host     *server.Host
	store    *store.Store
	sessions []*server.Session
	conns    []*servertest.Sink
}

func person(i int) xmpp.JID { return xmpp.MustParseJID(fmt.Sprintf("person%d@example.org", i)) }

func newTown(tb testing.TB, people, contacts int, more ...server.Module) *town {
	tb.Helper()
	ctx := tb.Context()
	st, err := store.Open(ctx, store.Options{DataDir: tb.TempDir(), Fatal: func(err error) { tb.Error(err) }})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := st.Close(); err != nil {
			tb.Error(err)
		}
	})
	t := &town{store: st}
	var accounts []account.Account
	for i := range people {
		accounts = append(accounts, account.Account{JID: person(i), Created: time.Now()})
	}
	for len(accounts) > 0 {
		n := min(len(accounts), 1000)
		if _, err := st.CreateMany(ctx, accounts[:n]); err != nil {
			tb.Fatal(err)
		}
		accounts = accounts[n:]
	}
	ros := roster.New(st, roster.Limits{})
	t.host, err = server.New(server.Options{Domains: []string{"example.org"}, Users: st, Store: st},
		append([]server.Module{&xep.Blocking{Store: st}, ros, presence.New(ros, st)}, more...)...)
	if err != nil {
		tb.Fatal(err)
	}
	for i := range people {
		var writes []server.Write
		for d := 1; d <= contacts/2; d++ {
			for _, j := range []int{(i + d) % people, (i + people - d) % people} {
				writes = append(writes, &roster.Change{Account: person(i), Contact: person(j), Next: func(it roster.Item) roster.Item {
					it.Subscription, it.Listed = roster.Both, true
					return it
				}})
			}
		}
		if err := t.host.Append(ctx, writes...); err != nil {
			tb.Fatal(err)
		}
	}
	return t
}

func (t *town) login(tb testing.TB, i int, initial bool) *server.Session {
	tb.Helper()
	c := &servertest.Sink{}
	s, err := t.host.Bind(tb.Context(), person(i), "phone", c)
	if err != nil {
		tb.Fatal(err)
	}
	t.sessions, t.conns = append(t.sessions, s), append(t.conns, c)
	if initial {
		s.Receive(tb.Context(), available("")) // what is kept of it is the same for all
	}
	return s
}

func available(status string) stream.Event {
	st := xmpp.NewStanza(xmpp.Presence, "", xmpp.New(xmpp.NSClient, "show", xmpp.Text("away")), xmpp.New(xmpp.NSClient, "status", xmpp.Text(status)))
	return stream.Event{Kind: stream.Stanza, Stanza: st}
}

func (t *town) leave() {
	for _, s := range t.sessions {
		s.Closed(context.Background())
	}
}

// BenchmarkBroadcast is one change of presence told to 50 contacts that are on-line, without TLS: what is measured is a delivery.
func BenchmarkBroadcast(b *testing.B) {
	t := newTown(b, 51, 50)
	defer t.leave()
	for i := range 51 {
		t.login(b, i, true)
	}
	ev := available("Wooing Juliet")
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		t.sessions[0].Receive(b.Context(), ev)
		n++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n*51), "ns/delivery")
	if t.conns[1].Sent < n {
		b.Fatalf("%d of %d arrived", t.conns[1].Sent, n)
	}
}

// BenchmarkLogin is the initial presence of somebody with 50 contacts that are on-line, and the going.
func BenchmarkLogin(b *testing.B) {
	t := newTown(b, 51, 50)
	for i := 1; i < 51; i++ {
		t.login(b, i, true)
	}
	b.ReportAllocs()
	for b.Loop() {
		t.login(b, 0, true).Closed(b.Context())
		t.sessions, t.conns = t.sessions[:50], t.conns[:50]
	}
	t.leave()
}

// TestMemory bounds what roster and presence hold of a session with 50 contacts that has gone idle.
func TestMemory(t *testing.T) {
	const people = 150
	with, without := newTown(t, people, 50), newTown(t, people, 50)
	per := func(x *town, initial bool) int {
		x.login(t, 0, initial) // opens what the store opens once
		before := heap()
		for i := 1; i < people; i++ {
			x.login(t, i, initial)
		}
		after := heap()
		runtime.KeepAlive(x)
		return int(after-before) / (people - 1)
	}
	bare := per(without, false)
	full := per(with, true)
	t.Logf("a session takes %d bytes, with roster and presence %d", bare, full)
	if full-bare > 3000 { // 1,400 and what the store caches; contacts that are not shared would add 2,400
		t.Errorf("roster and presence take %d bytes of a session", full-bare)
	}
	with.leave()
	without.leave()
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
