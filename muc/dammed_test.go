package muc_test

import (
	"runtime"
	"strings"
	"sync"
	"testing"

	"palabre/daemon"
	"palabre/muc"
	"palabre/server"
	"palabre/server/servertest"
	"palabre/xmpp"
)

// A dam holds back what is to be written, as a database does that takes its time.
type dam struct {
	server.Committer
	mu   sync.Mutex
	shut bool
	held []func()
	came chan []server.Write // what is held back
}

func (d *dam) Commit(writes []server.Write, done func(error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.shut {
		d.Committer.Commit(writes, done)
		return
	}
	d.held = append(d.held, func() { d.Committer.Commit(writes, done) })
	d.came <- writes
}

func (d *dam) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut = true
}

func (d *dam) open() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, commit := range d.held {
		commit()
	}
	d.shut, d.held = false, nil
}

// holds waits until a kind of write is held back.
func holds[W server.Write](d *dam) {
	for writes := range d.came {
		for _, w := range writes {
			if _, ok := w.(W); ok {
				return
			}
		}
	}
}

// Who comes back before it is written that they have left for good reads what is said from then on.
func TestBackBeforeTheEndIsWritten(t *testing.T) {
	t.Parallel()
	d := &dam{came: make(chan []server.Write, 100)}
	s := servertest.StartWith(t, func(c *daemon.Config) {
		c.Tuning.Committer = func(next server.Committer) server.Committer { d.Committer = next; return d }
	})
	k := newTalk(t, s, "host", "juliet")
	k.come(k.guest)
	k.until("the subject", hasSubject)
	juliet := newGuest(t, s, "juliet", false)
	k.come(juliet)
	juliet.until("the subject", hasSubject)
	juliet.send("<presence type='unavailable' to='%s/juliet'/>", k.room)
	juliet.until("the end", func(e xmpp.Element) bool { return e.Attr("type") == "unavailable" })
	d.close()
	juliet.send("<iq type='set' id='bye' to='%s'><query xmlns='jabber:iq:register'><remove/></query></iq>", k.room)
	holds[*muc.Finish](d)
	k.send("<message to='%s'><x xmlns='http://jabber.org/protocol/muc#user'><invite to='juliet@%s'/></x></message>", k.room, servertest.Domain)
	holds[*muc.Affiliate](d)
	c, err := s.Login(t, xmpp.MustParseJID("juliet@"+servertest.Domain), "garden")
	if err != nil {
		t.Fatal(err)
	}
	garden := &guest{Client: c, t: t, name: "juliet"}
	k.come(garden)
	for s.Rooms.Occupants(xmpp.MustParseJID(k.room)) < 2 {
		runtime.Gosched()
	}
	d.open()
	garden.send("<message to='%s' type='groupchat' id='m'><body>I am back</body></message>", k.room)
	garden.until("what was said", is("m"))
	garden.send("<iq type='set' id='mam' to='%s'><query xmlns='urn:xmpp:mam:2'/></iq>", k.room)
	found := false
	garden.until("the archive", func(e xmpp.Element) bool {
		found = found || strings.Contains(e.String(), "I am back")
		return isResult("mam")(e)
	})
	if !found {
		t.Error("the archive does not show it")
	}
}
