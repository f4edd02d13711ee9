package muc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"palabre/server/servertest"
	"palabre/xmpp"
)

const visitRoom = "visit@conference.example.org"

// A guest is a client in a visit, and what it has heard.
type guest struct {
	*servertest.Client
	t    *testing.T
	name string
	id   string // of its stream
}

func (g *guest) send(format string, args ...any) {
	g.t.Helper()
	if err := g.Send(fmt.Sprintf(format, args...)); err != nil {
		g.t.Fatal(err)
	}
}

// until takes what comes until something is what it waits for.
func (g *guest) until(what string, is func(xmpp.Element) bool) xmpp.Element {
	g.t.Helper()
	for {
		e, err := g.Next()
		if err != nil {
			g.t.Fatalf("%s waits for %s: %v", g.name, what, err)
		}
		if is(e) {
			return e
		}
	}
}

func isResult(id string) func(xmpp.Element) bool {
	return func(e xmpp.Element) bool {
		return e.Name.Local == "iq" && e.Attr("id") == id && e.Attr("type") == "result"
	}
}

func newGuest(t *testing.T, s *servertest.Server, name string, resumes bool) *guest {
	t.Helper()
	c, err := s.Login(t, xmpp.MustParseJID(name+"@"+servertest.Domain), "tab")
	if err != nil {
		t.Fatal(err)
	}
	g := &guest{Client: c, t: t, name: name}
	if resumes {
		g.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
		g.id = g.until("its stream's name", func(e xmpp.Element) bool { return e.Name.Local == "enabled" }).Attr("id")
	}
	return g
}

func (g *guest) enter() {
	g.t.Helper()
	g.send("<presence to='%s/%s'><x xmlns='http://jabber.org/protocol/muc'/></presence>", visitRoom, g.name)
	g.until("the subject", func(e xmpp.Element) bool {
		_, ok := e.Child(xmpp.NSClient, "subject")
		return ok
	})
}

// visit makes the room and has its guests come in; the host is the first.
func visit(t *testing.T, s *servertest.Server, guests int) []*guest {
	t.Helper()
	host := newGuest(t, s, "host", true)
	host.enter()
	host.send(`<iq type='set' id='made' to='%s'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>
<value>http://jabber.org/protocol/muc#roomconfig</value></field><field var='urn:palabre:room:preset'><value>visit</value></field></x></query></iq>`, visitRoom)
	host.until("the room", isResult("made"))
	all := []*guest{host}
	for i := 1; i < guests; i++ {
		g := newGuest(t, s, fmt.Sprintf("guest%d", i), i%2 == 0)
		host.send("<message to='%s'><x xmlns='http://jabber.org/protocol/muc#user'><invite to='%s@%s'/></x></message>", visitRoom, g.name, servertest.Domain)
		if err := host.Fence(); err != nil {
			t.Fatal(err)
		}
		g.enter()
		all = append(all, g)
	}
	return all
}

// secret is what nothing may hold afterwards.
const secret = "palaver-under-the-tree"

// A visit of 20 with 1,000 messages leaves nothing of what was said, in no file and no log, also over restarts and crashes, and whoever could not be told of all of it before a
// restart does not get it afterwards.
func TestVisitLeavesNothing(t *testing.T) {
	t.Parallel()
	const guests, each = 20, 50
	s := servertest.Start(t)
	all := visit(t, s, guests)
	for i, g := range all {
		for n := range each {
			g.send("<message to='%s' type='groupchat' id='m%d'><body>%s %d %d</body></message>", visitRoom, n, secret, i, n)
		}
	}
	last := all[guests-1]
	for _, g := range all[:guests-1] { // the last ones do not listen
		for heard := 0; heard < guests*each; {
			e, err := g.Next()
			if err != nil {
				t.Fatalf("%s, who has heard %d: %v", g.name, heard, err)
			}
			if strings.Contains(e.String(), secret) {
				heard++
			}
		}
	}
	quiet := newGuest(t, s, "quiet", true) // has heard nothing of it, and goes on over the restart
	if err := quiet.Fence(); err != nil {
		t.Fatal(err)
	}
	search(t, s, "while it goes on")
	all[0].send("<message to='%s@%s' type='chat' id='w'><body>and this waits</body></message>", last.name, servertest.Domain)
	if err := all[0].Fence(); err != nil {
		t.Fatal(err)
	}
	s.Restart(t)
	search(t, s, "after a restart")
	if got := resumed(t, s, all[0]); got.Name.Local != "failed" || !strings.Contains(got.String(), "item-not-found") {
		t.Errorf("a session that held what was said: %s", got)
	}
	if got := resumed(t, s, quiet); got.Name.Local != "resumed" {
		t.Errorf("a session that held nothing: %s", got)
	}
	if s.Config.Database.URL == "" { // the database itself is not made to crash
		s.Crash(t)
		search(t, s, "after a crash")
	}
}

// resumed asks to go on with a session.
func resumed(t *testing.T, s *servertest.Server, g *guest) xmpp.Element {
	t.Helper()
	if err := s.Reconnect(g.Client); err != nil {
		t.Fatal(err)
	}
	g.send("<resume xmlns='urn:xmpp:sm:3' h='0' previd='%s'/>", g.id)
	return g.until("an answer", func(e xmpp.Element) bool { return e.Name.Space == "urn:xmpp:sm:3" && e.Name.Local != "r" })
}

// search looks for what was said wherever the server writes: in its files, as copies and backups of them are made, and in its log.
func search(t *testing.T, s *servertest.Server, when string) {
	t.Helper()
	if strings.Contains(s.Logged(), secret) {
		t.Errorf("%s, the log holds what was said", when)
	}
	files, there := 0, false
	for _, folder := range folders(t, s) {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // a file that has been put away meanwhile
			}
			if err != nil || d.Type()&fs.ModeType != 0 {
				return err
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				return nil
			}
			files++
			there = there || bytes.Contains(raw, []byte("visit@conference"))
			if bytes.Contains(raw, []byte(secret)) {
				t.Errorf("%s, %s holds what was said", when, path)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if files == 0 || !there {
		t.Errorf("%s, %d files were searched, and the room was found: %v", when, files, there)
	}
}

// folders are where the server's files are, and those of its database.
func folders(t *testing.T, s *servertest.Server) []string {
	t.Helper()
	out := []string{s.Config.DataDir}
	if url := s.Config.Database.URL; url != "" {
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
		var data string
		if err := conn.QueryRow(t.Context(), `SHOW data_directory`).Scan(&data); err != nil {
			t.Fatal(err)
		}
		out = append(out, data)
	}
	return out
}
