package stream

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"palabre/xmpp"
)

// feed writes pieces into a connection and then ends it.
func feed(conn net.Conn, pieces ...string) {
	for _, p := range pieces {
		conn.Write([]byte(p))
	}
	conn.Close()
}

func next(t *testing.T, r *Reader, want EventKind) Event {
	t.Helper()
	ev, err := r.Next()
	if err != nil || ev.Kind != want {
		t.Fatalf("an event of kind %d, want %d, error %v", ev.Kind, want, err)
	}
	return ev
}

func TestReaderReadsAStream(t *testing.T) {
	t.Parallel()
	long := "<message><body>" + strings.Repeat("x", 100000) + "</body></message>"
	in := "<?xml version='1.0'?>" + clientOpen + typical + "\n" + long + " <r xmlns='urn:xmpp:sm:3'/>" + typical + "</stream:stream>"
	for _, size := range []int{1, 15, 16, 17, 4095, 4096, 5000, len(in)} {
		server, client := net.Pipe()
		var pieces []string
		for i := 0; i < len(in); i += size {
			pieces = append(pieces, in[i:min(i+size, len(in))])
		}
		go feed(client, pieces...)
		r := NewReader(server, xmpp.NSClient, AfterLogin)
		next(t, r, Opened)
		if got := next(t, r, Stanza).Stanza.ID; got != "purple4a5b6c7d" {
			t.Errorf("in pieces of %d: %s", size, got)
		}
		if got := len(next(t, r, Stanza).Stanza.Inner); got != 100013 {
			t.Errorf("in pieces of %d: %d bytes", size, got)
		}
		next(t, r, Nonza)
		next(t, r, Stanza)
		next(t, r, Closed)
		for range 2 {
			if _, err := r.Next(); err != io.EOF {
				t.Errorf("in pieces of %d, after the end: %v", size, err)
			}
		}
		r.Release()
		server.Close()
	}
}

func TestReaderTellsHowAStreamEnds(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]func(error) bool{
		"":                       func(err error) bool { return err == io.EOF },
		"<stream:stream ":        func(err error) bool { return err == io.EOF },
		clientOpen + "<message>": func(err error) bool { return err == io.EOF },
		clientOpen + "<letter/>": func(err error) bool { return condition(err) == UnsupportedStanzaType },
	} {
		server, client := net.Pipe()
		go feed(client, in)
		r := NewReader(server, xmpp.NSClient, AfterLogin)
		var err error
		for err == nil {
			_, err = r.Next()
		}
		if !want(err) {
			t.Errorf("%q: %v", in, err)
		}
		r.Release()
		server.Close()
	}
}

// While nothing comes, nothing but 16 bytes is held: after white space, after a stanza of whatever length.
func TestAnIdleReaderHoldsNoBuffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := net.Pipe()
		r := NewReader(server, xmpp.NSClient, AfterLogin)
		events := make(chan Event)
		go func() {
			for {
				ev, err := r.Next()
				if err != nil {
					close(events)
					return
				}
				events <- ev
			}
		}()
		for _, in := range []string{clientOpen, " ", typical, "\n", "<message>" + strings.Repeat(" ", 200000) + "</message>\n\n"} {
			if _, err := client.Write([]byte(in)); err != nil {
				t.Fatal(err)
			}
			if strings.TrimSpace(in) != "" {
				<-events
			}
			synctest.Wait()
			if len(r.buf) != len(r.idle) || r.scan.w != nil {
				t.Errorf("after %.20q a buffer of %d bytes is held", in, len(r.buf))
			}
		}
		client.Write([]byte("<message><body>half of a stanza"))
		synctest.Wait()
		if len(r.buf) != smallBuffer {
			t.Errorf("half of a stanza takes a buffer of %d bytes", len(r.buf))
		}
		client.Close()
		<-events
		r.Release()
		if len(r.buf) != len(r.idle) {
			t.Error("released, and a buffer is held")
		}
	})
}

// X10: what came before the handshake must not be read after it.
func TestSecureRefusesWhatWasInjected(t *testing.T) {
	t.Parallel()
	const starttls = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
	for in, clean := range map[string]bool{
		starttls: true, starttls + "<iq type='set' id='1'/>": false, starttls + " ": false, starttls + "\x16\x03": false,
	} {
		server, client := net.Pipe()
		go func() { client.Write([]byte(clientOpen + in)) }()
		r := NewReader(server, xmpp.NSClient, BeforeLogin)
		next(t, r, Opened)
		next(t, r, Nonza)
		over, other := net.Pipe()
		if got := r.Secure(over); got != clean {
			t.Errorf("%q: clean: %v", in, got)
		}
		if r.Buffered() > 0 {
			t.Errorf("%q: %d bytes survive", in, r.Buffered())
		}
		go feed(other, "<?xml version='1.0'?>"+clientOpen)
		next(t, r, Opened)
		r.Release()
		server.Close()
	}
}

// After SASL, what the client sent ahead is read in the new stream.
func TestRestartKeepsWhatWasPipelined(t *testing.T) {
	t.Parallel()
	server, client := net.Pipe()
	defer server.Close()
	go feed(client, clientOpen+"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>\n<?xml version='1.0'?>"+bareOpen+typical)
	r := NewReader(server, xmpp.NSClient, BeforeLogin)
	defer r.Release()
	next(t, r, Opened)
	next(t, r, Nonza)
	if r.Buffered() == 0 {
		t.Fatal("nothing was pipelined")
	}
	r.Restart(AfterLogin)
	next(t, r, Opened)
	next(t, r, Stanza)
}

func TestSetLimitsHoldsFromTheNextElement(t *testing.T) {
	t.Parallel()
	server, client := net.Pipe()
	defer server.Close()
	go feed(client, clientOpen+"<authenticate xmlns='urn:xmpp:sasl:2'/>"+typical)
	r := NewReader(server, xmpp.NSClient, BeforeLogin)
	defer r.Release()
	next(t, r, Opened)
	next(t, r, Nonza)
	r.SetLimits(AfterLogin)
	next(t, r, Stanza)
}

func TestALateReadCanBeTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := net.Pipe()
		defer server.Close()
		r := NewReader(server, xmpp.NSClient, AfterLogin)
		defer r.Release()
		r.Deadline = func() time.Time { return time.Now().Add(time.Minute) }
		go func() {
			client.Write([]byte(clientOpen + "<message>"))
			time.Sleep(90 * time.Second)
			feed(client, "</message>")
		}()
		next(t, r, Opened)
		if _, err := r.Next(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("after a minute: %v", err)
		}
		next(t, r, Stanza)
	})
}

func TestReaderOverTLS(t *testing.T) {
	server, client := tlsPair(t, tls.VersionTLS13)
	long := "<message><body>" + strings.Repeat("x", 100000) + "</body></message>"
	done := make(chan struct{})
	go func() {
		defer close(done)
		feed(client, clientOpen, typical, long+typical, long, typical+"</stream:stream>")
	}()
	r := NewReader(server, xmpp.NSClient, AfterLogin)
	next(t, r, Opened)
	for range 5 {
		next(t, r, Stanza)
	}
	next(t, r, Closed)
	r.Release()
	<-done
}
