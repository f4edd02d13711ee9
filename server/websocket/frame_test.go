package websocket

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"palabre/stream"
	"palabre/xmpp"
)

// TestCutFrame: what is written to a stream comes out as frames that are documents of their own (RFC 7395 §3.3.3).
func TestCutFrame(t *testing.T) {
	t.Parallel()
	h := stream.Header{From: "example.org", ID: "1", Version: "1.0", Lang: "en", Space: xmpp.NSClient, To: "a'b@example.org"}
	written := h.AppendOpen(nil)
	written = append(written, "<stream:features><a xmlns='x'/></stream:features><message from='a'><body>x</body></message>"...)
	written = append(written, "<r xmlns='urn:xmpp:sm:3'/><iq id=' xmlns=&apos;x>'/><iq id=\" xmlns='x'\"><a><![CDATA[</a></iq>]]></a></iq>"...)
	written = append(written, "<message  xml:lang = 'en' xmlns = 'y'><message/></message>"...)
	written = append((&stream.Error{Condition: stream.Reset}).AppendXML(written), "</stream:stream>"...)
	want := []string{
		"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' id='1' from='example.org' to='a&apos;b@example.org' version='1.0' xml:lang='en'/>",
		"<stream:features xmlns:stream='http://etherx.jabber.org/streams'><a xmlns='x'/></stream:features>",
		"<message xmlns='jabber:client' from='a'><body>x</body></message>",
		"<r xmlns='urn:xmpp:sm:3'/>",
		"<iq xmlns='jabber:client' id=' xmlns=&apos;x>'/>",
		"<iq xmlns='jabber:client' id=\" xmlns='x'\"><a><![CDATA[</a></iq>]]></a></iq>",
		"<message  xml:lang = 'en' xmlns = 'y'><message/></message>",
		"<stream:error xmlns:stream='http://etherx.jabber.org/streams'><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
		"<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>",
	}
	for _, w := range want {
		frame, rest, err := cutFrame(nil, written)
		if err != nil || string(frame) != w {
			t.Fatalf("got %q, %v; want %q", frame, err, w)
		}
		if _, err := xmpp.Parse(string(frame), ""); err != nil {
			t.Errorf("%q: %v", frame, err)
		}
		written = rest
	}
	if len(written) > 0 {
		t.Errorf("left over: %q", written)
	}
	for _, half := range []string{"<a>", "<a", "x", " <a/>", "<stream:stream", "<?x?>", "<!-- -->"} {
		if _, _, err := cutFrame(nil, []byte(half)); !errors.Is(err, errCut) {
			t.Errorf("%q: %v", half, err)
		}
	}
}

// FuzzHandOver: what the scanner takes for one element is handed over as it came, however it is cut, and two are refused. What is handed over is a part of what came.
func FuzzHandOver(f *testing.F) {
	for _, s := range []string{
		"<a xmlns='x'/>", "<a xmlns='x'>b</a>", "<message xmlns='jabber:client'><body a='>' b=\"/>\">]]<![CDATA[</body>]]]></body></message>", "<a xmlns='x'/><b/>",
		"<a xmlns='x'><b/><c></c ></a >", "<a xmlns='x'><!-- > --></a>", "<a xmlns='x'", "<>", "</a>", "<a xmlns='x' / >",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, frame string) {
		if len(frame) < 2 || len(frame) > pieceSize {
			t.Skip()
		}
		for name, r := range map[string]io.Reader{"whole": strings.NewReader(""), "bytes": iotest.OneByteReader(strings.NewReader(frame[1:]))} {
			buf := make([]byte, pieceSize)
			n := copy(buf, frame)
			if name == "bytes" {
				n = 1
			}
			var got bytes.Buffer
			err := handOver(&got, buf[:n], r, name == "whole")
			scanner := stream.NewScanner(xmpp.NSClient, stream.AfterLogin)
			if _, _, err := scanner.Scan([]byte("<stream:stream xmlns:stream='http://etherx.jabber.org/streams'>")); err != nil {
				t.Fatal(err)
			}
			m, ev, bad := scanner.Scan([]byte(frame))
			one := bad == nil && (ev.Kind == stream.Stanza || ev.Kind == stream.Nonza) && strings.TrimLeft(frame[m:], " \t\r\n") == "" && frame[0] == '<'
			switch {
			case one && (err != nil || got.String() != frame[:m]):
				t.Fatalf("%s: %q gives %q, %v", name, frame, got.String(), err)
			case !one && bad == nil && err == nil:
				t.Fatalf("%s: %q is handed over; the scanner finds %v", name, frame, ev.Kind)
			case !strings.HasPrefix(frame, got.String()):
				t.Fatalf("%s: %q gives %q", name, frame, got.String())
			}
		}
	})
}
