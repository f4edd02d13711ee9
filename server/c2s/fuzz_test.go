package c2s_test

import (
	"crypto/tls"
	"encoding/xml"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"palabre/server/c2s"
)

// states bring a stream to where the bytes begin. What they send is in order.
var states = []struct {
	name   string
	clear  bool // bytes come before TLS
	script []string
}{
	{"before the header, in clear", true, nil},
	{"after the header, in clear", true, []string{header, "</stream:features>"}},
	{"in the place of the handshake", true, []string{header, "</stream:features>", starttls, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"}},
	{"before the header", false, nil},
	{"after the header", false, []string{header, "</stream:features>"}},
	{"in a PLAIN exchange", false, []string{header, "</stream:features>", "<auth xmlns='" + nsSASL + "' mechanism='PLAIN'/>", "<challenge xmlns='" + nsSASL + "'/>"}},
	{"in a SCRAM exchange", false, []string{header, "</stream:features>", "<auth xmlns='" + nsSASL + "' mechanism='SCRAM-SHA-1'>biwsbj1qdWxpZXQscj14</auth>", "</challenge>"}},
	{"in a SASL2 exchange", false, []string{header, "</stream:features>", "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='SCRAM-SHA-1'><initial-response>biwsbj1qdWxpZXQscj14</initial-response>" + bind2("x", "") + "</authenticate>", "</challenge>"}},
	{"after login", false, []string{header, "</stream:features>", plainAuth("juliet", password), "<success xmlns='" + nsSASL + "'/>"}},
	{"after the header after login", false, []string{header, "</stream:features>", plainAuth("juliet", password) + header, "<success xmlns='" + nsSASL + "'/>", "", "</stream:features>"}},
	{"after SASL2", false, []string{header, "</stream:features>", authenticate("juliet", ""), "</stream:features>"}},
	{"with a session", false, []string{header, "</stream:features>", authenticate("juliet", bind2("x", "")), "</stream:features>"}},
}

// FuzzStates sends any bytes in any state of a stream. The connection ends, nothing fails, what the server has said is XML, and nobody
// who has not logged in has a session.
func FuzzStates(f *testing.F) {
	for i := range states {
		for _, s := range []string{
			"", header, starttls, plainAuth("juliet", password), "</stream:stream>", "<a xmlns='b'/>", "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03",
			"<response xmlns='" + nsSASL + "'>Yz1iaXdzLHI9eCxwPQ==</response>", "<response xmlns='urn:xmpp:sasl:2'/>", "<abort xmlns='urn:xmpp:sasl:2'/>",
			authenticate("juliet", agent+bind2("tag", "<enable xmlns='urn:test:inline'/>")),
			"<iq type='set' id='b'><bind xmlns='" + bindNS + "'><resource>r</resource></bind></iq><message to='juliet@example.org/r'/>",
			"<iq type='get' to='example.org' id='p'><ping xmlns='urn:xmpp:ping'/></iq>", "<knock xmlns='urn:test:nonza'/>",
		} {
			f.Add(byte(i), []byte(s))
		}
	}
	w := newWorld(f, func(o *c2s.Options) { o.LingerTime, o.WriteTime = time.Second, time.Second })
	// Sockets of the file system, for those of the network run out of ports.
	var serving sync.WaitGroup
	ports := map[bool]string{true: f.TempDir() + "/clear", false: f.TempDir() + "/tls"}
	for clear, mode := range map[bool]c2s.Mode{true: c2s.StartTLS, false: c2s.DirectTLS} {
		ln, err := net.Listen("unix", ports[clear])
		must(f, err)
		serving.Go(func() {
			if err := w.c2s.Serve(ln, mode); !errors.Is(err, net.ErrClosed) {
				f.Errorf("serve: %v", err)
			}
		})
	}
	f.Cleanup(serving.Wait)
	f.Cleanup(w.c2s.Close)
	f.Fuzz(func(t *testing.T, state byte, data []byte) {
		st := states[int(state)%len(states)]
		conn, err := net.Dial("unix", ports[st.clear])
		must(t, err)
		l := &line{t: t, conn: conn}
		if !st.clear {
			c := tls.Client(conn, clientTLS())
			must(t, c.Handshake())
			l.conn = c
		}
		for i := 0; i < len(st.script); i += 2 {
			if st.script[i] != "" {
				l.send(st.script[i])
			}
			l.until(st.script[i+1])
		}
		before := w.c2s.Stats.Panics()
		said := l.pour(data)
		if w.c2s.Stats.Panics() > before {
			t.Errorf("state %q: the connection failed:\n%s", st.name, w.log)
		}
		if !strings.HasPrefix(st.name, "in the place") {
			checkXML(t, st.script, said)
		}
		if st.clear && w.host.Online(juliet) != nil {
			t.Errorf("state %q: a session without TLS", st.name)
		}
	})
}

// pour sends bytes and closes its side while it reads, and gives what the server said to its end.
func (l *line) pour(data []byte) string {
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_ = l.conn.SetWriteDeadline(time.Now().Add(patience))
		_, _ = l.conn.Write(data)
		_ = l.conn.(interface{ CloseWrite() error }).CloseWrite()
	}()
	for l.read() == nil {
	}
	l.conn.Close()
	<-sent
	return l.got
}

// checkXML sees whether what the server said after a script is XML that goes on from there, be it cut off.
func checkXML(t *testing.T, script []string, said string) {
	t.Helper()
	if len(script) > 0 {
		said = "<stream:stream xmlns:stream='http://etherx.jabber.org/streams'>" + said
	}
	for part := range strings.SplitSeq(strings.ReplaceAll(said, "<?xml ", "\x00<?xml "), "\x00") {
		d := xml.NewDecoder(strings.NewReader(part))
		for {
			_, err := d.Token()
			var syntax *xml.SyntaxError
			if err == nil {
				continue
			}
			if !errors.Is(err, io.EOF) && (!errors.As(err, &syntax) || syntax.Msg != "unexpected EOF") {
				t.Errorf("the server said %q: %v", said, err)
			}
			break
		}
	}
}
