package courier_test

import (
	"fmt"
	"io"
	"mime"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-message"
	"github.com/emersion/go-smtp"

	"palabre/daemon"
	"palabre/server/servertest"
	"palabre/xmpp"
)

const (
	feast  = "feast@conference.example.org"
	nsMUC  = "http://jabber.org/protocol/muc"
	toRoom = "urn:palabre:room:mail"
	toMe   = "urn:palabre:mail:conversation"
)

// A post is a relay that takes all mail.
type post struct {
	*smtp.Server
	taken chan taken
}

type taken struct {
	from string
	to   []string
	data string
}

type session struct {
	post *post
	mail taken
}

// NewSession is part of smtp.Backend.
func (p *post) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{post: p}, nil }

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.mail = taken{from: from}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.to = append(s.mail.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.mail.data = string(raw)
	s.post.taken <- s.mail
	return nil
}

func (s *session) Reset() {}

func (s *session) Logout() error { return nil }

// start starts a server that sends its mail to a relay.
func start(t testing.TB, change func(*daemon.Config)) (*servertest.Server, *post) {
	t.Helper()
	p := &post{taken: make(chan taken, 100)}
	p.Server = smtp.NewServer(p)
	p.Domain, p.EnableSMTPUTF8 = "relay.example.org", true
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = p.Serve(ln) })
	t.Cleanup(func() { p.Close(); serving.Wait() })
	return servertest.StartWith(t, func(c *daemon.Config) {
		c.SMTP.Address, c.SMTP.TLS, c.SMTP.From = ln.Addr().String(), "none", "chat@example.org"
		if change != nil {
			change(c)
		}
	}), p
}

// next is the next mail.
func (p *post) next(t testing.TB) letter {
	t.Helper()
	select {
	case m := <-p.taken:
		return open(t, m)
	case <-time.After(20 * time.Second):
		t.Fatal("no mail came")
	}
	return letter{}
}

// none tells of mail that should not be there.
func (p *post) none(t *testing.T) {
	t.Helper()
	select {
	case m := <-p.taken:
		t.Errorf("a mail to %v", m.to)
	default:
	}
}

// A letter is a mail, read.
type letter struct {
	taken
	head       mail.Header
	subject    string
	text, html string
	attached   map[string][]byte
}

// open reads a mail as another program would.
func open(t testing.TB, m taken) letter {
	t.Helper()
	l := letter{taken: m, attached: map[string][]byte{}}
	for _, line := range strings.Split(m.data, "\r\n") {
		if len(line) > 998 || strings.ContainsAny(line, "\r\n\x00") {
			t.Errorf("a line of %d bytes: %.80q", len(line), line)
		}
	}
	raw, err := mail.ReadMessage(strings.NewReader(m.data))
	if err != nil {
		t.Fatal(err)
	}
	l.head = raw.Header
	if l.subject, err = new(mime.WordDecoder).DecodeHeader(l.head.Get("Subject")); err != nil {
		t.Fatal(err)
	}
	e, err := message.Read(strings.NewReader(m.data))
	if err != nil {
		t.Fatal(err)
	}
	err = e.Walk(func(_ []int, part *message.Entity, err error) error {
		if err != nil || part.MultipartReader() != nil {
			return err
		}
		b, err := io.ReadAll(part.Body)
		if err != nil {
			return err
		}
		switch typ, _, _ := part.Header.ContentType(); {
		case part.Header.Get("Content-Disposition") != "":
			_, params, err := part.Header.ContentDisposition()
			l.attached[params["filename"]] = b
			return err
		case typ == "text/plain":
			l.text = string(b)
		case typ == "text/html":
			l.html = string(b)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func login(t testing.TB, s *servertest.Server, name string) *servertest.Client {
	t.Helper()
	c, err := s.Login(t, xmpp.MustParseJID(name+"@example.org"), "orchard")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func send(t testing.TB, c *servertest.Client, xml string) {
	t.Helper()
	if err := c.Send(xml); err != nil {
		t.Fatal(err)
	}
}

// until takes what arrives, to what is asked for.
func until(t testing.TB, c *servertest.Client, is func(xmpp.Element) bool) xmpp.Element {
	t.Helper()
	for {
		e, err := c.Next()
		if err != nil {
			t.Fatal(err)
		}
		if is(e) {
			return e
		}
	}
}

func isAbout(id string) func(xmpp.Element) bool {
	return func(e xmpp.Element) bool { return e.Attr("id") == id }
}

// says tells whether a message says something.
func says(part string) func(xmpp.Element) bool {
	return func(e xmpp.Element) bool { return strings.Contains(e.ContentOf(xmpp.NSClient, "body"), part) }
}

func enter(t *testing.T, c *servertest.Client, nick string) {
	t.Helper()
	send(t, c, "<presence to='"+feast+"/"+nick+"'><x xmlns='"+nsMUC+"'/></presence>")
	until(t, c, func(e xmpp.Element) bool { _, ok := e.Child(xmpp.NSClient, "subject"); return ok })
}

// say says something in the room, and waits for it.
func say(t testing.TB, c *servertest.Client, text string) {
	t.Helper()
	send(t, c, "<message to='"+feast+"' type='groupchat' id='said'><body>"+text+"</body></message>")
	until(t, c, says(text))
}

// host makes the room.
func host(t testing.TB, s *servertest.Server, name, preset, fields string) *servertest.Client {
	t.Helper()
	c := login(t, s, name)
	send(t, c, "<presence to='"+feast+"/"+strings.ToUpper(name[:1])+name[1:]+"'><x xmlns='"+nsMUC+"'/></presence>")
	send(t, c, "<iq type='set' id='c' to='"+feast+"'><query xmlns='"+nsMUC+"#owner'><x xmlns='jabber:x:data' type='submit'>"+field("urn:palabre:room:preset", preset)+fields+"</x></query></iq>")
	if e := until(t, c, isAbout("c")); e.Attr("type") != "result" {
		t.Fatal(e)
	}
	return c
}

func field(name string, values ...string) string {
	s := "<field var='" + name + "'>"
	for _, v := range values {
		s += "<value>" + string(xmpp.AppendText(nil, v)) + "</value>"
	}
	return s + "</field>"
}

// invited have an occupant invite others.
func invited(t *testing.T, c *servertest.Client, names ...string) {
	t.Helper()
	for _, name := range names {
		send(t, c, "<message to='"+feast+"' id='i'><x xmlns='"+nsMUC+"#user'><invite to='"+name+"@example.org'/></x></message>")
	}
	if err := c.Fence(); err != nil {
		t.Fatal(err)
	}
}

// asks runs a command with its form at once, and gives the error or the note.
func asks(t testing.TB, c *servertest.Client, to, node, fields string) (note string, failed bool) {
	t.Helper()
	send(t, c, fmt.Sprintf("<iq type='set' id='mail' to='%s'><command xmlns='http://jabber.org/protocol/commands' node='%s'><x xmlns='jabber:x:data' type='submit'>%s</x></command></iq>", to, node, fields))
	e := until(t, c, isAbout("mail"))
	if e.Attr("type") == "error" {
		x, _ := e.Child(xmpp.NSClient, "error")
		return x.ContentOf("urn:ietf:params:xml:ns:xmpp-stanzas", "text"), true
	}
	x, _ := e.Child("http://jabber.org/protocol/commands", "command")
	return x.ContentOf("http://jabber.org/protocol/commands", "note"), false
}

// roll sets the scene with lines of a transcript.
func roll(t *testing.T, s *servertest.Server, lines string) { servertest.Play(t, s, t.Name(), lines) }

// opened is a server with a relay, people, and a room in which one is who has said something.
func opened(t *testing.T, preset string) (*servertest.Server, *post, *servertest.Client) {
	t.Helper()
	s, p := start(t, nil)
	roll(t, s, scene)
	romeo := host(t, s, "romeo", preset, "")
	say(t, romeo, "welcome")
	return s, p, romeo
}
