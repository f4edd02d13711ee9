package bench

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"mellium.im/sasl"

	"palabre/stream"
	"palabre/xmpp"
)

// A relay is a server that does only what a chat needs, and that can be told to lose, double or reorder what it relays.
type relay struct {
	t       *testing.T
	address string
	tls     *tls.Config
	direct  bool
	mangle  func(st *xmpp.Stanza) []*xmpp.Stanza // what is delivered for a message
	archive relayArchive
	rooms   relayRooms
	admit   func(handled uint32) (h uint32, ok bool) // what is acknowledged, of so many stanzas that were handled; nil: all

	wg   sync.WaitGroup
	mu   sync.Mutex
	open map[xmpp.JID]*stream.Queue // by bare address
	acks map[xmpp.JID][]string      // what the clients acknowledged, by bare address
}

func newRelay(t *testing.T, direct bool, mangle func(*xmpp.Stanza) []*xmpp.Stanza) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{t: t, address: l.Addr().String(), tls: selfSigned(t), direct: direct, mangle: mangle, open: make(map[xmpp.JID]*stream.Queue), acks: make(map[xmpp.JID][]string)}
	r.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			r.wg.Go(func() { r.serve(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		r.wg.Wait()
	})
	return r
}

func selfSigned(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"example.org"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{"xmpp-client"}}
}

// A peer is one connection of a relay. Its negotiation ends with the connection wherever the client does something else
// than what is due, which the client then reports.
type peer struct {
	conn net.Conn
	in   *stream.Reader
}

func (r *relay) serve(conn net.Conn) {
	p := &peer{conn: conn}
	defer func() { p.conn.Close() }()
	if r.direct {
		p.conn = tls.Server(conn, r.tls)
	}
	p.in = stream.NewReader(p.conn, xmpp.NSClient, limits)
	if !r.direct {
		p.features("<starttls xmlns='" + nsTLS + "'/>")
		p.next()
		p.write("<proceed xmlns='" + nsTLS + "'/>")
		p.conn = tls.Server(conn, r.tls)
		p.in.Secure(p.conn)
	}
	user, ok := p.authenticate()
	if !ok {
		return
	}
	p.in.Restart(limits)
	p.features("<bind xmlns='" + nsBind + "'/><session xmlns='" + nsSession + "'/>")
	for _, answer := range []string{"<bind xmlns='" + nsBind + "'><jid>" + user.String() + "/r</jid></bind>", ""} {
		if ev := p.next(); ev.Kind == stream.Stanza {
			p.write("<iq type='result' id='" + ev.Stanza.ID + "'>" + answer + "</iq>")
		}
	}
	r.relay(p, user)
}

func (p *peer) write(xml string) { p.conn.Write([]byte(xml)) }

func (p *peer) next() stream.Event {
	ev, err := p.in.Next()
	if err != nil {
		p.conn.Close()
	}
	return ev
}

func (p *peer) features(xml string) {
	p.next()
	h := stream.Header{From: "example.org", ID: "1", Version: "1.0", Space: xmpp.NSClient}
	p.write(string(h.AppendOpen(nil)) + "<stream:features>" + xml + "</stream:features>")
}

// authenticate lets in whoever has the password "secret".
func (p *peer) authenticate() (user xmpp.JID, ok bool) {
	p.features("<mechanisms xmlns='" + nsSASL + "'><mechanism>PLAIN</mechanism><mechanism>SCRAM-SHA-256</mechanism></mechanisms>")
	server := sasl.NewServer(sasl.ScramSha256, func(*sasl.Negotiator) bool { return true },
		sasl.SaltedCredentials(func(name, _ []byte, _ string) ([]byte, []byte, int64, error) {
			user, _ = xmpp.NewJID(string(name), "example.org", "")
			salted, err := pbkdf2.Key(sha256.New, "secret", []byte("salt"), 4096, sha256.Size)
			return []byte("salt"), salted, 4096, err
		}))
	for {
		data, err := base64.StdEncoding.DecodeString(p.next().Nonza.Content())
		if err != nil {
			return user, false
		}
		more, challenge, err := server.Step(data)
		text := base64.StdEncoding.EncodeToString(challenge)
		switch {
		case err != nil:
			p.write("<failure xmlns='" + nsSASL + "'><not-authorized/></failure>")
			return user, false
		case !more:
			p.write("<success xmlns='" + nsSASL + "'>" + text + "</success>")
			return user, true
		}
		p.write("<challenge xmlns='" + nsSASL + "'>" + text + "</challenge>")
	}
}

func (r *relay) relay(p *peer, user xmpp.JID) {
	out := stream.NewQueue(p.conn)
	defer out.Wait()
	var handled uint32
	for {
		ev := p.next()
		switch ev.Kind {
		case stream.Stanza:
			handled++
			if ev.Stanza.Kind == xmpp.Presence && ev.Stanza.To.IsZero() { // from now on messages to the user come here
				r.mu.Lock()
				r.open[user] = out
				r.mu.Unlock()
				continue
			}
			r.route(user, out, ev.Stanza)
		case stream.Nonza:
			if ev.Nonza.Is(nsSM, "enable") {
				handled = 0
			}
			r.manage(user, out, ev.Nonza, handled)
		case stream.Closed:
			out.Close(stream.AppendClose(nil), nil)
			return
		case stream.None:
			out.Close(nil, nil)
			return
		}
	}
}

// manage is the relay's side of stream management. It asks once, when that is turned on, and counts nothing of its own.
func (r *relay) manage(user xmpp.JID, out *stream.Queue, e xmpp.Element, handled uint32) {
	send := func(xml string) { out.Send(stream.Packet{Raw: xml}) }
	switch e.Name.Local {
	case "enable":
		send("<enabled xmlns='" + nsSM + "' resume='true' id='1'/>" + askAck)
	case "r":
		h, ok := handled, true
		if r.admit != nil {
			h, ok = r.admit(handled)
		}
		if ok {
			send(fmt.Sprintf("<a xmlns='%s' h='%d'/>", nsSM, h))
		}
	case "a":
		r.mu.Lock()
		r.acks[user] = append(r.acks[user], e.Attr("h"))
		r.mu.Unlock()
	}
}

func (r *relay) route(user xmpp.JID, out *stream.Queue, st *xmpp.Stanza) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case st.Kind == xmpp.Presence:
		r.rooms.enter(user, out, st.To)
	case st.Kind == xmpp.IQ:
		if query, ok := st.Child(nsMAM, "query"); ok {
			r.archive.answer(user, out, st, query)
			return
		}
		if query, ok := st.Child(nsMUCOwner, "query"); ok {
			out.Send(stream.Packet{Stanza: r.rooms.own(st, query)})
			return
		}
		out.Send(stream.Packet{Stanza: st.Result(xmpp.Element{})})
	case st.Type == xmpp.TypeGroupchat:
		r.archive.add(st.To, st)
		r.rooms.say(user, st)
	default:
		r.archive.add(user, st)
		r.archive.add(st.To, st)
		for _, m := range r.mangle(st) {
			r.open[m.To].Send(stream.Packet{Stanza: m, To: m.To})
		}
	}
}

func (r *relay) users(t *testing.T, n int) []User {
	t.Helper()
	users, err := NumberedUsers("u", "example.org", "secret", n)
	if err != nil {
		t.Fatal(err)
	}
	return users
}

func (r *relay) config(t *testing.T, scenario string, users int) Config {
	return Config{
		Scenario: scenario, Dialer: &Dialer{Address: r.address, Direct: r.direct}, Users: r.users(t, users),
		Units: 200, Warmup: time.Millisecond, Hold: time.Millisecond, Rounds: 2, Timeout: time.Minute, settle: 2 * time.Second,
	}
}

func faithful(st *xmpp.Stanza) []*xmpp.Stanza { return []*xmpp.Stanza{st} }

func TestScenariosAgainstRelay(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){
		"chat":            func(*Config) {},
		"chat, open loop": func(c *Config) { c.Rate = 5000 },
		"connect":         func(c *Config) { c.Scenario = "connect" },
		"churn":           func(c *Config) { c.Scenario = "churn"; c.Units = 0 },
	} {
		for _, direct := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c := newRelay(t, direct, faithful).config(t, "chat", 6)
				change(&c)
				report, err := Do(context.Background(), c)
				if err != nil || report.Units == 0 || report.Rate <= 0 || report.P50 <= 0 || report.P99 < report.P50 {
					t.Errorf("%v; report %+v", err, report)
				}
			})
		}
	}
}

// A server that is not faithful fails the run, and the report says how.
func TestFaultsFailTheRun(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mangle func(n int, held **xmpp.Stanza, st *xmpp.Stanza) []*xmpp.Stanza
		found  func(f Faults) bool
	}{
		"loses one": {
			func(n int, _ **xmpp.Stanza, st *xmpp.Stanza) []*xmpp.Stanza {
				if n == 100 {
					return nil
				}
				return faithful(st)
			},
			func(f Faults) bool { return f == Faults{Lost: 1} },
		},
		"sends one twice": {
			func(n int, _ **xmpp.Stanza, st *xmpp.Stanza) []*xmpp.Stanza {
				if n == 100 {
					return []*xmpp.Stanza{st, st}
				}
				return faithful(st)
			},
			func(f Faults) bool { return f == Faults{Duplicated: 1} },
		},
		"lets one overtake": {
			func(n int, held **xmpp.Stanza, st *xmpp.Stanza) []*xmpp.Stanza {
				switch {
				case n == 100:
					*held = st
					return nil
				case *held != nil && (*held).From == st.From && (*held).To == st.To:
					late := *held
					*held = nil
					return []*xmpp.Stanza{st, late}
				}
				return faithful(st)
			},
			func(f Faults) bool { return f == Faults{Reordered: 1} },
		},
		"gives one to somebody else": {
			func(n int, _ **xmpp.Stanza, st *xmpp.Stanza) []*xmpp.Stanza {
				if n == 100 {
					return []*xmpp.Stanza{st.Addressed(xmpp.MustParseJID("u3@example.org"))}
				}
				if st.To.Local() == "u3" || st.To.Local() == "u2" {
					return nil
				}
				return faithful(st)
			},
			func(f Faults) bool { return f.Unknown == 1 && f.Lost > 1 },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := 0
			var held *xmpp.Stanza
			r := newRelay(t, false, func(st *xmpp.Stanza) []*xmpp.Stanza {
				n++
				return c.mangle(n, &held, st)
			})
			report, err := Do(context.Background(), r.config(t, "chat", 4))
			if !errors.Is(err, ErrFaults) || !c.found(report.Faults) || report.Error == "" {
				t.Errorf("%v; faults: %v", err, report.Faults)
			}
		})
	}
}

// What goes wrong with the server is the run's error, and the run ends.
func TestTroubleEndsTheRun(t *testing.T) {
	t.Parallel()
	t.Run("wrong password", func(t *testing.T) {
		t.Parallel()
		c := newRelay(t, false, faithful).config(t, "connect", 1)
		c.Users[0].Password = "wrong"
		if _, err := Do(context.Background(), c); err == nil || !strings.Contains(err.Error(), "not-authorized") {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("certificate", func(t *testing.T) {
		t.Parallel()
		c := newRelay(t, false, faithful).config(t, "connect", 1)
		c.Dialer.Roots = x509.NewCertPool()
		if _, err := Do(context.Background(), c); err == nil || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("stream error", func(t *testing.T) {
		t.Parallel()
		var r *relay
		r = newRelay(t, false, func(st *xmpp.Stanza) []*xmpp.Stanza {
			dying := &stream.Error{Condition: stream.SystemShutdown}
			r.open[st.To].Send(stream.Packet{Raw: string(dying.AppendXML(nil))})
			return nil
		})
		if _, err := Do(context.Background(), r.config(t, "chat", 2)); err == nil || !strings.Contains(err.Error(), "system-shutdown") {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("timeout", func(t *testing.T) {
		t.Parallel()
		c := newRelay(t, false, faithful).config(t, "connect", 1)
		c.Hold, c.Timeout = time.Hour, 200*time.Millisecond
		if _, err := Do(context.Background(), c); err == nil || !strings.Contains(err.Error(), "not finished within 200ms") {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("the server is not the process", func(t *testing.T) {
		t.Parallel()
		c := newRelay(t, false, faithful).config(t, "connect", 1)
		c.Server = []int{1 << 30}
		if _, err := Do(context.Background(), c); err == nil || !strings.Contains(err.Error(), "is not running") {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
