package directory_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"palabre/daemon"
	"palabre/directory"
	"palabre/server/servertest"
	"palabre/xmpp"
)

const notGranted = "Chat is not granted to this account. Ask the administrator of the server for it."

var anna = xmpp.MustParseJID("anna@example.org")

func chatIsGranted(c *daemon.Config) { c.Directory.Chat = "granted" }

func put(t testing.TB, s *servertest.Server, kind directory.Kind, id string, fields directory.Fields) {
	t.Helper()
	out, err := s.Directory.Import(t.Context(), servertest.Domain, []directory.Record{{ID: id, Kind: kind, Fields: fields}}, false)
	if err != nil || out[0].Err != nil {
		t.Fatal(err, out)
	}
}

func regroup(t testing.TB, s *servertest.Server, group string, c directory.MemberChange) {
	t.Helper()
	if _, _, err := s.Directory.Regroup(t.Context(), servertest.Domain, group, c); err != nil {
		t.Fatal(err)
	}
}

// refused checks that an account can't log in, and is told why.
func refused(t *testing.T, s *servertest.Server, who xmpp.JID) {
	t.Helper()
	c, err := s.Login(t, who, "pad")
	if err == nil {
		c.Drop()
		t.Fatalf("%s has logged in", who)
	}
	if !strings.Contains(err.Error(), "account-disabled") || !strings.Contains(err.Error(), notGranted) {
		t.Fatalf("%s: %v", who, err)
	}
}

// ended checks that the server has ended a stream, and has said why.
func ended(t *testing.T, c *client) {
	t.Helper()
	told := false
	for {
		e, err := c.Next()
		told = told || strings.Contains(e.String(), notGranted) && strings.Contains(e.String(), "not-authorized")
		if err == nil {
			continue
		}
		if !told && !strings.Contains(err.Error(), notGranted) || errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("it ended with %v", err)
		}
		return
	}
}

// Who may chat is what the directory says at any moment: of somebody, or of a group of theirs.
func TestGranted(t *testing.T) {
	t.Parallel()
	s := servertest.StartWith(t, chatIsGranted)
	refused(t, s, anna)
	put(t, s, directory.Person, "anna", directory.Fields{"name": "Anna", "account": "anna"})
	put(t, s, directory.Person, "bo", directory.Fields{"name": "Bo", "account": "bo"})
	put(t, s, directory.Group, "staff", directory.Fields{"name": "Staff"})
	refused(t, s, anna)
	steps := []struct {
		name            string
		grant, withdraw func()
	}{
		{
			"to the person",
			func() { put(t, s, directory.Person, "anna", directory.Fields{"chat": "yes"}) },
			func() { put(t, s, directory.Person, "anna", directory.Fields{"chat": "no"}) },
		},
		{
			"to the group",
			func() {
				regroup(t, s, "staff", directory.MemberChange{Add: []string{"anna"}})
				put(t, s, directory.Group, "staff", directory.Fields{"chat": "yes"})
			},
			func() { put(t, s, directory.Group, "staff", directory.Fields{"chat": "no"}) },
		},
		{
			"to the group, which she leaves",
			func() { put(t, s, directory.Group, "staff", directory.Fields{"chat": "yes"}) },
			func() { regroup(t, s, "staff", directory.MemberChange{Remove: []string{"anna"}}) },
		},
		{
			"to the group, which is deleted",
			func() { regroup(t, s, "staff", directory.MemberChange{Add: []string{"anna"}}) },
			func() {
				if err := s.Directory.Delete(t.Context(), servertest.Domain, "staff"); err != nil {
					t.Fatal(err)
				}
			},
		},
		{
			"to a person whose account is another's from now on",
			func() { put(t, s, directory.Person, "anna", directory.Fields{"chat": "yes"}) },
			func() { put(t, s, directory.Person, "anna", directory.Fields{"account": "carl"}) },
		},
		{
			"to a person who is deleted",
			func() { put(t, s, directory.Person, "anna", directory.Fields{"account": "anna"}) },
			func() {
				if err := s.Directory.Delete(t.Context(), servertest.Domain, "anna"); err != nil {
					t.Fatal(err)
				}
			},
		},
	}
	put(t, s, directory.Person, "bo", directory.Fields{"chat": "yes"})
	bo := login(t, s, "bo@example.org")
	for _, step := range steps {
		step.grant()
		c := login(t, s, anna.String())
		step.withdraw()
		ended(t, c)
		refused(t, s, anna)
	}
	if got := bo.ask("get", servertest.Domain, "<ping xmlns='urn:xmpp:ping'/>"); got.Attr("type") != xmpp.TypeResult {
		t.Errorf("somebody else: %s", got)
	}
}

// A domain can have it otherwise.
func TestGrantedOfOneDomain(t *testing.T) {
	t.Parallel()
	everybody := "everybody"
	s := servertest.StartWith(t, func(c *daemon.Config) {
		chatIsGranted(c)
		c.Domain = map[string]daemon.DomainConfig{servertest.Other: {Directory: daemon.DomainDirectory{Chat: &everybody}}}
	})
	refused(t, s, anna)
	login(t, s, "tybalt@example.net")
}

// Who has not been granted it any more while the server was down has no session after its start either.
func TestGrantedOverRestart(t *testing.T) {
	t.Parallel()
	s := servertest.StartWith(t, chatIsGranted)
	put(t, s, directory.Person, "anna", directory.Fields{"name": "Anna", "account": "anna", "chat": "yes"})
	c := login(t, s, anna.String())
	if err := c.Send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>"); err != nil {
		t.Fatal(err)
	}
	if e, err := c.Next(); err != nil || e.Name.Local != "enabled" {
		t.Fatal(e, err)
	}
	book := directory.New(directory.Options{Store: s.Store}) // which tells nobody
	if _, err := book.Set(t.Context(), servertest.Domain, directory.Record{ID: "anna", Fields: directory.Fields{"chat": "no"}}); err != nil {
		t.Fatal(err)
	}
	s.Restart(t)
	if s.Host.Online(anna) != nil {
		t.Error("her session goes on")
	}
	refused(t, s, anna)
}

// A wrong password tells nothing of it.
func TestNotGrantedIsTheOwnersBusiness(t *testing.T) {
	t.Parallel()
	s := servertest.StartWith(t, chatIsGranted)
	refused(t, s, anna)
	if err := s.Accounts.SetPassword(t.Context(), anna, "another"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Login(t, anna, "pad"); err == nil || !strings.Contains(err.Error(), "not-authorized") || strings.Contains(err.Error(), "granted") {
		t.Errorf("%v", err)
	}
}

// The account that the first start makes can log in: otherwise nobody could.
func TestFirstAccountIsGranted(t *testing.T) {
	t.Parallel()
	s := servertest.StartWith(t, chatIsGranted)
	first, err := s.FirstAccount(t.Context())
	if err != nil || first.Password == "" {
		t.Fatal(first, err)
	}
	if ok, err := s.Accounts.Granted(t.Context(), first.JID); !ok || err != nil {
		t.Error(ok, err)
	}
	refused(t, s, anna)
}
