package account_test

import (
	"net/netip"
	"testing"

	"palabre/server/servertest"
	"palabre/stream"
	"palabre/xmpp"
)

func TestTranscripts(t *testing.T) { servertest.Run(t, "testdata") }

// XEP-0077 §3.3: from the answer on, the new password counts, and the old one does not.
func TestPasswordChange(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	servertest.Play(t, s, "change", `
romeo.laptop -> <iq type='set' id='p' to='example.org'><query xmlns='jabber:iq:register'><username>romeo</username><password>d'être &amp; ö</password></query></iq>
romeo.laptop <~ <iq type='result' id='p'/>
`)
	for password, want := range map[string]string{"d'être & ö": "", servertest.Password: "not-authorized"} {
		if _, err := plainLogin(t.Context(), s.Accounts, newPeer(s.Accounts), "\x00romeo\x00"+password); condition(t, err) != want {
			t.Errorf("%s: %v, want %q", password, err, want)
		}
	}
}

// Disabling an account ends its sessions.
func TestDisableEndsSessions(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	romeo := xmpp.MustParseJID("romeo@example.org")
	if _, err := s.Login(t, romeo, "orchard"); err != nil {
		t.Fatal(err)
	}
	must(t, s.Accounts.Disable(t.Context(), romeo))
	if a := s.Host.Online(romeo); a != nil {
		t.Errorf("%d sessions are left", len(a.Sessions()))
	}
	if _, err := s.Login(t, romeo, "orchard"); err == nil {
		t.Error("a disabled account logs in")
	}
	must(t, s.Accounts.Enable(t.Context(), romeo))
	if _, err := s.Login(t, romeo, "orchard"); err != nil {
		t.Error(err)
	}
}

// Who logged in before the account was disabled or deleted can't open a session after.
func TestLateBind(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	romeo := xmpp.MustParseJID("romeo@example.org")
	s.Account(t, romeo)
	bind := func() *conn {
		c := &conn{}
		session, err := s.Host.Bind(t.Context(), romeo, "", c)
		must(t, err)
		session.Closed(t.Context())
		return c
	}
	if c := bind(); c.end != nil {
		t.Errorf("a sound account is refused: %v", c.end)
	}
	must(t, s.Accounts.Disable(t.Context(), romeo))
	if c := bind(); c.end == nil || c.end.Condition != stream.NotAuthorized {
		t.Errorf("disabled: %v", c.end)
	}
	must(t, s.Accounts.Delete(t.Context(), romeo))
	if c := bind(); c.end == nil || c.end.Condition != stream.NotAuthorized {
		t.Errorf("deleted: %v", c.end)
	}
}

// A conn is a stream that remembers how it was ended.
type conn struct{ end *stream.Error }

func (c *conn) Send(stream.Packet) bool { return true }
func (c *conn) Close(e *stream.Error)   { c.end = e }
func (c *conn) Remote() netip.Addr      { return netip.Addr{} }
func (*conn) Flush()                    {}
func (*conn) Drop()                     {}
