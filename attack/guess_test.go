package attack

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"palabre/daemon"
	"palabre/server/servertest"
	"palabre/xmpp"
)

// A clock stands still until it is told to go on.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// guesser tries passwords from one address, on as many streams as it needs.
type guesser struct {
	s    *site
	t    testing.TB
	from string
	w    *wire
	left int
}

// try gives the condition of a try: empty if it succeeds.
func (g *guesser) try(name, password string) string {
	g.t.Helper()
	if g.left == 0 {
		if g.w != nil {
			_ = g.w.conn.Close()
		}
		g.w = g.s.connect(g.t, "c2s_tls", g.from, clientTLS())
		g.w.send(header)
		g.w.until("</stream:features>")
		g.left = 7
	}
	g.left--
	g.w.send(plain("", name, password))
	got := g.w.until("/>")
	if strings.HasPrefix(got, "<success") {
		g.left = 0
		return ""
	}
	g.w.until("</failure>")
	return strings.TrimSuffix(got[strings.LastIndexByte(got, '<')+1:], "/>")
}

// TestA5Guessing: an address has thirty guesses and then one in two seconds, an account ten and then one in ten seconds, known or not. The right user gets in within a
// minute, from an address of their own, whoever else guesses meanwhile; with the right password at once where nobody guesses.
func TestA5Guessing(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := start(t, func(c *daemon.Config) { c.Tuning.Now = clock.Now })
	for _, j := range []xmpp.JID{juliet, romeo} {
		s.Account(t, j)
	}
	t.Run("from one address", func(t *testing.T) {
		evil := &guesser{s: s, t: t, from: "127.0.1.1"}
		looked := 0
		for i := range 200 {
			switch got := evil.try(fmt.Sprint("name", i), "Wr0ng guess"); got {
			case "not-authorized":
				looked++
			case "temporary-auth-failure":
			default:
				t.Fatalf("guess %d: %s", i, got)
			}
		}
		if looked != 30 {
			t.Errorf("%d guesses were looked at, want 30", looked)
		}
		if got := evil.try("juliet", servertest.Password); got != "temporary-auth-failure" {
			t.Errorf("a thirty-first guess that is right: %q", got)
		}
		if got := (&guesser{s: s, t: t, from: "127.0.1.2"}).try("juliet", servertest.Password); got != "" {
			t.Errorf("the user, from elsewhere: %s", got)
		}
		clock.pass(2 * time.Second)
		if got := evil.try("juliet", servertest.Password); got != "" {
			t.Errorf("two seconds later: %s", got)
		}
	})
	t.Run("from many addresses", func(t *testing.T) {
		attack := func() (looked int) {
			for i := range 40 {
				if (&guesser{s: s, t: t, from: fmt.Sprint("127.0.2.", 1+i)}).try("romeo", "Wr0ng guess") == "not-authorized" {
					looked++
				}
			}
			return looked
		}
		if looked := attack(); looked != 10 {
			t.Errorf("%d guesses were looked at, want 10", looked)
		}
		user := &guesser{s: s, t: t, from: "127.0.3.1"}
		if got := user.try("romeo", servertest.Password); got != "temporary-auth-failure" {
			t.Errorf("the user during the attack: %q", got)
		}
		for range 2 {
			clock.pass(30 * time.Second)
			attack()
		}
		if got := user.try("romeo", servertest.Password); got != "" {
			t.Errorf("the user a minute later, while the attack goes on: %s", got)
		}
		if got := (&guesser{s: s, t: t, from: "127.0.3.2"}).try("juliet", servertest.Password); got != "" {
			t.Errorf("another user: %s", got)
		}
	})
	t.Run("by all mechanisms", func(t *testing.T) {
		clock.pass(time.Hour)
		w := s.connect(t, "c2s_tls", "127.0.4.1", clientTLS())
		w.send(header)
		w.until("</stream:features>")
		looked := 0
		for range 3 {
			for mechanism := range hashes {
				if looked++; looked%7 == 0 {
					w = s.connect(t, "c2s_tls", "127.0.4.1", clientTLS())
					w.send(header)
					w.until("</stream:features>")
				}
				c := &scram{mechanism: mechanism, name: "juliet", password: "Wr0ng guess"}
				if got := c.run(w); !strings.Contains(got, "<not-authorized/>") {
					t.Errorf("%s: %s", mechanism, got)
				}
			}
		}
		g := &guesser{s: s, t: t, from: "127.0.4.1"}
		if got := g.try("juliet", "Wr0ng guess"); got != "not-authorized" {
			t.Errorf("the tenth guess: %q", got)
		}
		if got := g.try("juliet", "Wr0ng guess"); got != "temporary-auth-failure" {
			t.Errorf("the eleventh guess: %q", got)
		}
	})
}

// TestA5Stream: a stream has eight tries, whatever they are.
func TestA5Stream(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	for name, try := range map[string]string{
		"wrong passwords": plain("", "juliet", "Wr0ng guess"), "unknown mechanisms": "<auth xmlns='" + nsSASL + "' mechanism='X'/>",
		"what is not base64": "<auth xmlns='" + nsSASL + "' mechanism='PLAIN'>%</auth>", "aborts": "<abort xmlns='" + nsSASL + "'/>",
		"responses to nothing": "<response xmlns='" + nsSASL + "'>QQ==</response>", "SASL2": authenticate("", "juliet", "Wr0ng guess"),
	} {
		w := s.opened(t)
		w.send(strings.Repeat(try, 20))
		if got := w.dies("policy-violation"); strings.Count(got, "<failure") != 8 {
			t.Errorf("%s: %d failures", name, strings.Count(got, "<failure"))
		}
	}
}
