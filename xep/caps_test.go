package xep

import (
	"context"
	"net/netip"
	"slices"
	"testing"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// A capsClient is a client that names a hash and answers when it is asked for it.
type capsClient struct {
	t       *testing.T
	session *server.Session
	asked   []string // ids
}

func (c *capsClient) Send(p stream.Packet) bool {
	if p.Stanza.IsRequest() {
		c.asked = append(c.asked, p.Stanza.ID)
	}
	return true
}
func (*capsClient) Close(*stream.Error) {}
func (*capsClient) Remote() netip.Addr  { return netip.Addr{} }
func (*capsClient) Flush()              {}
func (*capsClient) Drop()               {}

func (c *capsClient) says(hash, ver string) {
	st := xmpp.NewStanza(xmpp.Presence, "", xmpp.New(nsCaps, "c").With("hash", hash).With("node", "urn:x").With("ver", ver))
	c.session.SetPresence(st, 0)
	c.session.Host().Announce(c.t.Context(), server.PresenceChange{Kind: server.PresenceUpdated, Account: c.session.JID.Bare(), Session: c.session})
}

func (c *capsClient) answers(i int, inner string) {
	st := xmpp.NewStanza(xmpp.IQ, xmpp.TypeResult, xmpp.New(server.NSDiscoInfo, "query", xmpp.Raw(inner)))
	st.ID, st.To = c.asked[i], c.session.JID.DomainJID()
	c.session.Receive(c.t.Context(), stream.Event{Kind: stream.Stanza, Stanza: st})
}

type anyone struct{}

func (anyone) Exists(context.Context, xmpp.JID) (bool, error) { return true, nil }

// capsHost makes a kernel with this one module, and a way to log in.
func capsHost(t *testing.T, changes *int) (*Caps, func(user string) *capsClient) {
	t.Helper()
	caps := &Caps{}
	h, err := server.New(server.Options{Domains: []string{"example.org"}, Users: anyone{}}, caps)
	if err != nil {
		t.Fatal(err)
	}
	h.Hooks().PresenceChanged = append(h.Hooks().PresenceChanged, func(_ context.Context, c server.PresenceChange) {
		if c.Kind == server.CapsChanged {
			*changes++
		}
	})
	return caps, func(user string) *capsClient {
		c := &capsClient{t: t}
		if c.session, err = h.Bind(t.Context(), xmpp.MustParseJID(user), "r", c); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.session.Closed(context.Background()) })
		return c
	}
}

const exodusVer = "QgayPKawpkPSDYmwT/WM94uAlu0="

func TestCapsAreLearntPerSession(t *testing.T) {
	t.Parallel()
	var changes int
	caps, login := capsHost(t, &changes)
	mallory, romeo, juliet := login("mallory@example.org"), login("romeo@example.org"), login("juliet@example.org")
	for _, c := range []*capsClient{mallory, romeo} {
		c.says("sha-1", exodusVer)
	}
	mallory.answers(0, `<feature var='urn:b+notify'/><feature var='urn:a'/>`)
	if got := caps.Features(mallory.session); !slices.Equal(got, []string{"urn:a", "urn:b+notify"}) {
		t.Errorf("a session that lies about its hash is believed about itself: %q", got)
	}
	if caps.Features(romeo.session) != nil {
		t.Error("and about nobody else")
	}
	romeo.answers(0, exodus)
	juliet.says("sha-1", exodusVer)
	if len(juliet.asked) != 0 || !caps.Can(juliet.session, "http://jabber.org/protocol/muc") || caps.Can(juliet.session, "urn:a") {
		t.Errorf("juliet was asked %d times and can %q", len(juliet.asked), caps.Features(juliet.session))
	}
	if changes != 3 {
		t.Errorf("%d changes were told", changes)
	}
}

func TestCapsOfNow(t *testing.T) {
	t.Parallel()
	var changes int
	caps, login := capsHost(t, &changes)
	c := login("romeo@example.org")
	c.says("sha-1", "one")
	c.says("sha-1", exodusVer)
	c.answers(0, `<feature var='urn:old'/>`)
	if got := caps.Features(c.session); got != nil {
		t.Errorf("an answer to an earlier question counts: %q", got)
	}
	c.answers(1, exodus)
	c.says("sha-1", "three")
	long := make([]byte, mostFeatures+1)
	for i := range long {
		long[i] = 'x'
	}
	c.answers(2, `<feature var='`+string(long)+`'/>`)
	if got := caps.Features(c.session); got != nil {
		t.Errorf("too much is kept: %d", len(got))
	}
	if changes != 2 {
		t.Errorf("%d changes were told", changes)
	}
}

func TestCapsSurviveARestart(t *testing.T) {
	t.Parallel()
	var changes int
	_, login := capsHost(t, &changes)
	a := login("romeo@example.org")
	a.says("sha-1", exodusVer)
	a.answers(0, exodus)

	caps, login := capsHost(t, &changes)
	b := login("romeo@example.org")
	b.session.Restore(a.session.Save())
	if !caps.Can(b.session, "http://jabber.org/protocol/muc") {
		t.Errorf("restored: %q", caps.Features(b.session))
	}
	b.says("sha-1", exodusVer)
	if len(b.asked) != 0 {
		t.Error("it is asked again")
	}
}

func TestCapsCacheIsBounded(t *testing.T) {
	t.Parallel()
	var c capsCache
	c.put("kept", nil)
	for i := range 10 * mostCached {
		c.put(string(rune(i)), nil)
		if _, ok := c.get("kept"); !ok {
			t.Fatalf("what is asked for all the time is forgotten after %d", i)
		}
	}
	if n := len(c.young) + len(c.old); n > mostCached {
		t.Errorf("%d answers are kept", n)
	}
}
