package muc_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"palabre/daemon"
	"palabre/muc"
	"palabre/server"
	"palabre/server/servertest"
	"palabre/stream"
	"palabre/xmpp"
)

const (
	stormSessions = 14
	stormActs     = 120
	hall          = "hall@conference.example.org"    // whose judge is inside throughout
	parlour       = "parlour@conference.example.org" // the same, for members
	phoenix       = "phoenix@conference.example.org" // is destroyed and made again
)

var stormRooms = []string{hall, parlour, phoenix}

// A leaky store fails now and then, and says so in its turn.
type leaky struct {
	server.Committer
	one  atomic.Int64 // in how many commits; 0: none
	n    atomic.Int64
	hold atomic.Bool // the next commit: it fails when the one after it comes
	held func(error)

	caught chan struct{} // is told when it is held; nil: nobody
}

func (l *leaky) Commit(writes []server.Write, done func(error)) {
	if l.hold.CompareAndSwap(true, false) {
		l.held = done
		if l.caught != nil {
			close(l.caught)
		}
		return
	}
	if l.held != nil {
		first := l.held
		l.held = nil
		l.Committer.Commit(nil, func(err error) { first(cmp.Or(err, server.ErrAway)) })
	}
	of, n := l.one.Load(), l.n.Add(1)
	if of == 0 || n*2654435761%of != 0 {
		l.Committer.Commit(writes, done)
		return
	}
	l.Committer.Commit(nil, func(err error) { done(cmp.Or(err, server.ErrAway)) })
}

// A belief is what a session knows of a room, from what it has been sent.
type belief struct {
	entering, inside bool
	nick             string
	who              map[string]string // what the others are, by nick
	stays            [][]string        // what was said, in each stay
	trail            []string          // of their own presence
}

// A soul is a session in the storm.
type soul struct {
	name    string // of the account
	full    string
	session *server.Session
	ear     *ear
	random  *rand.Rand

	mu     sync.Mutex
	rooms  map[string]*belief
	faults []string
}

// An ear is the connection of a soul; it takes nothing after its session has ended.
type ear struct {
	soul *soul
	deaf atomic.Bool
}

func (*ear) Close(*stream.Error) {}
func (*ear) Flush()              {}
func (*ear) Drop()               {}
func (*ear) Remote() netip.Addr  { return netip.Addr{} }

func (e *ear) Send(p stream.Packet) bool {
	st, err := xmpp.ParseStanza(string(p.AppendTo(nil)))
	if err != nil || e.deaf.Load() {
		return true
	}
	e.soul.mu.Lock()
	defer e.soul.mu.Unlock()
	if b := e.soul.rooms[st.From.Bare().String()]; b != nil {
		if fault := b.hear(st); fault != "" {
			e.soul.faults = append(e.soul.faults, fmt.Sprintf("%s %s: %s\nafter %s", e.soul.full, fault, st, strings.Join(b.trail[max(0, len(b.trail)-12):], "\n")))
		}
	}
	return true
}

func (b *belief) hear(st *xmpp.Stanza) (fault string) {
	if st.Kind == xmpp.Presence && (st.Type == xmpp.TypeError || strings.Contains(st.Inner, "'110'")) {
		b.trail = append(b.trail, st.String())
	}
	switch {
	case st.Kind == xmpp.Presence && st.Type == "":
		return b.sees(st)
	case st.Kind == xmpp.Presence && st.Type == xmpp.TypeUnavailable:
		return b.misses(st)
	case st.Kind == xmpp.Message && st.Type == xmpp.TypeGroupchat && st.Has(xmpp.NSClient, "body") && !st.Has("urn:xmpp:delay", "delay"):
		if !b.inside {
			return "hears from outside"
		}
		last := len(b.stays) - 1
		b.stays[last] = append(b.stays[last], st.ID)
	}
	return ""
}

// toldOf is what a presence says of an occupant, and its codes.
func toldOf(st *xmpp.Stanza) (item xmpp.Element, codes string) {
	x, _ := st.Child("http://jabber.org/protocol/muc#user", "x")
	return codesOf(xmpp.New(xmpp.NSClient, "presence", x))
}

func (b *belief) sees(st *xmpp.Stanza) (fault string) {
	item, codes := toldOf(st)
	if !b.entering && !b.inside {
		return "is told from outside"
	}
	nick := st.From.Resource()
	b.who[nick] = item.Attr("affiliation") + " " + item.Attr("role")
	if strings.Contains(codes, "110") {
		if !b.inside {
			b.stays = append(b.stays, nil)
		} else if b.nick != nick {
			return "is somebody else, who was " + b.nick
		}
		b.inside, b.nick = true, nick
	}
	return ""
}

func (b *belief) misses(st *xmpp.Stanza) (fault string) {
	item, codes := toldOf(st)
	switch own := strings.Contains(codes, "110"); {
	case own && strings.Contains(codes, "333") && !b.inside: // it did not know
	case !b.entering && !b.inside:
		return "is told from outside"
	case own && strings.Contains(codes, "303"):
		b.nick = item.Attr("nick")
	case own:
		b.inside = false
		clear(b.who)
	}
	delete(b.who, st.From.Resource())
	return ""
}

func (s *soul) begin(t testing.TB, srv *servertest.Server) {
	s.mu.Lock()
	for room, b := range s.rooms {
		s.rooms[room] = &belief{who: map[string]string{}, stays: b.stays, trail: append(b.trail, "a new session")}
	}
	s.mu.Unlock()
	jid, e := xmpp.MustParseJID(s.full), &ear{soul: s}
	x, err := srv.Host.Bind(context.Background(), jid.Bare(), jid.Resource(), e)
	if err != nil {
		t.Error(err)
		return
	}
	s.session, s.ear = x, e
}

func (s *soul) end() {
	s.session.Closed(context.Background())
	s.ear.deaf.Store(true) // what was ordered before it was put out may be told still
	s.session.Parted(context.Background(), nil)
}

func (s *soul) believes(room string) belief {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := *s.rooms[room]
	b.who, b.stays = nil, nil
	return b
}

func (s *soul) enter(t testing.TB, room, nick string) {
	entering := func(is bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.rooms[room].entering = is
		s.rooms[room].trail = append(s.rooms[room].trail, fmt.Sprint("entering as ", nick, " ", is))
	}
	entering(true)
	say(t, s.session, fmt.Sprintf("<presence to='%s/%s'><x xmlns='http://jabber.org/protocol/muc'/></presence>", room, nick))
	entering(false)
}

func (s *soul) leave(t testing.TB, room string) {
	say(t, s.session, fmt.Sprintf("<presence type='unavailable' to='%s/x'/>", room))
}

func (s *soul) asks(t testing.TB, room, space, inside string) {
	say(t, s.session, fmt.Sprintf("<iq type='set' id='q' to='%s'><query xmlns='%s'>%s</query></iq>", room, space, inside))
}

func (s *soul) configures(t testing.TB, room, field, value string) {
	s.asks(t, room, "http://jabber.org/protocol/muc#owner", fmt.Sprintf("<x xmlns='jabber:x:data' type='submit'><field var='%s'><value>%s</value></field></x>", field, value))
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// act does something in a room, whether or not that makes sense.
func (s *soul) act(t testing.TB, srv *servertest.Server, n int) {
	r := s.random
	room, judge := pick(r, stormRooms...), strings.HasPrefix(s.full, "judge")
	nick := fmt.Sprint("n", r.IntN(stormSessions))
	account := fmt.Sprintf("u%d@example.org", r.IntN(stormSessions/2))
	const admin = "http://jabber.org/protocol/muc#admin"
	switch k := r.IntN(20); {
	case k < 5:
		if !judge || room == phoenix {
			s.enter(t, room, nick)
		}
	case k == 5:
		if !judge || room == phoenix {
			s.leave(t, room)
		}
	case k == 6: // another nick, or lunch
		if b := s.believes(room); b.inside && !judge {
			say(t, s.session, fmt.Sprintf("<presence to='%s/%s'><show>away</show></presence>", room, pick(r, b.nick, nick)))
		}
	case k < 11:
		say(t, s.session, fmt.Sprintf("<message type='groupchat' to='%s' id='%s-%d'><body>x</body></message>", room, s.full, n))
	case k < 14:
		if nick != "n0" || room == phoenix {
			s.asks(t, room, admin, fmt.Sprintf("<item nick='%s' role='%s'/>", nick, pick(r, "none", "visitor", "participant", "moderator")))
		}
	case k < 16:
		s.asks(t, room, admin, fmt.Sprintf("<item jid='%s' affiliation='%s'/>", account, pick(r, "none", "member", "member", "admin", "outcast")))
	case k == 16:
		say(t, s.session, fmt.Sprintf("<message to='%s'><x xmlns='http://jabber.org/protocol/muc#user'><invite to='%s'/></x></message>", room, account))
	case k == 17:
		if !judge && r.IntN(3) == 0 {
			s.end()
			s.begin(t, srv)
		}
	case k == 18:
		field, value := pick(r, "muc#roomconfig_moderatedroom", "muc#roomconfig_membersonly", "muc#roomconfig_persistentroom"), pick(r, "0", "1")
		if judge && (room == phoenix || field != "muc#roomconfig_persistentroom") || room == phoenix {
			s.configures(t, room, field, value)
		}
	case room == phoenix:
		s.asks(t, room, "http://jabber.org/protocol/muc#owner", "<destroy/>")
	}
}

// Many sessions do what comes to their minds in few rooms, while the store fails now and then. Afterwards, what each of them believes from what it was sent is what the room knows;
// all have heard what was said in one order, without a gap, and nothing of it from outside; and the store knows what the room knows.
func TestStorm(t *testing.T) {
	t.Parallel()
	store := &leaky{}
	srv := servertest.StartWith(t, func(c *daemon.Config) {
		c.Limits.Off = true
		c.Tuning.Committer = func(next server.Committer) server.Committer { store.Committer = next; return store }
	})
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	newSoul := func(i int, name, resource string) *soul {
		s := &soul{name: name, full: name + "@example.org/" + resource, random: rand.New(rand.NewPCG(seed, uint64(i))), rooms: map[string]*belief{}}
		for _, room := range stormRooms {
			s.rooms[room] = &belief{}
		}
		srv.Account(t, xmpp.MustParseJID(name+"@example.org"))
		s.begin(t, srv)
		return s
	}
	judge := newSoul(-1, "judge", "x")
	for _, room := range []string{hall, parlour} {
		judge.enter(t, room, "n0")
		judge.configures(t, room, "muc#roomconfig_membersonly", map[bool]string{true: "1", false: "0"}[room == parlour])
		judge.configures(t, room, "muc#roomconfig_persistentroom", "1")
	}
	all := []*soul{judge}
	for i := range stormSessions { // two of each account
		all = append(all, newSoul(i, fmt.Sprint("u", i/2), fmt.Sprint("r", i%2)))
	}
	store.one.Store(9)
	var wg sync.WaitGroup
	for _, s := range all {
		wg.Go(func() {
			for n := range stormActs {
				s.act(t, srv, n)
			}
		})
	}
	wg.Wait()
	store.one.Store(0)
	calm(t, srv, judge)
	for _, s := range all {
		for _, fault := range s.faults {
			t.Error(fault)
		}
	}
	for _, room := range stormRooms {
		compare(t, srv, room, all)
	}
	for _, room := range []string{hall, parlour} {
		whole(t, room, judge, all)
	}
	for _, s := range all {
		s.end()
	}
	remembered(t, srv)
}

// calm waits until everything has been told.
func calm(t testing.TB, srv *servertest.Server, judge *soul) {
	for range 2 { // a room that is read anew may tell something
		for _, room := range stormRooms {
			_, _ = srv.Rooms.Details(t.Context(), xmpp.MustParseJID(room))
			b := judge.believes(room)
			judge.enter(t, room, "n0")
			if !b.inside {
				judge.leave(t, room)
			}
		}
	}
}

// compare holds what sessions believe against what the room knows.
func compare(t *testing.T, srv *servertest.Server, room string, all []*soul) {
	d, err := srv.Rooms.Details(t.Context(), xmpp.MustParseJID(room))
	if err != nil && room != phoenix {
		t.Fatal(err)
	}
	knows, seats := map[string]string{}, map[string]bool{}
	for _, o := range d.Occupants {
		knows[o.Nick] = o.Affiliation.String() + " " + o.Role.String()
	}
	for _, s := range all {
		b := s.rooms[room]
		if !b.inside {
			continue
		}
		seats[b.nick] = true
		if fmt.Sprint(b.who) != fmt.Sprint(knows) {
			t.Errorf("%s, %s as %s believes\n%v, and the room knows\n%v", room, s.full, b.nick, b.who, knows)
		}
	}
	for nick := range knows {
		if !seats[nick] {
			t.Errorf("%s: %s is a ghost", room, nick)
		}
	}
}

// whole looks whether what each has heard in one stay is a part without gaps of what the judge has.
func whole(t *testing.T, room string, judge *soul, all []*soul) {
	stays := judge.rooms[room].stays
	if len(stays) != 1 {
		t.Errorf("%s: the judge was inside %d times", room, len(stays))
		return
	}
	order, place := stays[0], map[string]int{}
	for i, id := range order {
		place[id] = i
	}
	heard := 0
	for _, s := range all {
		for _, stay := range s.rooms[room].stays {
			heard += len(stay)
			for i, id := range stay {
				if at, ok := place[id]; !ok || at != place[stay[0]]+i {
					t.Errorf("%s: %s hears %q, and the judge %q", room, s.full, stay, order)
					break
				}
			}
		}
	}
	t.Logf("%s: %d messages, heard %d times", room, len(order), heard)
}

// remembered compares what the rooms know with what they know when they have been read from the store.
func remembered(t *testing.T, srv *servertest.Server) {
	t.Helper()
	before := known(t, srv)
	srv.Restart(t)
	if after := known(t, srv); before != after {
		t.Errorf("before:\n%s\nread again:\n%s", before, after)
	}
}

func known(t *testing.T, srv *servertest.Server) string {
	var b strings.Builder
	for _, room := range []string{hall, parlour} {
		people, err := srv.Rooms.People(t.Context(), xmpp.MustParseJID(room))
		if err != nil {
			t.Fatal(err)
		}
		d, err := srv.Rooms.Details(t.Context(), xmpp.MustParseJID(room))
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(people, func(a, b muc.Person) int { return strings.Compare(a.Account.String(), b.Account.String()) })
		fmt.Fprintln(&b, room, d.Config, len(d.Occupants))
		for _, p := range people {
			fmt.Fprintln(&b, " ", p)
		}
	}
	return b.String()
}
