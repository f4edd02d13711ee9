package roster_test

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"palabre/account"
	"palabre/roster"
	"palabre/server"
	"palabre/server/servertest"
	"palabre/store"
	"palabre/stream"
	"palabre/xmpp"
)

// quiet shows nobody.
type quiet struct{}

func (quiet) Appear(context.Context, *server.Account, iter.Seq[xmpp.JID]) {}
func (quiet) Vanish(context.Context, *server.Account, iter.Seq[xmpp.JID]) {}

// shareOf makes a group of these people.
func shareOf(name string, who ...string) roster.SharedGroup {
	g := roster.SharedGroup{Name: name}
	for _, w := range who {
		g.Members = append(g.Members, roster.SharedContact{JID: at(w), Name: "The " + w})
	}
	return g
}

// A mirror is the roster as a client has it by what it was sent.
type mirror struct {
	ver   string
	items map[string]string
}

func (m *mirror) follow(sts []*xmpp.Stanza) {
	for _, st := range sts {
		q, ok := st.Child(ns, "query")
		if !ok || st.Kind != xmpp.IQ {
			continue
		}
		if st.Type == xmpp.TypeResult {
			m.items = map[string]string{}
		}
		m.ver = q.Attr("ver")
		for _, it := range q.Elements() {
			m.items[it.Attr("jid")] = it.String()
			if it.Attr("subscription") == "remove" {
				delete(m.items, it.Attr("jid"))
			}
		}
	}
}

// Whatever happens at once, a client that has followed what it was sent has the roster.
func TestSharedConverges(t *testing.T) {
	t.Parallel()
	x := newHouse(t, roster.Limits{})
	var devices []*device
	for i, name := range slices.Concat(names, names) {
		d := &device{client: x.login(t, name, fmt.Sprint(i)), name: name, random: rand.New(rand.NewPCG(1, uint64(i)))}
		d.follow(d.say(t, `<iq type='get' id='0'><query xmlns='jabber:iq:roster'/></iq>`))
		devices = append(devices, d)
	}
	var crowd []string // so that it takes its time
	for i := range 300 {
		crowd = append(crowd, fmt.Sprintf("extra%d", i))
	}
	random := rand.New(rand.NewPCG(2, 2))
	for range 25 {
		var running sync.WaitGroup
		for _, d := range devices {
			running.Go(func() {
				for range 5 {
					d.follow(d.say(t, operation(d.random, d.name)))
				}
			})
		}
		for range 5 {
			staff := append(some(random), crowd[:random.IntN(len(crowd))]...)
			x.roster.Share(t.Context(), "example.org", []roster.SharedGroup{shareOf("Staff", staff...), shareOf("Board", some(random)...)}, quiet{})
		}
		running.Wait()
		for _, d := range devices {
			d.check(t)
		}
	}
}

// A device follows what it is sent.
type device struct {
	*client
	mirror
	name   string
	random *rand.Rand
}

// check compares what a device has with the roster.
func (d *device) check(t *testing.T) {
	t.Helper()
	d.follow(d.take())
	fresh := &mirror{}
	fresh.follow(d.say(t, `<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>`))
	if !maps.Equal(d.items, fresh.items) {
		t.Fatalf("%s has\n%s %v\nand the roster is\n%s %v", d.name, d.ver, d.items, fresh.ver, fresh.items)
	}
}

// some are some people, perhaps nobody.
func some(random *rand.Rand) (out []string) {
	for _, n := range names {
		if random.IntN(2) == 0 {
			out = append(out, n)
		}
	}
	return out
}

// operation is something that a client does to its roster.
func operation(random *rand.Rand, own string) string {
	contact := names[random.IntN(len(names))]
	for contact == own {
		contact = names[random.IntN(len(names))]
	}
	switch random.IntN(6) {
	case 0:
		return `<iq type='get' id='g'><query xmlns='jabber:iq:roster'/></iq>`
	case 1:
		return fmt.Sprintf(`<iq type='set' id='r'><query xmlns='jabber:iq:roster'><item jid='%s' subscription='remove'/></query></iq>`, at(contact))
	case 2:
		return fmt.Sprintf(`<presence type='%s' to='%s'/>`, []string{"subscribe", "subscribed", "unsubscribe", "unsubscribed"}[random.IntN(4)], at(contact))
	case 3:
		return fmt.Sprintf(`<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='%s' name='The %s'><group>Staff</group></item></query></iq>`, at(contact), contact)
	}
	return fmt.Sprintf(`<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='%s' name='n%d'><group>Friends</group></item></query></iq>`, at(contact), random.IntN(5))
}

// A client that has lost its connection between the pushes of one change gets the whole roster: no push but the last has the roster's version (RFC 6121 §2.6.3).
func TestSharedInParts(t *testing.T) {
	t.Parallel()
	x := newHouse(t, roster.Limits{})
	romeo := x.login(t, "romeo", "a")
	romeo.say(t, `<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>`)
	x.roster.Share(t.Context(), "example.org", []roster.SharedGroup{shareOf("Staff", "juliet", "nurse", "paris")}, quiet{})
	pushes := romeo.take()
	if len(pushes) != 3 {
		t.Fatalf("%d pushes", len(pushes))
	}
	for i, p := range pushes {
		ver, _ := items(p)
		answer := romeo.say(t, fmt.Sprintf(`<iq type='get' id='2'><query xmlns='jabber:iq:roster' ver='%s'/></iq>`, ver))
		if whole := len(answer[0].Children) > 0; whole != (i < 2) {
			t.Errorf("after push %d of 3 the whole roster comes: %v", i+1, whole)
		}
	}
}

// A domain that shares nothing any more, or never did, is as ever; so are other domains' people.
func TestSharedEnds(t *testing.T) {
	t.Parallel()
	x := newHouse(t, roster.Limits{})
	romeo, ctx := x.login(t, "romeo", "a"), t.Context()
	ver, before := items(romeo.say(t, `<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>`)[0])
	x.roster.Share(ctx, "example.org", []roster.SharedGroup{shareOf("Staff", "juliet")}, quiet{})
	if _, got := items(romeo.take()[0]); got["juliet@example.org"] != "to  The juliet" {
		t.Errorf("the push is %v", got)
	}
	for _, c := range []struct {
		watcher, owner string
		sees           bool
	}{
		{"romeo@example.org", "juliet@example.org", true}, {"juliet@example.org", "romeo@example.org", false}, {"nurse@example.org", "juliet@example.org", true},
		{"romeo@example.net", "juliet@example.org", false}, {"example.org", "juliet@example.org", false}, {"juliet@example.org", "juliet@example.org", false},
	} {
		if sees, err := x.roster.Sees(ctx, xmpp.MustParseJID(c.watcher), xmpp.MustParseJID(c.owner)); sees != c.sees || err != nil {
			t.Errorf("%s sees %s: %v %v", c.watcher, c.owner, sees, err)
		}
	}
	x.roster.Share(ctx, "example.org", nil, quiet{})
	if _, got := items(romeo.take()[0]); got["juliet@example.org"] != "remove" {
		t.Errorf("the push is %v", got)
	}
	now, after := items(romeo.say(t, `<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>`)[0])
	if !maps.Equal(before, after) || now == ver {
		t.Errorf("%s %v", now, after)
	}
}

// BenchmarkShared is what a thousand members of a group cost, with as many people on-line: a roster that is asked for, one whose version is known, a member's presence
// to all, and one member who comes and goes.
func BenchmarkShared(b *testing.B) {
	st, err := store.Open(b.Context(), store.Options{DataDir: b.TempDir(), Fatal: func(err error) { b.Error(err) }})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = st.Close() })
	const people = 1000
	var accounts []account.Account
	var who []string
	for i := range people {
		who = append(who, fmt.Sprintf("person%d", i))
		accounts = append(accounts, account.Account{JID: at(who[i]), Created: time.Now()})
	}
	if _, err := st.CreateMany(b.Context(), accounts); err != nil {
		b.Fatal(err)
	}
	ros := roster.New(st, roster.Limits{})
	host, err := server.New(server.Options{Domains: []string{"example.org"}, Users: st, Store: st}, ros)
	if err != nil {
		b.Fatal(err)
	}
	all := []roster.SharedGroup{shareOf("Staff", who...)}
	ros.Share(b.Context(), "example.org", all, quiet{})
	var sessions []*server.Session
	for _, w := range who {
		s, err := host.Bind(b.Context(), at(w), "a", &servertest.Sink{})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { s.Closed(context.Background()) })
		sessions = append(sessions, s)
	}
	first := &client{}
	if first.Session, err = host.Bind(b.Context(), at(who[0]), "b", first); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { first.Closed(context.Background()) })
	ver, got := items(first.say(b, `<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>`)[0])
	if len(got) != people-1 {
		b.Fatal(len(got))
	}
	b.Run("get", func(b *testing.B) {
		for b.Loop() {
			first.say(b, `<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>`)
		}
	})
	b.Run("known", func(b *testing.B) {
		for b.Loop() {
			first.say(b, `<iq type='get' id='1'><query xmlns='jabber:iq:roster' ver='`+ver+`'/></iq>`)
		}
	})
	for _, s := range sessions {
		st, err := xmpp.ParseStanza(`<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>`)
		if err != nil {
			b.Fatal(err)
		}
		s.Receive(b.Context(), stream.Event{Kind: stream.Stanza, Stanza: st})
	}
	b.Run("subscribers", func(b *testing.B) {
		for b.Loop() {
			list, err := ros.Subscribers(b.Context(), sessions[0].Account)
			if err != nil {
				b.Fatal(err)
			}
			n := 0
			for range list {
				n++
			}
			if n != people-1 {
				b.Fatal(n)
			}
		}
	})
	b.Run("change", func(b *testing.B) {
		fewer := []roster.SharedGroup{shareOf("Staff", who[:people-1]...)}
		for i := 0; b.Loop(); i++ {
			ros.Share(b.Context(), "example.org", [][]roster.SharedGroup{fewer, all}[i%2], quiet{})
		}
	})
}
