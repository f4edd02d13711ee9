package c2s_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"palabre/server"
	"palabre/server/c2s"
	"palabre/xmpp"
)

const bindNS = "urn:ietf:params:xml:ns:xmpp-bind"

// authenticated is a stream after login, before bind.
func (w *world) authenticated(t testing.TB) *line {
	t.Helper()
	l := w.opened(t)
	l.send(plainAuth("juliet", password) + header)
	l.until("<success xmlns='" + nsSASL + "'/>")
	l.until("</stream:features>")
	return l
}

// TestFeatures: RFC 6120 §6.4.1 and §7.4, XEP-0440 §2, XEP-0388 §2.1, XEP-0386 §3.1.
func TestFeatures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.dialTLS(t)
	l.send(header)
	got := l.until("</stream:features>")
	got = got[strings.Index(got, "<stream:features>"):]
	mechanisms := ""
	for _, m := range []string{"SCRAM-SHA-512-PLUS", "SCRAM-SHA-512", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "PLAIN"} {
		mechanisms += "<mechanism>" + m + "</mechanism>"
	}
	want := "<stream:features><mechanisms xmlns='" + nsSASL + "'>" + mechanisms + "</mechanisms>" +
		"<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/><channel-binding type='tls-server-end-point'/></sasl-channel-binding>" +
		"<authentication xmlns='urn:xmpp:sasl:2'>" + mechanisms + "<inline><bind xmlns='urn:xmpp:bind:0'><inline><feature var='urn:test:inline'/></inline></bind></inline></authentication></stream:features>"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	l.send(plainAuth("juliet", password) + header)
	l.until("<success")
	got = l.until("</stream:features>")
	got = got[strings.Index(got, "<stream:features>"):]
	want = "<stream:features><bind xmlns='" + bindNS + "'/><session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session><sub xmlns='urn:test:feature' of='example.org'/></stream:features>"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestBind: RFC 6120 §7.6 and §7.7.
func TestBind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ask := func(inner string) string {
		return "<iq type='set' id='b'><bind xmlns='" + bindNS + "'>" + inner + "</bind></iq>"
	}
	t.Run("a resource of the server's", func(t *testing.T) {
		l := w.authenticated(t)
		l.send(ask(""))
		got := l.until("</iq>")
		if !strings.HasPrefix(got, "<iq type='result' id='b'") || len(strings.TrimPrefix(between(got, "<jid>", "</jid>"), "juliet@example.org/")) < 22 {
			t.Errorf("got %s", got)
		}
	})
	t.Run("an empty resource", func(t *testing.T) {
		l := w.authenticated(t)
		l.send(ask("<resource/>"))
		l.until("<jid>juliet@example.org/")
	})
	t.Run("a resource that is none, then one", func(t *testing.T) {
		l := w.authenticated(t)
		for range 5 {
			l.send(ask("<resource>" + strings.Repeat("x", 1024) + "</resource>"))
			if got := l.until("</iq>"); !strings.HasPrefix(got, "<iq type='error' id='b'") || !strings.Contains(got, "<bad-request ") {
				t.Errorf("got %s", got)
			}
		}
		l.send(ask("<resource>balcony</resource>"))
		l.until("<jid>juliet@example.org/balcony</jid>")
		l.fence()
	})
	t.Run("too often", func(t *testing.T) {
		l := w.authenticated(t)
		for range 6 {
			l.send(ask("<resource>" + strings.Repeat("x", 1024) + "</resource>"))
		}
		l.dies("policy-violation")
	})
	t.Run("a message before it", func(t *testing.T) {
		l := w.authenticated(t)
		l.send("<message to='romeo@example.org'><body>too early</body></message>")
		l.dies("not-authorized")
	})
	t.Run("another request before it", func(t *testing.T) {
		l := w.authenticated(t)
		l.send("<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>")
		l.dies("not-authorized")
	})
	t.Run("an element that nobody knows before it", func(t *testing.T) {
		l := w.authenticated(t)
		l.send("<x xmlns='urn:test:unknown'/>")
		l.dies("unsupported-stanza-type")
	})
	t.Run("what comes in before the answer waits", func(t *testing.T) {
		l := w.authenticated(t)
		l.send(ask("<resource>greeted</resource>"))
		got := l.until("</message>")
		if strings.Index(got, "<jid>") > strings.Index(got, "<message") || !strings.Contains(got, "<jid>") {
			t.Errorf("got %s", got)
		}
	})
}

func between(s, from, to string) string {
	_, rest, _ := strings.Cut(s, from)
	out, _, _ := strings.Cut(rest, to)
	return out
}

// TestSession is a stream that is in use.
func TestSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	t.Run("the session of old", func(t *testing.T) {
		l := w.login(t, juliet, "old")
		l.send("<iq type='set' id='s' to='example.org'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>")
		l.until("<iq type='result' id='s' ")
	})
	t.Run("an element of a module", func(t *testing.T) {
		l := w.login(t, juliet, "knocker")
		l.send("<knock xmlns='urn:test:nonza'/>")
		l.until("<who xmlns='urn:test:nonza'>juliet@example.org/knocker</who>")
	})
	t.Run("an element of nobody", func(t *testing.T) {
		l := w.login(t, juliet, "unknown")
		l.send("<knock xmlns='urn:test:other'/>")
		l.dies("unsupported-stanza-type")
	})
	t.Run("logging in twice", func(t *testing.T) {
		l := w.login(t, juliet, "twice")
		l.send(plainAuth("juliet", password))
		l.dies("unsupported-stanza-type")
	})
	t.Run("white space keeps a stream alive", func(t *testing.T) {
		l := w.login(t, juliet, "blank")
		l.send(" \n\t ")
		l.fence()
	})
	t.Run("a stanza that is not XML", func(t *testing.T) {
		l := w.login(t, juliet, "broken")
		l.send("<message><body></message>")
		l.dies("not-well-formed")
	})
	t.Run("a stanza too long", func(t *testing.T) {
		l := w.login(t, juliet, "long")
		l.send("<message to='romeo@example.org'><body>" + strings.Repeat("x", 256<<10))
		l.dies("policy-violation")
	})
	t.Run("a stream error of the client's", func(t *testing.T) {
		l := w.login(t, juliet, "error")
		l.send("<stream:error><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>")
		if got := l.end(); got != "</stream:stream>" {
			t.Errorf("got %s", got)
		}
	})
}

// TestLang: RFC 6120 §8.1.5.
func TestLang(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := w.login(t, romeo, "orchard")
	l := w.opened(t)
	l.send(plainAuth("juliet", password) + strings.Replace(header, " to=", " xml:lang='de-CH' to=", 1))
	l.until("</stream:features>")
	l.send("<iq type='set' id='b'><bind xmlns='" + bindNS + "'/></iq>")
	l.until("</iq>")
	l.send("<message to='romeo@example.org/orchard' id='1'/><message to='romeo@example.org/orchard' id='2' xml:lang='fr'/>")
	if got := to.until("id='2'"); !strings.Contains(got, "xml:lang='de-CH'") {
		t.Errorf("the language of the stream is missing: %s", got)
	}
	to.until("xml:lang='fr'/>")
}

// TestLeave: RFC 6120 §4.4. What was asked before is answered before.
func TestLeave(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.login(t, juliet, "leaving")
	s := w.session(juliet, "leaving")
	l.send("<iq type='get' id='last' to='" + domain + "'><ping xmlns='urn:xmpp:ping'/></iq></stream:stream>")
	if got := l.end(); !strings.Contains(got, "id='last'") || !strings.HasSuffix(got, "</stream:stream>") || strings.Contains(got, "error") {
		t.Errorf("got %s", got)
	}
	w.wait(s.Gone())
}

// TestLoss is a connection that ends without a word.
func TestLoss(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.login(t, juliet, "lost")
	s := w.session(juliet, "lost")
	l.conn.Close()
	w.wait(s.Gone())
}

func (w *world) session(user xmpp.JID, resource string) *server.Session {
	w.t.Helper()
	a := w.host.Online(user)
	if a == nil || a.Session(resource) == nil {
		w.t.Fatalf("%s/%s is not there", user, resource)
	}
	return a.Session(resource)
}

func (w *world) wait(c <-chan struct{}) {
	w.t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		w.t.Fatal("it does not come about")
	}
}

// TestConflict: the newest session of a resource wins (RFC 6120 §7.7.2.2).
func TestConflict(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.login(t, juliet, "balcony")
	former := w.session(juliet, "balcony")
	w.login(t, juliet, "balcony").fence()
	old.dies("conflict")
	w.wait(former.Gone())
}

// TestPanic: an error of ours ends one stream, and says so.
func TestPanic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.panics = 1
	other := w.login(t, romeo, "orchard")
	l := w.login(t, juliet, "balcony")
	s := w.session(juliet, "balcony")
	l.send("<iq type='set' id='p' to='example.org'><panic xmlns='urn:test:panic'/></iq>")
	l.dies("internal-server-error")
	w.wait(s.Gone())
	other.fence()
	if log := w.log.String(); !strings.Contains(log, "as the test wants it") || !strings.Contains(log, "harness_test.go") {
		t.Errorf("the log does not say what went wrong:\n%s", log)
	}
}

// TestSlowReader: a client that does not read loses its session, and nobody waits for it.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.login(t, romeo, "asleep")
	must(t, l.conn.(interface{ NetConn() net.Conn }).NetConn().(*net.TCPConn).SetReadBuffer(4096))
	s := w.session(romeo, "asleep")
	from := w.login(t, juliet, "talker")
	message := "<message to='romeo@example.org/asleep' type='headline'><body>" + strings.Repeat("x", 200<<10) + "</body></message>"
	for i := 0; !s.IsClosed(); i++ {
		if i > 400 {
			t.Fatal("80 MB are waiting for a client that does not read")
		}
		from.send(message)
		from.fence()
	}
	w.wait(s.Gone())
}

// TestFlooded: a session for which too much comes in before its client knows the address ends at once, not when the time for logging in is over.
func TestFlooded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *c2s.Options) { o.LoginTime = 2 * patience })
	l := w.authenticated(t)
	l.send("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>flooded</resource></bind></iq>")
	l.dies("resource-constraint")
}

// TestWriteDeadline: so does one that stops in the middle.
func TestWriteDeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *c2s.Options) { o.WriteTime = 300 * time.Millisecond })
	l := w.login(t, romeo, "asleep")
	must(t, l.conn.(interface{ NetConn() net.Conn }).NetConn().(*net.TCPConn).SetReadBuffer(4096))
	s := w.session(romeo, "asleep")
	st := xmpp.NewStanza(xmpp.Message, xmpp.TypeHeadline, xmpp.New(xmpp.NSClient, "body", xmpp.Text(strings.Repeat("x", 900<<10))))
	fill := time.NewTicker(10 * time.Millisecond)
	defer fill.Stop()
	for !s.IsClosed() {
		select {
		case <-fill.C:
			s.SendStanza(st)
		case <-s.Gone():
		}
	}
	w.wait(s.Gone())
}

// TestDeadline: who has not logged in within the time is told so, wherever it stands.
func TestDeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *c2s.Options) { o.LoginTime = 300 * time.Millisecond })
	t.Run("silent", func(t *testing.T) {
		t.Parallel()
		w.dial(t).dies("connection-timeout")
	})
	t.Run("a header that does not end", func(t *testing.T) {
		t.Parallel()
		l := w.dial(t)
		l.send("<?xml version='1.0'?><stream:stream ")
		l.dies("connection-timeout")
	})
	t.Run("in the middle of the handshake", func(t *testing.T) {
		t.Parallel()
		l := w.dial(t)
		l.send(header)
		l.until("</stream:features>")
		l.send(starttls)
		l.until("/>")
		if got := l.end(); got != "" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("over TLS", func(t *testing.T) {
		t.Parallel()
		w.opened(t).dies("connection-timeout")
	})
	t.Run("a byte now and then does not help", func(t *testing.T) {
		t.Parallel()
		l := w.opened(t)
		begun := time.Now()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for range tick.C {
			if _, err := l.conn.Write([]byte(" ")); err != nil || time.Since(begun) > time.Second {
				break
			}
		}
		l.dies("connection-timeout")
	})
	t.Run("logged in without a resource", func(t *testing.T) {
		t.Parallel()
		w.authenticated(t).dies("connection-timeout")
	})
}

// TestLobby: the oldest of those who have not logged in gives way.
func TestLobby(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *c2s.Options) { o.MaxWaitingEach = 3 })
	first := w.opened(t)
	second := w.opened(t)
	bound := w.login(t, juliet, "safe")
	third, fourth := w.opened(t), w.opened(t)
	first.dies("resource-constraint")
	fifth := w.dial(t)
	fifth.send(header)
	fifth.until("</stream:features>")
	second.dies("resource-constraint")
	third.send(plainAuth("romeo", password))
	third.until("<success")
	fourth.send(plainAuth("romeo", password))
	fourth.until("<success")
	bound.fence()
	if n := w.c2s.Stats.Evicted(); n != 2 {
		t.Errorf("%d connections gave way, want 2", n)
	}
}

// TestShutdown: everybody is told, and nothing remains.
func TestShutdown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	waiting, silent, inTLS, bound := w.dial(t), w.dial(t), w.opened(t), w.login(t, juliet, "balcony")
	waiting.send(header)
	waiting.until("</stream:features>")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- w.c2s.Shutdown(ctx) }()
	for _, l := range []*line{waiting, silent, inTLS, bound} {
		l.dies("system-shutdown")
	}
	must(t, <-done)
	if n := w.c2s.Stats.Connections(); n != 0 {
		t.Errorf("%d connections remain", n)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer ln.Close()
	if err := w.c2s.Serve(ln, c2s.StartTLS); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a server that was shut down serves: %v", err)
	}
}

// TestShutdownCut: who does not go is cut off when the time is over.
func TestShutdownCut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *c2s.Options) { o.LingerTime = time.Hour })
	w.login(t, juliet, "balcony")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := w.c2s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if n := w.c2s.Stats.Connections(); n != 0 {
		t.Errorf("%d connections remain", n)
	}
}
