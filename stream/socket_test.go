//go:build unix

package stream

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"palabre/xmpp"
)

// socketPair gives a Socket and its peer.
func socketPair(t *testing.T) (*Socket, net.Conn) {
	t.Helper()
	c, peer := tcpPair(t)
	s, err := NewSocket(c.(*net.TCPConn))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close(); s.Close() })
	return s, peer
}

// events reads stanzas in the way of a transport until the stream ends, and gives their ids.
func events(r *Reader) (ids []string, err error) {
	for {
		ev, err := r.Next()
		switch {
		case err != nil:
			return ids, err
		case ev.Kind == None:
			if err := r.Wait(); err != nil {
				return ids, err
			}
		case ev.Kind == Stanza:
			ids = append(ids, ev.Stanza.ID)
		}
	}
}

const socketHeader = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"

func TestSocketUnderTLSInAnyPieces(t *testing.T) {
	t.Parallel()
	cert := testCertificate(t)
	for _, size := range []int{1, 7, 600, 5000, 40000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			s, peer := socketPair(t)
			go func() {
				// Records of the client's own cut, sent in pieces that have nothing to do with them.
				relay, inner := net.Pipe()
				c := tls.Client(inner, &tls.Config{InsecureSkipVerify: true})
				go func() {
					buf := make([]byte, size)
					for {
						n, err := relay.Read(buf)
						if _, werr := peer.Write(buf[:n]); err != nil || werr != nil {
							peer.Close()
							relay.Close()
							return
						}
					}
				}()
				go func() { _, _ = io.Copy(relay, peer) }()
				_, _ = io.WriteString(c, socketHeader)
				for i := range 60 {
					_, _ = fmt.Fprintf(c, "<message id='%d'><body>%s</body></message>", i, strings.Repeat("x", i*100))
				}
				_, _ = io.WriteString(c, "</stream:stream>")
				c.Close()
			}()
			conn := tls.Server(s, &tls.Config{Certificates: []tls.Certificate{cert}})
			if err := conn.Handshake(); err != nil {
				t.Fatal(err)
			}
			r := NewReader(conn, xmpp.NSClient, AfterLogin)
			r.WaitOn(s)
			ids, err := events(r)
			if err != io.EOF || len(ids) != 60 || ids[0] != "0" || ids[59] != "59" {
				t.Errorf("%d stanzas, then %v: %v", len(ids), err, ids)
			}
		})
	}
}

func TestSocketEndsAndDeadlines(t *testing.T) {
	t.Parallel()
	t.Run("deadline", func(t *testing.T) {
		t.Parallel()
		s, _ := socketPair(t)
		r := NewReader(s, xmpp.NSClient, AfterLogin)
		r.WaitOn(s)
		if err := s.SetReadDeadline(time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		if _, err := events(r); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
	t.Run("half a stanza, then the end", func(t *testing.T) {
		t.Parallel()
		s, peer := socketPair(t)
		_, _ = io.WriteString(peer, socketHeader+"<message id='1'/><message id='2'")
		peer.Close()
		r := NewReader(s, xmpp.NSClient, AfterLogin)
		r.WaitOn(s)
		if ids, err := events(r); err != io.EOF || fmt.Sprint(ids) != "[1]" {
			t.Errorf("%v %v", ids, err)
		}
	})
	t.Run("patient again", func(t *testing.T) {
		t.Parallel()
		s, peer := socketPair(t)
		_, _ = io.WriteString(peer, "abc")
		s.Hasty(true)
		if err := s.Wait(); err != nil {
			t.Fatal(err)
		}
		s.Hasty(false)
		peer.Close()
		if got, err := io.ReadAll(s); err != nil || string(got) != "abc" {
			t.Errorf("%q %v", got, err)
		}
	})
}
