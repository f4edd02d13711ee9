package account_test

import (
	"testing"

	"palabre/server/servertest"
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
