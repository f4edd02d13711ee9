package websocket_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"palabre/server/servertest"
	"palabre/xmpp"
)

// dialRaw makes a WebSocket by hand, so that a test can send what no library would.
func dialRaw(t *testing.T, s *servertest.Server) (*tls.Conn, *bufio.Reader) {
	t.Helper()
	c, err := tls.Dial("tcp", s.Addr("https").String(), &tls.Config{InsecureSkipVerify: true, ServerName: domain})
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	must(t, c.SetDeadline(time.Now().Add(patience)))
	_, err = io.WriteString(c, "GET /xmpp-websocket HTTP/1.1\r\nHost: "+domain+"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: xmpp\r\n\r\n")
	must(t, err)
	r := bufio.NewReader(c)
	answer, err := http.ReadResponse(r, nil)
	must(t, err)
	must(t, answer.Body.Close())
	if answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("the answer is %s", answer.Status)
	}
	return c, r
}

// TestBrokenFrames: what is no frame ends the connection, and what a frame says of its length makes nobody hold memory.
func TestBrokenFrames(t *testing.T) {
	t.Parallel()
	s := start(t)
	const key = "\x00\x00\x00\x00" // which masks nothing
	masked := func(frame string) string {
		return "\x81\xfe" + string([]byte{byte(len(frame) >> 8), byte(len(frame))}) + key + frame
	}
	for _, test := range []struct{ name, bytes, answer string }{
		{"not masked", "\x81\x04<a/>", ""},
		{"reserved bits", "\xf1\x84" + key + "<a/>", ""},
		{"an unknown opcode", "\x83\x84" + key + "<a/>", ""},
		{"a continuation of nothing", "\x80\x84" + key + "<a/>", ""},
		{"a ping in fragments", "\x09\x84" + key + "<a/>", ""},
		{"a ping that is too long", "\x89\xfe\x01\x00" + key + strings.Repeat("x", 256), ""},
		{"a length below zero", "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff" + key + "<a xmlns='x'>", ""},
		{"a length of a tebibyte", masked(open) + "\x81\xff\x00\x00\x01\x00\x00\x00\x00\x00" + key + "<a xmlns='x'>" + strings.Repeat("x", 20<<10), "policy-violation"},
		{"a fragment within a message", "\x01\x83" + key + "<a " + "\x81\x83" + key + "<a ", ""},
		{"a closing frame that says nonsense", "\x88\x82" + key + "\x00\x01", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, r := dialRaw(t, s)
			_, err := io.WriteString(c, test.bytes)
			must(t, err)
			b, err := io.ReadAll(r)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("the connection goes on after %q", b)
			}
			contains(t, string(b), test.answer)
		})
	}
}

// TestGone: a page that is closed says nothing, and one that does not answer the closing is not waited for.
func TestGone(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := login(t, s, juliet)
	must(t, c.ws.Close(1001, "the page is closed"))
	must(t, s.Lapsed(xmpp.MustParseJID(juliet.String()+"/web")))

	raw, r := dialRaw(t, s)
	_, err := io.WriteString(raw, "\x81\x83\x00\x00\x00\x00<a>")
	must(t, err)
	began := time.Now()
	_, err = io.ReadAll(r)
	if took := time.Since(began); errors.Is(err, os.ErrDeadlineExceeded) || took > patience/2 {
		t.Errorf("the connection ended after %v with %v", took, err)
	}
}
