package bench

import (
	"context"
	"strings"
	"testing"
	"time"

	"palabre/xmpp"
)

// With stream management, all that was sent is acknowledged, and what the server asks is answered.
func TestAcks(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){
		"closed loop": func(*Config) {},
		"lone sender": func(c *Config) { c.Users, c.Senders, c.Window = c.Users[:2], 1, 1 },
		"open loop":   func(c *Config) { c.Rate = 2000 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRelay(t, false, faithful)
			c := r.config(t, "chat", 4)
			c.StreamManagement = true
			change(&c)
			report, err := Do(context.Background(), c)
			if err != nil || report.Acks == nil {
				t.Fatalf("%v; report %+v", err, report)
			}
			a := report.Acks
			if a.Received < 20 || a.Received > a.Asked || a.Missing != 0 || a.Latency.Count == 0 || a.Latency.P99 < a.Latency.P50 {
				t.Errorf("acknowledgements: %+v", a)
			}
			lanes := len(c.Users)
			if c.Senders > 0 {
				lanes = c.Senders
			}
			if a.Answered != uint64(lanes) {
				t.Errorf("%d questions were answered, of %d", a.Answered, lanes)
			}
			if c.Senders == 1 && (report.Senders != 1 || 2*a.Latency.Count < report.Units) {
				t.Errorf("of a lone sender's %d messages %d were acknowledged", report.Units, a.Latency.Count)
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, u := range c.Users { // one answer, and one before the stream's end, which covers what came
				if h := r.acks[u.JID]; len(h) != 2 || h[0] != "0" || h[1] == "0" {
					t.Errorf("%s acknowledged %v", u.JID, h)
				}
			}
		})
	}
}

// A server that does not acknowledge what it was sent, or more than that, fails the run.
func TestFalseAcks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		admit func(handled uint32) (uint32, bool)
		says  string
	}{
		"one less":    {func(h uint32) (uint32, bool) { return h - 1, true }, "has not acknowledged 2 stanzas"}, // of each of two senders one
		"none":        {func(uint32) (uint32, bool) { return 0, false }, "has not acknowledged"},
		"one more":    {func(h uint32) (uint32, bool) { return h + 1, true }, "acknowledges"},
		"going back":  {backwards(), "acknowledges"},
		"only the 3.": {func(h uint32) (uint32, bool) { return 3, h >= 3 }, "has not acknowledged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRelay(t, false, faithful)
			r.admit = c.admit
			config := r.config(t, "chat", 2)
			config.StreamManagement, config.settle = true, 300*time.Millisecond
			report, err := Do(context.Background(), config)
			if err == nil || !strings.Contains(err.Error(), c.says) || report.Error == "" {
				t.Errorf("%v; want an error that says %q", err, c.says)
			}
		})
	}
}

func backwards() func(uint32) (uint32, bool) {
	return func(h uint32) (uint32, bool) {
		if h > 10 {
			return h - 8, true
		}
		return h, true
	}
}

// The counters go round at 2^32 (XEP-0198 §4).
func TestAcksGoRound(t *testing.T) {
	t.Parallel()
	a := &acks{on: true, sent: 1<<32 + 5, handled: 1<<32 - 3, received: 1<<32 + 7, came: make(chan struct{}, 1)}
	for _, c := range []struct {
		h    string
		ok   bool
		left uint64
	}{
		{"4294967294", true, 7}, {"4294967294", true, 7}, {"4294967293", false, 7}, {"6", false, 7}, {"4", true, 1},
		{"4294967294", false, 1}, {"5", true, 0}, {"", false, 0}, {"-1", false, 0}, {"4294967301", false, 0}, {"many", false, 0},
	} {
		if err := a.coveredLocked(c.h); (err == nil) != c.ok || a.left() != c.left {
			t.Errorf("after h=%q: %v, %d left; want %d", c.h, err, a.left(), c.left)
		}
	}
	if got := string(a.appendLocked(nil)); got != "<a xmlns='urn:xmpp:sm:3' h='7'/>" {
		t.Errorf("acknowledged with %s", got)
	}
}

// A refusal is no consent, and there is one answer.
func TestNoStreamManagement(t *testing.T) {
	t.Parallel()
	s := &Session{}
	s.acks.enabled = make(chan error, 1)
	if err := s.nonza(xmpp.New(nsSM, "failed")); err != nil {
		t.Fatal(err)
	}
	if err := <-s.acks.enabled; err == nil {
		t.Error("a refusal was taken for consent")
	}
	s.acks.enabled <- nil
	if err := s.nonza(xmpp.New(nsSM, "enabled")); err == nil {
		t.Error("a second answer was taken")
	}
}

// Clients that never acknowledge say so at the end, for all that came.
func TestUnacked(t *testing.T) {
	t.Parallel()
	r := newRelay(t, false, faithful)
	c := r.config(t, "unacked", 4)
	c.Units, c.Unacked = 0, 30
	report, err := Do(context.Background(), c)
	if err != nil || report.Units != 90 || report.Unacked != 30 || report.Acks == nil || report.Acks.Missing != 0 {
		t.Fatalf("%v; report %+v", err, report)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, u := range c.Users[:3] { // the roster, the fence and the messages; the relay's question came before they fell silent
		if h := r.acks[u.JID]; h[len(h)-1] != "32" || len(h) > 2 {
			t.Errorf("%s acknowledged %v", u.JID, h)
		}
	}
}
