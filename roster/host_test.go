package roster_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"palabre/account"
	"palabre/presence"
	"palabre/roster"
	"palabre/server"
	"palabre/store"
	"palabre/stream"
	"palabre/xmpp"
)

// A client is a session without a socket. What it is sent is kept.
type client struct {
	*server.Session
	mu  sync.Mutex
	got []*xmpp.Stanza
}

func (c *client) Send(p stream.Packet) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = append(c.got, p.Stanza.Addressed(p.To))
	return true
}
func (*client) Close(*stream.Error) {}
func (*client) Remote() netip.Addr  { return netip.Addr{} }
func (*client) Flush()              {}
func (*client) Drop()               {}

// take gives what has arrived.
func (c *client) take() []*xmpp.Stanza {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.got
	c.got = nil
	return out
}

// say sends a stanza and gives what has come when it is through.
func (c *client) say(t testing.TB, xml string) []*xmpp.Stanza {
	t.Helper()
	st, err := xmpp.ParseStanza(xml)
	if err != nil {
		t.Fatal(err)
	}
	c.Receive(t.Context(), stream.Event{Kind: stream.Stanza, Stanza: st})
	return c.take()
}

// fragile is the real store, unless it is told to fail: then a transaction gets as far as its end, and no further.
type fragile struct {
	*store.Store
	away atomic.Bool
}

func (f *fragile) Commit(writes []server.Write, done func(error)) {
	if f.away.Load() {
		for _, w := range writes {
			c := w.(*roster.Change)
			it, err := f.Item(context.Background(), c.Account, c.Contact)
			if err != nil {
				panic(err)
			}
			c.Before, c.After = it, c.Next(it)
		}
		go done(fmt.Errorf("test: %w", server.ErrAway))
		return
	}
	f.Store.Commit(writes, done)
}

type house struct {
	*server.Host
	store  *fragile
	roster *roster.Module
}

var names = []string{"romeo", "juliet", "nurse", "paris", "tybalt"}

func newHouse(t *testing.T, limits roster.Limits, more ...server.Module) *house {
	t.Helper()
	st, err := store.Open(t.Context(), store.Options{DataDir: t.TempDir(), Fatal: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, n := range names {
		if err := st.Create(t.Context(), account.Account{JID: at(n), Created: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	x := &house{store: &fragile{Store: st}, roster: roster.New(st, limits)}
	x.Host, err = server.New(server.Options{Domains: []string{"example.org"}, Users: st, Store: x.store},
		append([]server.Module{x.roster, presence.New(x.roster, st)}, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func at(name string) xmpp.JID { return xmpp.MustParseJID(name + "@example.org") }

func (x *house) login(t *testing.T, name, resource string) *client {
	t.Helper()
	c := &client{}
	s, err := x.Bind(t.Context(), at(name), resource, c)
	if err != nil {
		t.Fatal(err)
	}
	c.Session = s
	t.Cleanup(func() { s.Closed(context.Background()) })
	return c
}

// ready logs in as clients do: the roster, then presence.
func (x *house) ready(t *testing.T, name, resource string) *client {
	t.Helper()
	c := x.login(t, name, resource)
	c.say(t, `<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>`)
	c.say(t, `<presence/>`)
	return c
}

const ns = "jabber:iq:roster"

// items are those of a result or a push, by their addresses, each as "subscription ask name".
func items(st *xmpp.Stanza) (ver string, out map[string]string) {
	q, _ := st.Child(ns, "query")
	out = map[string]string{}
	for _, it := range q.Elements() {
		out[it.Attr("jid")] = strings.TrimSpace(it.Attr("subscription") + " " + it.Attr("ask") + " " + it.Attr("name"))
	}
	return q.Attr("ver"), out
}

func condition(sts []*xmpp.Stanza) string {
	if len(sts) != 1 || sts[0].Type != xmpp.TypeError {
		return fmt.Sprint(sts)
	}
	e, _ := sts[0].Child(xmpp.NSClient, "error")
	return e.Elements()[0].Name.Local
}

func TestLimits(t *testing.T) {
	t.Parallel()
	x := newHouse(t, roster.Limits{Items: 2, Name: 4, Groups: 2, Text: 10, Requests: 1, Request: 60})
	romeo := x.ready(t, "romeo", "a")
	set := func(item string) string {
		got := romeo.say(t, `<iq type='set' id='1'><query xmlns='jabber:iq:roster'>`+item+`</query></iq>`)
		if len(got) == 2 && got[1].Type == xmpp.TypeResult {
			return ""
		}
		return condition(got)
	}
	for _, c := range []struct{ item, want string }{
		{`<item jid='a@b' name='four'><group>four</group><group>f</group></item>`, ""},
		{`<item jid='a@b' name='fives'/>`, "not-acceptable"},
		{`<item jid='a@b'><group>fives</group></item>`, "not-acceptable"},
		{`<item jid='a@b'><group>1</group><group>2</group><group>3</group></item>`, "not-acceptable"},
		{`<item jid='a@b' name='four'><group>four</group><group>fou</group></item>`, "not-acceptable"},
		{`<item jid='c@b'/>`, ""},
		{`<item jid='d@b'/>`, "policy-violation"},
		{`<item jid='c@b' name='new'/>`, ""},
		{`<item jid='c@b' subscription='remove'/>`, ""},
		{`<item jid='d@b'/>`, ""},
	} {
		if got := set(c.item); got != c.want {
			t.Errorf("%s: %q, want %q", c.item, got, c.want)
		}
	}
	for _, typ := range []string{"subscribe", "subscribed"} {
		if got := condition(romeo.say(t, `<presence type='`+typ+`' to='juliet@example.org'/>`)); got != "policy-violation" {
			t.Errorf("%s with a full roster: %s", typ, got)
		}
	}
	// Of two who ask juliet, one is kept; nobody can tell. What is too long to keep is kept without its words.
	long := strings.Repeat("please ", 20)
	for i, n := range []string{"nurse", "paris", "nurse"} {
		c := x.ready(t, n, strconv.Itoa(i))
		if got := c.say(t, `<presence type='subscribe' to='juliet@example.org'><status>`+long+`</status></presence>`); n == "paris" && len(got) != 1 {
			t.Errorf("%s got %v", n, got)
		}
	}
	juliet := x.login(t, "juliet", "a")
	got := juliet.say(t, `<presence/>`)
	if len(got) != 2 || got[1].Type != xmpp.TypeSubscribe || got[1].From != at("nurse") || got[1].Inner != "" {
		t.Errorf("juliet was shown %v", got)
	}
}

// A commit that fails leaves nothing behind: no push, no state, no delivery; and the sender is told to try again.
func TestFailedCommit(t *testing.T) {
	t.Parallel()
	x := newHouse(t, roster.Limits{})
	romeo, juliet := x.ready(t, "romeo", "a"), x.ready(t, "juliet", "a")
	romeo.say(t, `<presence type='subscribe' to='juliet@example.org'/>`)
	juliet.take()
	x.store.away.Store(true)
	for _, s := range []string{
		`<presence type='subscribed' to='romeo@example.org'/>`,
		`<presence type='unsubscribed' to='romeo@example.org'/>`,
		`<presence type='subscribe' to='nurse@example.org'/>`,
		`<presence type='subscribed' to='nurse@example.org'/>`,
		`<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='nurse@example.org'/></query></iq>`,
	} {
		if got := condition(juliet.say(t, s)); got != "resource-constraint" {
			t.Errorf("%s: %s", s, got)
		}
	}
	if got := condition(romeo.say(t, `<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='juliet@example.org' subscription='remove'/></query></iq>`)); got != "resource-constraint" {
		t.Errorf("remove: %s", got)
	}
	x.store.away.Store(false)
	if got := juliet.say(t, `<iq type='get' id='2'><query xmlns='jabber:iq:roster'/></iq>`); len(got) != 1 || strings.Contains(got[0].Inner, "item") {
		t.Errorf("juliet's roster: %v", got)
	}
	if got := romeo.take(); len(got) != 0 {
		t.Errorf("romeo got %v", got)
	}
	if sees, err := x.Sees(t.Context(), at("romeo"), at("juliet")); sees || err != nil {
		t.Errorf("sees %v, %v", sees, err)
	}
	juliet.say(t, `<presence type='subscribed' to='romeo@example.org'/>`)
	if got := romeo.take(); len(got) != 3 { // the stanza, the push, the presence
		t.Errorf("afterwards romeo got %v", got)
	}
}

// Whatever happens at once, each client is pushed versions that rise, and what it has been told adds up to the roster.
func TestPushesInOrder(t *testing.T) {
	t.Parallel()
	x := newHouse(t, roster.Limits{})
	var clients []*client
	for _, n := range names {
		for _, r := range []string{"a", "b"} {
			clients = append(clients, x.ready(t, n, r))
		}
	}
	for _, c := range clients {
		c.take()
	}
	types := []string{"subscribe", "subscribed", "unsubscribe", "unsubscribed"}
	var all sync.WaitGroup
	kept := make([][]*xmpp.Stanza, len(clients))
	for i, c := range clients {
		all.Go(func() {
			for n := range 60 {
				to := names[(i/2+1+n%(len(names)-1))%len(names)] + "@example.org"
				s := `<presence type='` + types[(i*7+n*3+n/4)%4] + `' to='` + to + `'/>`
				switch n % 10 {
				case 4:
					s = `<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='` + to + `' name='n` + strconv.Itoa(n) + `'/></query></iq>`
				case 9:
					s = `<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='` + to + `' subscription='remove'/></query></iq>`
				}
				kept[i] = append(kept[i], c.say(t, s)...)
			}
		})
	}
	all.Wait()
	for i, c := range clients {
		told, last := map[string]string{}, int64(0)
		for _, st := range append(kept[i], c.take()...) {
			if st.Kind != xmpp.IQ || st.Type != xmpp.TypeSet {
				continue
			}
			v, its := items(st)
			ver, err := strconv.ParseInt(v, 10, 64)
			if err != nil || ver <= last || len(its) != 1 {
				t.Fatalf("%s: after version %d came %s", c.JID, last, st)
			}
			last = ver
			for j, what := range its {
				if told[j] = what; what == "remove" {
					delete(told, j)
				}
			}
		}
		_, has := items(c.say(t, `<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>`)[0])
		if fmt.Sprint(has) != fmt.Sprint(told) {
			t.Errorf("%s has %v and was told %v", c.JID, has, told)
		}
		checkBothSides(t, x, c.JID.Bare())
	}
}

// checkBothSides compares what an account's roster says with what its contacts' say, and memory with the store.
func checkBothSides(t *testing.T, x *house, owner xmpp.JID) {
	t.Helper()
	its, _, err := x.store.Roster(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range its {
		other, err := x.store.Item(t.Context(), it.JID, owner)
		if err != nil {
			t.Fatal(err)
		}
		if (it.Subscription&roster.To != 0) != (other.Subscription&roster.From != 0) || (it.Subscription&roster.From != 0) != (other.Subscription&roster.To != 0) {
			t.Errorf("%s has %s as %v, and is had as %v", owner, it.JID, it.Subscription, other.Subscription)
		}
		sees, err := x.Sees(t.Context(), it.JID, owner)
		if err != nil || sees != (it.Subscription&roster.From != 0) {
			t.Errorf("%s sees %s: %v, %v", it.JID, owner, sees, err)
		}
	}
}

// Who deletes an account leaves nobody subscribed to it.
func TestErased(t *testing.T) {
	t.Parallel()
	x := newHouse(t, roster.Limits{})
	romeo, juliet := x.ready(t, "romeo", "a"), x.ready(t, "juliet", "a")
	for _, c := range []struct {
		*client
		xml string
	}{
		{romeo, `<presence type='subscribe' to='juliet@example.org'/>`},
		{juliet, `<presence type='subscribed' to='romeo@example.org'/>`},
		{juliet, `<presence type='subscribe' to='romeo@example.org'/>`},
		{romeo, `<presence type='subscribed' to='juliet@example.org'/>`},
		{romeo, `<presence type='subscribe' to='nurse@example.org'/>`},
	} {
		c.say(t, c.xml)
	}
	romeo.Closed(t.Context())
	juliet.take()
	for _, fn := range x.Hooks().AccountErased {
		if err := fn(t.Context(), at("romeo")); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []string{"juliet", "nurse"} {
		if it, err := x.store.Item(t.Context(), at(n), at("romeo")); err != nil || it.Subscription != roster.None || it.In {
			t.Errorf("%s has %+v, %v", n, it, err)
		}
	}
	var seen []string
	for _, st := range juliet.take() {
		seen = append(seen, st.Kind.String()+" "+st.Type)
	}
	if want := []string{"presence unsubscribe", "iq set", "presence unsubscribed", "iq set"}; !slices.Equal(seen, want) {
		t.Errorf("juliet got %v", seen)
	}
}

// A session that outlives the process goes on getting pushes and presence.
func TestSavedAndRestored(t *testing.T) {
	t.Parallel()
	x := newHouse(t, roster.Limits{})
	old := x.ready(t, "romeo", "a")
	old.say(t, `<presence><show>dnd</show><priority>3</priority></presence>`)
	old.say(t, `<presence to='paris@example.org'/>`)
	state := old.Save()
	back := x.login(t, "romeo", "b")
	back.Restore(state)
	if p := back.Presence(); p == nil || back.Priority() != 3 || p.From != back.JID || !strings.Contains(p.Inner, "dnd") {
		t.Errorf("presence: %v, %d", p, back.Priority())
	}
	got := back.say(t, `<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='nurse@example.org'/></query></iq>`)
	if len(got) != 2 {
		t.Errorf("no push: %v", got)
	}
	old.Closed(t.Context())
	paris := x.ready(t, "paris", "a")
	back.Closed(t.Context())
	if got := paris.take(); len(got) != 1 || got[0].Type != xmpp.TypeUnavailable || got[0].From != back.JID {
		t.Errorf("paris got %v", got)
	}
	if empty := x.login(t, "nurse", "a").Save(); len(empty) != 0 {
		t.Errorf("a new session has %v to save", empty)
	}
}

// elsewhere stands for another server.
type elsewhere struct {
	mu  sync.Mutex
	got []*xmpp.Stanza
	err error
}

func (*elsewhere) Info() server.Info { return server.Info{Name: "elsewhere"} }
func (e *elsewhere) Register(h *server.Host) {
	h.HandleDomain("example.net", func(_ context.Context, p *server.Passage) error {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.got = append(e.got, p.Stanza)
		return e.err
	})
}

func (e *elsewhere) take() (out []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, st := range e.got {
		out = append(out, fmt.Sprintf("%s %s>%s", st.Type, st.From, st.To))
	}
	e.got = nil
	return out
}

// A contact on another server: probes and presence go out, both halves of the dance pass, and errors don't come back as floods.
func TestElsewhere(t *testing.T) {
	t.Parallel()
	e := &elsewhere{}
	x := newHouse(t, roster.Limits{}, e)
	romeo := x.ready(t, "romeo", "a")
	far := xmpp.MustParseJID("juliet@example.net")
	arrive := func(typ string) {
		x.Route(t.Context(), &xmpp.Stanza{Kind: xmpp.Presence, Type: typ, ID: "x", From: far, To: at("romeo")})
	}
	expect := func(what string, want ...string) {
		t.Helper()
		if got := e.take(); !slices.Equal(got, want) {
			t.Errorf("%s: sent out %q, want %q", what, got, want)
		}
	}
	romeo.say(t, `<presence type='subscribe' to='juliet@example.net/balcony'/>`)
	expect("ask", "subscribe romeo@example.org>juliet@example.net")
	romeo.say(t, `<presence type='unavailable'/>`)
	romeo.say(t, `<presence/>`)
	expect("§3.1.2", "subscribe romeo@example.org>juliet@example.net")
	romeo.say(t, `<presence><show>away</show></presence>`)
	expect("once a login")
	arrive("subscribed")
	arrive("subscribe")
	romeo.say(t, `<presence type='subscribed' to='juliet@example.net'/>`)
	expect("approve", "subscribed romeo@example.org>juliet@example.net", " romeo@example.org/a>juliet@example.net")
	arrive("subscribe")
	expect("who is subscribed already", "subscribed romeo@example.org>juliet@example.net", " romeo@example.org/a>juliet@example.net")
	x.Route(t.Context(), &xmpp.Stanza{Kind: xmpp.Presence, Type: "unsubscribe", From: far, To: xmpp.MustParseJID("romeo@example.org/gone")})
	expect("§8.5.3.2.2")

	e.err = errors.New("test: no route")
	romeo.take()
	b := x.login(t, "romeo", "b")
	if got := b.say(t, `<presence/>`); len(got) != 2 {
		t.Errorf("b got %v", got)
	}
	expect("login", " romeo@example.org/b>juliet@example.net", "probe romeo@example.org>juliet@example.net")
	e.err = nil
	arrive("unsubscribe")
	expect("she goes", "unavailable romeo@example.org/a>juliet@example.net", "unavailable romeo@example.org/b>juliet@example.net",
		"unsubscribed romeo@example.org>juliet@example.net")
	romeo.say(t, `<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='juliet@example.net' subscription='remove'/></query></iq>`)
	expect("removed", "unsubscribe romeo@example.org>juliet@example.net")
	arrive("subscribe")
	x.Route(t.Context(), &xmpp.Stanza{Kind: xmpp.Presence, Type: "probe", From: far, To: at("romeo")})
	expect("a stranger's probe")
}
