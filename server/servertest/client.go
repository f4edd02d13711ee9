package servertest

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"palabre/stream"
	"palabre/xmpp"
)

// patience is how long a client waits for something that must come. It is only ever used up by a test that fails.
const patience = 20 * time.Second

// A Client is a stream to the server, and what has arrived on it. It belongs to one goroutine.
type Client struct {
	JID      xmpp.JID
	Features xmpp.Element // of the stream

	conn   net.Conn
	wire   *wireEnd
	reader *stream.Reader
	unread []xmpp.Element
	dirty  bool // it has sent something that may not have been dealt with
	ended  bool // nothing comes any more
	closed bool // the server has ended the stream
	fences int
}

// Connect opens a TLS connection and a stream to a domain, and takes the stream's features.
func Connect(addr net.Addr, domain string) (*Client, error) {
	raw, err := net.DialTimeout(addr.Network(), addr.String(), patience)
	if err != nil {
		return nil, err
	}
	wire := &wireEnd{Conn: raw}
	conn := tls.Client(wire, &tls.Config{
		ServerName: domain, InsecureSkipVerify: true, NextProtos: []string{"xmpp-client"}, MinVersion: tls.VersionTLS13,
	})
	c := &Client{conn: conn, wire: wire, reader: stream.NewReader(conn, xmpp.NSClient, stream.AfterLogin)}
	c.reader.Deadline = func() time.Time { return time.Now().Add(patience) }
	return c, c.open(domain)
}

func (c *Client) open(domain string) error {
	h := stream.Header{To: domain, Version: "1.0", Space: xmpp.NSClient}
	if err := c.Send(string(h.AppendOpen(nil))); err != nil {
		return err
	}
	var err error
	c.Features, err = c.Next()
	return err
}

// authenticate logs in with PLAIN, and takes the features of the new stream.
func (c *Client) authenticate(user xmpp.JID, password string) error {
	plain := base64.StdEncoding.EncodeToString([]byte("\x00" + user.Local() + "\x00" + password))
	if err := c.Send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" + plain + "</auth>"); err != nil {
		return err
	}
	if e, err := c.Next(); err != nil || e.Name.Local != "success" {
		return fmt.Errorf("login of %s: %v %w", user, e, err)
	}
	c.reader.Restart(stream.AfterLogin)
	return c.open(user.Domain())
}

// login authenticates and binds the resource.
func (c *Client) login(user xmpp.JID, password, resource string) error {
	if err := c.authenticate(user, password); err != nil {
		return err
	}
	ask := xmpp.New(xmpp.NSClient, "iq", xmpp.New(nsBind, "bind", xmpp.New(nsBind, "resource", xmpp.Text(resource)))).
		With("type", "set").With("id", "bind")
	if err := c.Send(string(ask.AppendXML(nil, xmpp.NSClient))); err != nil {
		return err
	}
	e, err := c.Next()
	if err != nil {
		return err
	}
	bound, _ := e.Child(nsBind, "bind")
	c.JID, err = xmpp.ParseJID(bound.ContentOf(nsBind, "jid"))
	if err != nil {
		return fmt.Errorf("bind of %s: %v", user, e)
	}
	return nil
}

const nsBind = "urn:ietf:params:xml:ns:xmpp-bind"

// Send writes bytes as they stand.
func (c *Client) Send(xml string) error {
	if err := c.conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := io.WriteString(c.conn, xml)
	return err
}

// SetLimits has the client take what is longer than a server would let it send, as other clients do.
func (c *Client) SetLimits(l stream.Limits) { c.reader.SetLimits(l) }

// Next is the next element that arrived: a stanza, or another top-level element. At the stream's end it is io.EOF.
func (c *Client) Next() (xmpp.Element, error) {
	if len(c.unread) > 0 {
		e := c.unread[0]
		c.unread = c.unread[1:]
		return e, nil
	}
	for {
		ev, err := c.reader.Next()
		if err != nil {
			return xmpp.Element{}, fmt.Errorf("nothing more arrived: %w", err)
		}
		switch ev.Kind {
		case stream.Stanza:
			return xmpp.Parse(ev.Stanza.String(), xmpp.NSClient)
		case stream.Nonza:
			return ev.Nonza, nil
		case stream.Closed:
			c.ended, c.closed = true, true
			return xmpp.Element{}, io.EOF
		}
	}
}

// Fence waits until the server has dealt with all that the client has sent, and keeps what arrives meanwhile.
func (c *Client) Fence() error {
	c.fences++
	id := fmt.Sprintf("fence-%d", c.fences)
	if err := c.Send("<iq type='get' id='" + id + "' to='" + c.JID.Domain() + "'><ping xmlns='urn:xmpp:ping'/></iq>"); err != nil {
		return err
	}
	held := c.unread
	c.unread = nil
	for {
		e, err := c.Next()
		if err != nil {
			return err
		}
		if e.Name.Local == "iq" && e.Attr("id") == id {
			c.unread, c.dirty = held, false
			return nil
		}
		held = append(held, e)
	}
}

// expectEnd waits for the end of the stream; what arrives before must have been asked for.
func (c *Client) expectEnd() error {
	e, err := c.Next()
	if err == nil {
		return fmt.Errorf("got  %s", e)
	}
	c.ended = true
	if errors.Is(err, io.EOF) || strings.Contains(err.Error(), "reset") {
		return nil
	}
	return err
}

// expectCut waits for the end of the connection; the stream is to be unfinished.
func (c *Client) expectCut() error {
	switch err := c.expectEnd(); {
	case err != nil:
		return err
	case c.closed:
		return errors.New("the server has ended the stream")
	case !bytes.HasPrefix(c.wire.last, closeNotify):
		return errors.New("TLS has not come to its end")
	}
	return nil
}

// A wireEnd keeps the last of what has come on a connection below TLS: as much as the record that ends it (RFC 8446) is long.
type wireEnd struct {
	net.Conn
	last []byte
}

// closeNotify begins that record, as it looks from outside: an alert of two bytes, its type, and the seal.
var closeNotify = []byte{23, 3, 3, 0, 2 + 1 + 16}

func (w *wireEnd) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	w.last = append(w.last, b[:n]...)
	w.last = w.last[max(0, len(w.last)-24):]
	return n, err
}

// Leave ends the stream properly (RFC 6120 §4.4), and waits for the server to do so.
func (c *Client) Leave() error {
	if err := c.Send("</stream:stream>"); err != nil {
		return err
	}
	for {
		if _, err := c.Next(); err != nil {
			c.Drop()
			return nil
		}
	}
}

// Drop cuts the connection.
func (c *Client) Drop() {
	c.ended = true
	_ = c.conn.Close()
}
