package chaos

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// The moments of a conversation by SMTP at which a Letterbox can be told to stop.
const (
	atConnection = "connection"
	atSender     = "MAIL"
	atRecipient  = "RCPT"
	atData       = "DATA"
	atEnd        = "the mail is there, and not answered for"
	atAnswer     = "the answer is on its way"
)

// A Letterbox is a mail relay that takes everything, and knows which of its answers have got through: those after which it heard more on the same connection.
type Letterbox struct {
	Address string

	server  *smtp.Server
	serving sync.WaitGroup

	mu      sync.Mutex // guards what follows, and the mail of each connection; a leaf
	mails   []*letterboxMail
	moment  string // at which to stop; empty: none
	reached chan struct{}
	release chan struct{}
}

// A letterboxMail is a mail that was taken.
type letterboxMail struct {
	id      string // what is before the @ in its Message-ID
	through bool   // the answer was heard
}

// NewLetterbox opens one on loopback.
func NewLetterbox() (*Letterbox, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &Letterbox{Address: ln.Addr().String()}
	b.server = smtp.NewServer(b)
	b.server.Domain, b.server.ErrorLog = "relay.invalid", silence{}
	b.serving.Go(func() { _ = b.server.Serve(letterboxListener{ln, b}) })
	return b, nil
}

type silence struct{}

func (silence) Printf(string, ...any) {}
func (silence) Println(...any)        {}

// Close ends it.
func (b *Letterbox) Close() {
	b.Go()
	_ = b.server.Close()
	b.serving.Wait()
}

// Stop has conversations stop at a moment until Go is called; reached is closed when the first one is there.
func (b *Letterbox) Stop(moment string) (reached <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.moment, b.reached, b.release = moment, make(chan struct{}), make(chan struct{})
	return b.reached
}

// Go lets conversations go on.
func (b *Letterbox) Go() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.moment != "" {
		b.moment = ""
		close(b.release)
	}
}

func (b *Letterbox) pass(moment string) {
	b.mu.Lock()
	if b.moment != moment {
		b.mu.Unlock()
		return
	}
	select {
	case <-b.reached:
	default:
		close(b.reached)
	}
	release := b.release
	b.mu.Unlock()
	<-release
}

// Deliveries tells for each mail how often it came, and how often after an answer that was heard.
func (b *Letterbox) Deliveries() (came, again map[string]int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	came, again = map[string]int{}, map[string]int{}
	through := map[string]bool{}
	for _, m := range b.mails {
		came[m.id]++
		if through[m.id] {
			again[m.id]++
		}
		through[m.id] = through[m.id] || m.through
	}
	return came, again
}

// NewSession is part of smtp.Backend.
func (b *Letterbox) NewSession(c *smtp.Conn) (smtp.Session, error) {
	conn, ok := c.Conn().(*letterboxConn)
	if !ok {
		return nil, errors.New("not a connection of this letterbox")
	}
	b.pass(atConnection)
	return &letterboxSession{b, conn}, nil
}

type letterboxSession struct {
	box  *Letterbox
	conn *letterboxConn
}

func (s *letterboxSession) Mail(string, *smtp.MailOptions) error { s.box.pass(atSender); return nil }
func (s *letterboxSession) Rcpt(string, *smtp.RcptOptions) error { s.box.pass(atRecipient); return nil }
func (s *letterboxSession) Reset()                               {}
func (s *letterboxSession) Logout() error                        { return nil }

func (s *letterboxSession) Data(r io.Reader) error {
	s.box.pass(atData)
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(string(text), "Message-ID: <")
	id, _, _ := strings.Cut(rest, "@")
	s.box.pass(atEnd)
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	s.conn.last = &letterboxMail{id: id}
	s.box.mails = append(s.box.mails, s.conn.last)
	return nil
}

type letterboxListener struct {
	net.Listener
	box *Letterbox
}

// Accept is part of net.Listener.
func (l letterboxListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &letterboxConn{Conn: c, box: l.box}, nil
}

// A letterboxConn notes when something is heard after an answer.
type letterboxConn struct {
	net.Conn
	box  *Letterbox
	last *letterboxMail // whose answer nobody is known to have heard
}

// Read is part of net.Conn.
func (c *letterboxConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.box.mu.Lock()
		if c.last != nil {
			c.last.through, c.last = true, nil
		}
		c.box.mu.Unlock()
	}
	return n, err
}

// Write is part of net.Conn.
func (c *letterboxConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.box.mu.Lock()
	answered := c.last != nil
	c.box.mu.Unlock()
	if answered {
		c.box.pass(atAnswer)
	}
	return n, err
}

// mailSection is the part of the configuration that has mail go to a Letterbox.
func (b *Letterbox) mailSection() string {
	return "[smtp]\naddress = '" + b.Address + "'\ntls = 'none'\nfrom = 'chat@" + domain + "'\nretry = '" + time.Hour.String() + "'\n"
}
