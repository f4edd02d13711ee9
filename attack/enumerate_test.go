package attack

import (
	"encoding/base64"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

// The people of these tests. Their names are of one length, so that answers can be compared byte by byte.
var (
	present  = xmpp.MustParseJID("present@example.org") // on-line
	absent   = xmpp.MustParseJID("absents@example.org") // has an account, and is not there
	nobody   = xmpp.MustParseJID("nowhere@example.org") // has none
	blocking = xmpp.MustParseJID("blocker@example.org") // on-line, and has blocked who asks
	disabled = xmpp.MustParseJID("sleeper@example.org") // may not log in
	people   = []xmpp.JID{nobody, absent, present, blocking, disabled}
	changing = regexp.MustCompile(` (id='[a-z2-7]{26}'|ver='[0-9]+')`) // of roster pushes: not the same twice
)

// inhabited makes the people.
func inhabited(t testing.TB, s *site) (p, b *wire) {
	t.Helper()
	for _, j := range []xmpp.JID{present, blocking, absent, disabled} {
		must(t, s.Befriend(t, j, juliet))
	}
	must(t, s.Accounts.Disable(t.Context(), disabled))
	p, b = s.login(t, present, "here"), s.login(t, blocking, "here")
	b.send("<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='mallory@example.org'/></block></iq>")
	b.until("id='b'")
	b.until("/>")
	for _, w := range []*wire{p, b} {
		w.send("<presence><status>" + secretBody + "</status></presence>")
		w.fence()
	}
	return p, b
}

// TestA4Login (CVE-2021-32921): logging in fails with the same bytes, whether there is an account or not, may log in or not. The salt of one who is not there stays.
func TestA4Login(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	inhabited(t, s)
	fail := func(name, mechanism string) (shown string, salt string) {
		w := s.opened(t)
		if mechanism == "PLAIN" {
			w.send(plain("", name, "Wr0ng guess"))
			return w.until("</failure>"), ""
		}
		c := &scram{mechanism: mechanism, name: name, password: "Wr0ng guess"}
		challenge := c.begin(w)
		salt = c.attr("s")
		nonce := c.attr("r")
		shape := strings.NewReplacer(salt, fmt.Sprint(len(salt), " of salt"), nonce, fmt.Sprint(len(nonce), " of nonce")).Replace(challenge)
		return shape + c.finish(w), salt
	}
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		want, _ := fail(nobody.Local(), mechanism)
		salts := map[string]string{}
		for _, who := range people {
			got, salt := fail(who.Local(), mechanism)
			if got != want {
				t.Errorf("%s: for %s %q, for nobody %q", mechanism, who, got, want)
			}
			again, saltAgain := fail(strings.ToUpper(who.Local()), mechanism)
			if again != want || saltAgain != salt {
				t.Errorf("%s: the second time %s is answered by %q and the salt %s, the first by %q and %s", mechanism, who, again, saltAgain, got, salt)
			}
			if other, taken := salts[salt]; taken && salt != "" {
				t.Errorf("%s: %s and %s have the same salt", mechanism, who, other)
			}
			salts[salt] = who.String()
		}
	}
	w := s.opened(t)
	w.send(authenticate("", nobody.Local(), "Wr0ng guess"))
	want := w.until("</failure>")
	w.send(authenticate("", absent.Local(), "Wr0ng guess"))
	if got := w.until("</failure>"); got != want {
		t.Errorf("SASL2: for an account %q, for nobody %q", got, want)
	}
}

// requests are what a stranger can ask about an account: everything that the server answers, and some that it does not know.
func (s *site) requests() (out []string) {
	names := append(s.Host.Requests(server.ToAccount), s.Host.Requests(server.ToDomain)...)
	for _, n := range append(names, xmpp.Name{Space: "http://jabber.org/protocol/pubsub", Local: "pubsub"}, xmpp.Name{Space: "urn:xmpp:mam:2", Local: "query"},
		xmpp.Name{Space: "urn:ietf:params:xml:ns:vcard-4.0", Local: "vcard"}, xmpp.Name{Space: "jabber:iq:search", Local: "query"}, xmpp.Name{Space: "urn:x:unknown", Local: "query"}) {
		for _, typ := range []string{"get", "set"} {
			for _, to := range []string{"%s", "%s/here", "%s/there"} {
				out = append(out, "<iq type='"+typ+"' id='q' to='"+to+"'><"+n.Local+" xmlns='"+n.Space+"'/></iq>")
			}
		}
	}
	return out
}

// TestA4Stanzas (OF-3258): to a stranger, and to who is blocked, all accounts look like none, but for messages: the same bytes, or the same silence. So they do for F5.
func TestA4Stanzas(t *testing.T) {
	t.Parallel()
	s := start(t)
	p, b := inhabited(t, s)
	w := s.login(t, mallory, "pc")
	w.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq><presence/>")
	w.fence()
	asked := s.requests()
	for _, typ := range []string{"probe", "subscribe", "subscribed", "unsubscribe", "unsubscribed", "unavailable", "error", "unknown"} {
		for _, to := range []string{"%s", "%s/here", "%s/there"} {
			asked = append(asked, "<presence type='"+typ+"' to='"+to+"' id='q'/>")
		}
	}
	asked = append(asked, "<presence to='%s'/>", "<presence to='%s/here'/>", "<presence to='%s/there'><status>"+secretBody+"</status></presence>",
		"<iq type='set' id='q'><query xmlns='jabber:iq:roster'><item jid='%s'/></query></iq>", "<iq type='set' id='q'><query xmlns='jabber:iq:roster'><item jid='%s' subscription='remove'/></query></iq>",
		"<iq type='result' id='q' to='%s'/>", "<iq type='error' id='q' to='%s/there'/>", "<iq type='none' id='q' to='%s'/>", "<iq type='get' to='%s'><q xmlns='urn:q'/></iq>", "<iq type='get' id='q' to='%s'/>",
		"<message type='groupchat' id='q' to='%s'><body>"+secretBody+"</body></message>", "<message type='headline' id='q' to='%s'/>", "<message type='error' id='q' to='%s'/>",
		"<message type='groupchat' id='q' to='%s/there'/>", "<message type='headline' id='q' to='%s/there'/>")
	compare(t, w, asked, people)
	// A message that is archived is kept, so there is an account; but not whether anybody is there, and who has blocked one looks like nobody.
	for _, alike := range [][]xmpp.JID{{nobody, blocking}, {present, absent, disabled}} {
		compare(t, w, []string{
			"<message type='chat' id='q' to='%s'><body>" + secretBody + "</body></message>", "<message id='q' to='%s'/>",
			"<message type='chat' id='q' to='%s/there'><body>" + secretBody + "</body></message>", "<message type='unknown' id='q' to='%s'/>",
			"<message type='normal' id='q' to='%s/there'/>", "<message type='chat' id='q' to='%s/here'/>",
			"<message type='chat' id='q' to='%s'><body>" + secretBody + "</body><no-store xmlns='urn:xmpp:hints'/></message>",
		}, alike)
	}
	b.hearsNothing()
	for _, n := range parse(t, p.fence()) {
		if n.XMLName.Local == "iq" {
			t.Errorf("a stranger's request reaches a client: %v", n)
		}
	}
}

// compare sends each question about each person and compares what comes.
func compare(t *testing.T, w *wire, asked []string, about []xmpp.JID) {
	t.Helper()
	for _, form := range asked {
		var want string
		for i, who := range about {
			w.send(strings.ReplaceAll(form, "%s", who.String()))
			got := changing.ReplaceAllString(strings.ReplaceAll(w.fence(), who.Local(), "NAME"), "")
			if i == 0 {
				want = got
			} else if got != want {
				t.Errorf("%s\nfor %s: %q\nfor %s: %q", form, about[0], want, who, got)
			}
		}
	}
}

// TestWelch holds the statistics to known values.
func TestWelch(t *testing.T) {
	t.Parallel()
	a := []float64{27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4}
	b := []float64{27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 30.5, 24.0}
	if got, df := welch(a, b); math.Abs(got+2.7) > 0.15 || math.Abs(df-27.5) > 1 {
		t.Errorf("t is %v with %v degrees of freedom", got, df)
	}
	if got, _ := welch(a, a); got != 0 {
		t.Errorf("t of the same is %v", got)
	}
}

// welch is the statistic of Welch's t-test, and its degrees of freedom.
func welch(a, b []float64) (t, df float64) {
	mean := func(x []float64) (m, v float64) {
		for _, f := range x {
			m += f / float64(len(x))
		}
		for _, f := range x {
			v += (f - m) * (f - m) / float64(len(x)-1)
		}
		return m, v / float64(len(x))
	}
	ma, va := mean(a)
	mb, vb := mean(b)
	return (ma - mb) / math.Sqrt(va+vb), (va + vb) * (va + vb) / (va*va/float64(len(a)-1) + vb*vb/float64(len(b)-1))
}

// BenchmarkA4 times what a stranger tries with an account that there is and with one that there is not, in turn, and reports the ratio of the means and Welch's t of
// the logarithms, of which the slowest hundredth on each side is left out: the rest of the machine made those. Beyond ±2.6 a difference shows (p < 0.01).
func BenchmarkA4(b *testing.B) {
	for _, test := range []struct {
		name string
		open func(s *site) func(who xmpp.JID) time.Duration
	}{
		{"PLAIN", loginTimes(func(w *wire, name string) { w.send(plain("", name, "Wr0ng guess")); w.until("</failure>") })},
		{"SCRAM-SHA-256", loginTimes(func(w *wire, name string) {
			first := base64.StdEncoding.EncodeToString([]byte("n,,n=" + name + ",r=clientsnonce"))
			w.send("<auth xmlns='" + nsSASL + "' mechanism='SCRAM-SHA-256'>" + first + "</auth>")
			w.until("</challenge>")
		})},
		{"request", stanzaTimes("<iq type='get' id='q' to='%s'><query xmlns='jabber:iq:version'/></iq>")},
		{"message", stanzaTimes("<message type='groupchat' to='%s'/>")},
	} {
		b.Run(test.name, func(b *testing.B) {
			s := start(b, limitsOff)
			inhabited(b, s)
			try := test.open(s)
			try(nobody)
			var times [2][]float64
			for n := 0; b.Loop(); n++ {
				for i := range 2 {
					i ^= n & 1 // neither is always the first
					times[i] = append(times[i], float64(try([]xmpp.JID{absent, nobody}[i])))
				}
			}
			report(b, times)
		})
	}
}

func loginTimes(try func(w *wire, name string)) func(s *site) func(xmpp.JID) time.Duration {
	return func(s *site) func(xmpp.JID) time.Duration {
		var w *wire
		tries := 0
		return func(who xmpp.JID) time.Duration {
			if tries%6 == 0 {
				if w != nil {
					_ = w.conn.Close()
				}
				w = s.opened(s.t)
			}
			tries++
			begun := time.Now()
			try(w, who.Local())
			return time.Since(begun)
		}
	}
}

func stanzaTimes(form string) func(s *site) func(xmpp.JID) time.Duration {
	return func(s *site) func(xmpp.JID) time.Duration {
		w := s.login(s.t, mallory, "pc")
		return func(who xmpp.JID) time.Duration {
			begun := time.Now()
			w.send(strings.ReplaceAll(form, "%s", who.String()))
			w.until("</error>")
			w.until(">")
			return time.Since(begun)
		}
	}
}

func report(b *testing.B, times [2][]float64) {
	var means [2]float64
	for i, all := range times {
		slices.Sort(all)
		all = all[:len(all)-len(all)/100]
		for j, t := range all {
			means[i] += t / float64(len(all))
			all[j] = math.Log(t)
		}
		times[i] = all
	}
	b.ReportMetric(means[0]/means[1], "known/unknown")
	if len(times[0]) > 2 {
		t, _ := welch(times[0], times[1])
		b.ReportMetric(t, "welch-t")
	}
}
