package stream

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"palabre/xmpp"
)

// typical is a message of 270 bytes, the mean.
const typical = `<message id='purple4a5b6c7d' to='juliet@capulet.example/balcony' type='chat'><body>Wherefore art thou, Romeo? Deny thy father.</body>` +
	`<active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/><origin-id xmlns='urn:xmpp:sid:0' id='9'/></message>`

func BenchmarkScan(b *testing.B) {
	s := NewScanner(xmpp.NSClient, AfterLogin)
	if _, _, err := s.Scan([]byte(clientOpen)); err != nil {
		b.Fatal(err)
	}
	in := []byte(typical)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		if _, ev, err := s.Scan(in); err != nil || ev.Kind != Stanza {
			b.Fatal(err)
		}
	}
}

// BenchmarkScanBytes has each byte come alone, as from a client that wants to cost us much.
func BenchmarkScanBytes(b *testing.B) {
	s := NewScanner(xmpp.NSClient, AfterLogin)
	if _, _, err := s.Scan([]byte(clientOpen)); err != nil {
		b.Fatal(err)
	}
	in := []byte(typical)
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		for i := range in {
			if _, _, err := s.Scan(in[:i+1]); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkScanWorst has elements with as many attributes as there may be, which are compared with one another.
func BenchmarkScanWorst(b *testing.B) {
	s := NewScanner(xmpp.NSClient, AfterLogin)
	if _, _, err := s.Scan([]byte(clientOpen)); err != nil {
		b.Fatal(err)
	}
	element := "<a"
	for i := range AfterLogin.Attrs {
		element += " a" + string(rune('a'+i/26)) + string(rune('a'+i%26)) + "=''"
	}
	element += "/>"
	in := []byte("<message>" + strings.Repeat(element, (AfterLogin.Bytes-20)/len(element)) + "</message>")
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		if _, ev, err := s.Scan(in); err != nil || ev.Kind != Stanza {
			b.Fatal(err)
		}
	}
}

// BenchmarkEncodingXML reads the same bytes into tokens, to compare.
func BenchmarkEncodingXML(b *testing.B) {
	in := []byte(typical)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		d := xml.NewDecoder(bytes.NewReader(in))
		for {
			if _, err := d.Token(); err != nil {
				break
			}
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	s := NewScanner(xmpp.NSClient, AfterLogin)
	if _, _, err := s.Scan([]byte(clientOpen)); err != nil {
		b.Fatal(err)
	}
	_, ev, err := s.Scan([]byte(typical))
	if err != nil {
		b.Fatal(err)
	}
	p := Packet{Stanza: ev.Stanza, To: xmpp.MustParseJID("juliet@capulet.example/balcony"), Tail: "<stanza-id xmlns='urn:xmpp:sid:0' id='1' by='juliet@capulet.example'/>"}
	buf := make([]byte, 0, smallBuffer)
	b.ReportAllocs()
	for b.Loop() {
		buf = p.AppendTo(buf[:0])
	}
}

// nowhere is a connection that takes everything.
type nowhere struct{ net.Conn }

func (nowhere) Write(b []byte) (int, error)      { return len(b), nil }
func (nowhere) SetWriteDeadline(time.Time) error { return nil }

func BenchmarkQueue(b *testing.B) {
	_, ev, err := opened(b, AfterLogin).Scan([]byte(typical))
	if err != nil {
		b.Fatal(err)
	}
	p := Packet{Stanza: ev.Stanza, To: ev.Stanza.To}
	for _, batch := range []int{1, 32} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			q := NewQueue(nowhere{})
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := q.Send(p); err != nil {
					b.Fatal(err)
				}
				if i%batch == 0 {
					q.Wait()
				}
			}
			q.Wait()
		})
	}
}
