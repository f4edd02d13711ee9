package chaos

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"palabre/bench"
	"palabre/stream"
	"palabre/xmpp"
)

// Namespaces.
const (
	nsBind      = "urn:ietf:params:xml:ns:xmpp-bind" // RFC 6120 §7
	nsSM        = "urn:xmpp:sm:3"                    // XEP-0198
	nsMAM       = "urn:xmpp:mam:2"                   // XEP-0313
	nsRSM       = "http://jabber.org/protocol/rsm"   // XEP-0059
	nsForward   = "urn:xmpp:forward:0"               // XEP-0297
	nsStanzaID  = "urn:xmpp:sid:0"                   // XEP-0359
	nsDelay     = "urn:xmpp:delay"                   // XEP-0203
	nsPing      = "urn:xmpp:ping"                    // XEP-0199
	askForCount = "<r xmlns='" + nsSM + "'/>"
)

const (
	loginTime = 10 * time.Second // for a login; a server that is stopped just then answers later or never
	writeTime = 10 * time.Second
)

// A link is one connection of a client's, logged in.
type link struct {
	bench.Stream
	incarnation int64             // of the server, at the other end
	events      chan stream.Event // once read runs; closed at the end of the connection, when err says why
	err         error
	out         []byte    // what flush sends
	trace       io.Writer // nil: none
	quit        chan struct{}
	reader      sync.WaitGroup
}

func dial(ctx context.Context, d *bench.Dialer, u bench.User) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, loginTime)
	defer cancel()
	s, err := d.Authenticate(ctx, u)
	if err != nil {
		return nil, err
	}
	// Until the session is there, each answer is waited for.
	err = s.Conn.SetDeadline(time.Now().Add(loginTime))
	return &link{Stream: s, quit: make(chan struct{})}, err
}

// read begins to read into events.
func (l *link) read() {
	_ = l.Conn.SetDeadline(time.Time{}) // if the connection is gone, reading says so
	l.events = make(chan stream.Event, 256)
	l.reader.Go(func() {
		defer close(l.events)
		for {
			ev, err := l.In.Next()
			if err != nil {
				l.err = err
				return
			}
			select {
			case l.events <- ev:
			case <-l.quit:
				return
			}
		}
	})
}

// nonza waits for the next element that is no stanza, while the session is being set up; stanzas that come before it are left out.
func (l *link) nonza() (xmpp.Element, error) {
	for {
		ev, err := l.In.Next()
		l.got(ev)
		switch {
		case err != nil:
			return xmpp.Element{}, err
		case ev.Kind == stream.Closed:
			return xmpp.Element{}, errEnded
		case ev.Kind == stream.Nonza && ev.Nonza.Is(xmpp.NSStream, "error"):
			return xmpp.Element{}, streamError(ev.Nonza)
		case ev.Kind == stream.Nonza:
			return ev.Nonza, nil
		}
	}
}

var errEnded = errors.New("chaos: the server ended the stream")

func streamError(e xmpp.Element) error {
	for _, c := range e.Elements() {
		if c.Name.Space == xmpp.NSStreams && c.Name.Local != "text" {
			return fmt.Errorf("chaos: the server ended the stream: %s", c.Name.Local)
		}
	}
	return errEnded
}

// bind asks for a resource (RFC 6120 §7.6, §7.7); an empty one is the server's choice.
func (l *link) bind(resource string) error {
	req := xmpp.New(nsBind, "bind")
	if resource != "" {
		req = req.Add(xmpp.New(nsBind, "resource", xmpp.Text(resource)))
	}
	iq := xmpp.NewStanza(xmpp.IQ, xmpp.TypeSet, req)
	iq.ID = "bind"
	l.out = iq.AppendXML(l.out, xmpp.JID{}, "")
	if err := l.flush(); err != nil {
		return err
	}
	for {
		ev, err := l.In.Next()
		l.got(ev)
		switch {
		case err != nil:
			return err
		case ev.Kind == stream.Closed:
			return errEnded
		case ev.Kind == stream.Nonza && ev.Nonza.Is(xmpp.NSStream, "error"):
			return streamError(ev.Nonza)
		case ev.Kind == stream.Stanza && ev.Stanza.Kind == xmpp.IQ && ev.Stanza.ID == "bind":
			if ev.Stanza.Type != xmpp.TypeResult {
				return fmt.Errorf("chaos: no resource is given: %s", refusal(ev.Stanza))
			}
			return nil
		}
	}
}

// refusal is the type and the condition of a stanza error.
func refusal(st *xmpp.Stanza) string {
	e, _ := st.Child(xmpp.NSClient, "error")
	for _, c := range e.Elements() {
		if c.Name.Space == xmpp.NSStanzas && c.Name.Local != "text" {
			return e.Attr("type") + " " + c.Name.Local
		}
	}
	return "an error without a condition"
}

func (l *link) flush() error {
	if len(l.out) == 0 {
		return nil
	}
	if l.trace != nil {
		l.note("->", string(l.out))
	}
	_ = l.Conn.SetWriteDeadline(time.Now().Add(writeTime))
	_, err := l.Conn.Write(l.out)
	l.out = l.out[:0]
	return err
}

// note writes a line of the trace.
func (l *link) note(way, text string) {
	fmt.Fprintf(l.trace, "%s %d %s %s\n", time.Now().Format("15:04:05.000000"), l.incarnation, way, text)
}

// got notes what came.
func (l *link) got(ev stream.Event) {
	if l.trace == nil {
		return
	}
	switch ev.Kind {
	case stream.Stanza:
		l.note("<-", ev.Stanza.String())
	case stream.Nonza:
		l.note("<-", ev.Nonza.String())
	case stream.Closed:
		l.note("<-", "the end of the stream")
	}
}

// A parting is how a connection ends.
type parting uint8

const (
	politely parting = iota // with an end of the stream: the session ends, too
	silently                // the connection is closed, and not the stream
	abruptly                // the connection is reset: the other side may not even see what was sent last
)

// leave ends the connection, and waits for its reader.
func (l *link) leave(how parting) {
	if how == politely {
		l.out = append(l.out, "</stream:stream>"...)
		_ = l.flush()
	}
	l.close(how)
}

func (l *link) close(how parting) {
	close(l.quit)
	raw := l.Conn
	if t, ok := raw.(*tls.Conn); ok {
		raw = t.NetConn()
	}
	if l.trace != nil {
		l.note("--", [...]string{"left politely", "closed", "reset"}[how])
	}
	if tcp, ok := raw.(*net.TCPConn); ok && how == abruptly {
		_ = tcp.SetLinger(0)
	}
	_ = raw.Close()
	l.reader.Wait()
}
