package muc_test

import (
	"slices"
	"sync/atomic"
	"testing"

	"palabre/daemon"
	"palabre/muc"
	"palabre/server"
	"palabre/server/servertest"
	"palabre/xmpp"
)

// A second hand writes with the next commit what the server's memory does not learn of, like an administrator while the server is down.
type secondHand struct {
	server.Committer
	writes atomic.Pointer[[]server.Write]
}

func (h *secondHand) Commit(writes []server.Write, done func(error)) {
	if more := h.writes.Swap(nil); more != nil {
		writes = slices.Concat(writes, *more)
	}
	h.Committer.Commit(writes, done)
}

// Whose membership was ended while the server was down is not inside when their session goes on, and is told so.
func TestPutOutMeanwhile(t *testing.T) {
	t.Parallel()
	store := &secondHand{}
	s := servertest.StartWith(t, func(c *daemon.Config) {
		c.Tuning.Committer = func(next server.Committer) server.Committer { store.Committer = next; return store }
	})
	host := login(t, s, "romeo")
	send(t, host, "<presence to='"+feast+"/Romeo'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
	configure(t, host, field("urn:palabre:room:preset", "group"))
	juliet := login(t, s, "juliet")
	send(t, host, "<message to='"+feast+"'><x xmlns='http://jabber.org/protocol/muc#user'><invite to='juliet@example.org'/></x></message>")
	if err := host.Fence(); err != nil {
		t.Fatal(err)
	}
	send(t, juliet, "<presence to='"+feast+"/Juliet'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
	until(t, juliet, func(e xmpp.Element) bool { _, ok := e.Child(xmpp.NSClient, "subject"); return ok })
	send(t, juliet, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
	id := until(t, juliet, func(e xmpp.Element) bool { return e.Is("urn:xmpp:sm:3", "enabled") }).Attr("id")

	room, account := xmpp.MustParseJID(feast), xmpp.MustParseJID("juliet@example.org")
	store.writes.Store(&[]server.Write{&muc.Affiliate{Room: room, Account: account, Affiliation: muc.None}, &muc.Finish{Room: room, Account: account}})
	send(t, host, "<message to='"+feast+"' type='groupchat' id='m'><body>the last</body></message>")
	until(t, host, isAbout("m"))
	s.Restart(t)
	if err := s.Reconnect(juliet); err != nil {
		t.Fatal(err)
	}
	send(t, juliet, "<resume xmlns='urn:xmpp:sm:3' h='0' previd='"+id+"'/>")
	e := until(t, juliet, func(e xmpp.Element) bool { return e.Attr("type") == "unavailable" && e.Attr("from") == feast+"/Juliet" })
	if _, codes := codesOf(e); codes != "110 333" {
		t.Errorf("juliet is told %q", codes)
	}
	send(t, juliet, "<message to='"+feast+"' type='groupchat' id='n'><body>still here</body></message>")
	if e := until(t, juliet, isAbout("n")); e.Attr("type") != "error" {
		t.Errorf("who is no member speaks: %s", e)
	}
}
