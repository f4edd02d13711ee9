package history_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"
	"testing"

	"palabre/history"
	"palabre/server"
	"palabre/store"
	"palabre/store/storetest"
	"palabre/stream"
	"palabre/xmpp"
)

// A hall is a server with rooms, all of whose archives everybody sees as the test says.
type hall struct {
	host  *server.Host
	store *store.Store
	past  *history.Module
	view  atomic.Pointer[history.View]
}

const service = "rooms.example.org"

var garden = xmpp.MustParseJID("garden@" + service)

func newHall(t testing.TB) *hall {
	t.Helper()
	o := store.Options{DataDir: t.TempDir(), Logger: slog.New(slog.DiscardHandler), Fatal: func(err error) { t.Error(err) }}
	if os.Getenv("PALABRE_TEST_ENGINE") == "postgres" {
		o.URL = storetest.Schema(t, storetest.URL(t))
	}
	var h hall
	var err error
	if h.store, err = store.Open(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.store.Close(); err != nil {
			t.Error(err)
		}
	})
	if h.past, err = history.New(history.Options{Store: h.store, Key: make([]byte, 32)}); err != nil {
		t.Fatal(err)
	}
	if h.host, err = server.New(server.Options{Domains: []string{"example.org"}, Users: everybody{}, Store: h.store}, h.past, &h); err != nil {
		t.Fatal(err)
	}
	h.see(history.Span{})
	return &h
}

type everybody struct{}

func (everybody) Exists(context.Context, xmpp.JID) (bool, error) { return true, nil }

func (*hall) Info() server.Info { return server.Info{Name: "hall"} }

func (h *hall) Register(host *server.Host) {
	host.HandleDomain(service, func(ctx context.Context, p *server.Passage) error { return host.ServeIQ(ctx, server.ToRoom, p) })
	for _, name := range []string{"query", "metadata", "prefs"} {
		host.HandleIQ(server.ToRoom, nsMAM, name, func(ctx context.Context, r *server.Request) (xmpp.Element, error) {
			return h.past.ServeRoom(ctx, r, *h.view.Load())
		})
	}
}

// see says what everybody sees from now on.
func (h *hall) see(spans ...history.Span) {
	h.view.Store(&history.View{Within: func() []history.Span { return spans }, Senders: true})
}

// enter gives a client that asks the archive of the garden.
func (h *hall) enter(t testing.TB, address string) *device {
	t.Helper()
	jid := xmpp.MustParseJID(address)
	d := &device{t: t, at: garden.String(), got: make(chan stream.Packet, 10_000)}
	var err error
	if d.s, err = h.host.Bind(context.Background(), jid.Bare(), jid.Resource(), d); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.s.Closed(context.Background()) })
	return d
}

// say puts a message into a room's archive, on a stream of its own.
func (h *hall) say(t testing.TB, room xmpp.JID, from, nick, body string) *history.Said {
	t.Helper()
	s := h.saying(t, room, from, nick, body)
	if err := h.host.Append(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return s
}

func (h *hall) saying(t testing.TB, room xmpp.JID, from, nick, body string) *history.Said {
	t.Helper()
	sent, err := xmpp.ParseStanza(fmt.Sprintf("<message type='groupchat' id='m%s' from='%s' to='%s'><body>%s</body></message>", body, from, room, body))
	if err != nil {
		t.Fatal(err)
	}
	st := *sent
	if st.From, err = room.WithResource(nick); err != nil {
		t.Fatal(err)
	}
	return h.past.Say(room, &st, sent, "")
}

// fill puts n messages into the garden, and one into another room between any two, and gives the lines of the garden and the names of the others.
func (h *hall) fill(t testing.TB, n int) (all []line, ids []int64, others []string) {
	t.Helper()
	senders := []string{"romeo@example.org/laptop", "juliet@example.org/balcony", "nurse@example.com/kitchen"}
	nicks := []string{"romeo", "juliet", "romeo & co", "Romeo"}
	var said []*history.Said
	var writes []server.Write
	for i := range n {
		from, nick := senders[i*7%len(senders)], nicks[i*5%len(nicks)]
		s := h.saying(t, garden, from, nick, fmt.Sprint(i))
		o := h.saying(t, xmpp.MustParseJID("cellar@"+service), from, nick, fmt.Sprint(i))
		said, writes = append(said, s, o), append(writes, s, o)
		all = append(all, line{with: xmpp.MustParseJID(from).Bare(), nick: xmpp.MustParseJID(garden.String() + "/" + nick)})
	}
	for part := range slices.Chunk(writes, 2) {
		if err := h.host.Append(t.Context(), part...); err != nil {
			t.Fatal(err)
		}
	}
	for i, s := range said {
		name := h.past.Name(s.ID())
		if i%2 == 1 {
			others = append(others, name)
			continue
		}
		all[i/2].id, all[i/2].stamp = name, history.TimeOf(s.ID()).Format("2006-01-02T15:04:05.000Z")
		ids = append(ids, s.ID())
	}
	return all, ids, others
}
