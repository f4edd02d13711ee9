package muc_test

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"palabre/daemon"
	"palabre/server"
	"palabre/server/servertest"
	"palabre/stream"
	"palabre/xmpp"
)

// A deaf client takes whatever it is sent, and keeps nothing but the count.
type deaf struct{ got atomic.Int64 }

func (d *deaf) Send(stream.Packet) bool { d.got.Add(1); return true }
func (*deaf) Close(*stream.Error)       {}
func (*deaf) Flush()                    {}
func (*deaf) Drop()                     {}
func (*deaf) Remote() netip.Addr        { return netip.Addr{} }

const (
	grown = `<iq type='set' id='c' to='%s'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'>
<field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field><field var='muc#roomconfig_membersonly'><value>0</value></field></x></query></iq>`
	arriving = `<presence to='%s/%s'><show>away</show><status>gone fishing</status><priority>5</priority>
<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://gajim.org' ver='lVUWhnmsjqNLzXoPbBeDKsYLiHQ='/>
<x xmlns='vcard-temp:x:update'><photo>da39a3ee5e6b4b0d3255bfef95601890afd80709</photo></x><x xmlns='http://jabber.org/protocol/muc'/></presence>`
)

// say gives a stanza to the server in a session's name.
func say(t testing.TB, s *server.Session, xml string) {
	t.Helper()
	st, err := xmpp.ParseStanza(xml)
	if err != nil {
		t.Fatal(err)
	}
	st.To = xmpp.MustParseJID(strings.Clone(st.To.String())) // as a stream's reader has it: with memory of its own
	s.Receive(context.Background(), stream.Event{Kind: stream.Stanza, Stanza: st})
}

func deafSession(t testing.TB, s *servertest.Server, full string) (*server.Session, *deaf) {
	t.Helper()
	jid, d := xmpp.MustParseJID(full), &deaf{}
	x, err := s.Host.Bind(context.Background(), jid.Bare(), jid.Resource(), d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		x.Closed(context.Background())
		x.Parted(context.Background(), nil)
	})
	return x, d
}

// made makes an open room, and gives its owner, who is inside.
func made(t testing.TB, s *servertest.Server, room string) (*server.Session, *deaf) {
	t.Helper()
	owner, d := deafSession(t, s, "owner-"+strings.SplitN(room, "@", 2)[0]+"@example.org/x")
	say(t, owner, fmt.Sprintf(arriving, room, "owner"))
	say(t, owner, fmt.Sprintf(grown, room))
	return owner, d
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// An occupant takes less than a KiB beside the session, a room that is awake and empty less than 4 KiB, and one that is asleep nothing.
func TestMemory(t *testing.T) {
	const crowd, rooms = 1000, 300
	s := servertest.Start(t)
	const room = "crowd@conference.example.org"
	_, hears := made(t, s, room)
	all := make([]*server.Session, crowd)
	for i := range all {
		all[i], _ = deafSession(t, s, fmt.Sprintf("u%d@example.org/x", i))
		say(t, all[i], fmt.Sprintf(arriving, "lobby"+fmt.Sprint(i)+"@conference.example.org", "nobody")) // whatever a session holds anyway
		say(t, all[i], fmt.Sprintf("<presence type='unavailable' to='lobby%d@conference.example.org/nobody'/>", i))
	}
	before, heard := heap(), hears.got.Load()
	for i, x := range all {
		say(t, x, fmt.Sprintf(arriving, room, fmt.Sprint("nick of ", i)))
	}
	each := (heap() - before) / crowd
	if n := hears.got.Load() - heard; n != crowd {
		t.Fatalf("%d of %d are inside", n, crowd)
	}
	t.Logf("an occupant: %d bytes", each)
	if each > 1024 {
		t.Errorf("an occupant takes %d bytes", each)
	}

	before = heap()
	owners := make([]*server.Session, rooms)
	for i := range owners {
		owners[i], _ = deafSession(t, s, fmt.Sprintf("o%d@example.org/x", i))
	}
	sessions := (heap() - before) / rooms
	before = heap()
	for i, x := range owners {
		r := fmt.Sprintf("r%d@conference.example.org", i)
		say(t, x, fmt.Sprintf(arriving, r, "owner"))
		say(t, x, fmt.Sprintf(grown, r))
		say(t, x, fmt.Sprintf("<iq type='set' id='p' to='%s'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field><field var='muc#roomconfig_persistentroom'><value>1</value></field></x></query></iq>", r))
		say(t, x, fmt.Sprintf("<presence type='unavailable' to='%s/owner'/>", r))
	}
	empty := (heap() - before) / rooms
	t.Logf("a room that is awake and empty: %d bytes (and a session %d)", empty, sessions)
	if empty > 4096 {
		t.Errorf("an empty room takes %d bytes", empty)
	}
}

// A room that nobody needs is let go, and is the same when it is needed again.
func TestSleep(t *testing.T) {
	t.Parallel()
	const room = "r@conference.example.org"
	s := servertest.StartWith(t, func(c *daemon.Config) { c.Tuning.RoomIdle = time.Millisecond })
	owner, hears := made(t, s, room)
	say(t, owner, fmt.Sprintf("<iq type='set' id='p' to='%s'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field><field var='muc#roomconfig_persistentroom'><value>1</value></field></x></query></iq>", room))
	for range 3 {
		if s.Host.InUse(xmpp.MustParseJID(room)) == nil {
			t.Fatal("it sleeps with somebody inside")
		}
		say(t, owner, fmt.Sprintf("<presence type='unavailable' to='%s/owner'/>", room))
		for deadline := time.Now().Add(20 * time.Second); s.Host.InUse(xmpp.MustParseJID(room)) != nil; {
			if time.Now().After(deadline) {
				t.Fatal("it does not fall asleep")
			}
			runtime.Gosched()
		}
		before := hears.got.Load()
		say(t, owner, fmt.Sprintf(arriving, room, "owner"))
		if n := hears.got.Load() - before; n != 2 { // oneself, and the subject
			t.Errorf("%d stanzas for who comes in", n)
		}
	}
}
