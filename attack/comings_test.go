package attack

import (
	"fmt"
	"math/rand"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"palabre/xmpp"
)

// A postbox is what a reader knows of what several senders have written to it, whatever becomes of its connections.
type postbox struct {
	t     *testing.T
	order bool
	many  atomic.Int64    // messages that have come, about
	got   [3]int          // by sender: the last message that has come on this session
	acked [3]int          // and the last that the server knows it has
	known map[string]bool // in place of acked, if there is no order
	seen  map[string]bool // on this session
}

// take takes in what has come on a session, of which messages with the ids n.m are those of sender n.
func (b *postbox) take(all []node) {
	b.t.Helper()
	for _, id := range ids(all) {
		var from, n int
		if _, err := fmt.Sscanf(id, "%d.%d", &from, &n); err != nil {
			b.t.Fatalf("a message of the id %q", id)
		}
		if b.known[id] || b.seen[id] {
			b.t.Fatalf("message %s comes again", id)
		}
		if b.order && n != b.got[from]+1 {
			b.t.Fatalf("message %s after %d; %d is acknowledged", id, b.got[from], b.acked[from])
		}
		b.got[from], b.seen[id] = n, true
	}
	b.many.Store(int64(len(b.known) + len(b.seen)))
}

// acknowledged notes that the server knows of all that has come.
func (b *postbox) acknowledged() {
	b.acked = b.got
	for id := range b.seen {
		b.known[id] = true
	}
	clear(b.seen)
}

// next begins a session.
func (b *postbox) next() {
	b.got = b.acked
	clear(b.seen)
}

// TestF11Comings has one client of an account follow the other, while others write to it: with acknowledgements and without, resumed, given up, replaced, closed in the midst of it. What
// a client has acknowledged, or read without acknowledgements, never comes again; nothing is missing and, of what is archived, nothing is out of order.
func TestF11Comings(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, inside string
		order        bool
	}{{"archived", "", true}, {"not archived", noKeep, false}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, limitsOff)
			s.Account(t, juliet)
			over := make(chan struct{})
			var senders sync.WaitGroup
			var sent [3]int
			var total atomic.Int64
			b := &postbox{t: t, order: test.order, known: map[string]bool{}, seen: map[string]bool{}}
			for i, user := range []xmpp.JID{romeo, mallory, tybalt} {
				w := s.login(t, user, "pc")
				senders.Go(func() {
					for n := 1; ; n++ {
						select {
						case <-over:
							w.fence()
							return
						default:
						}
						if total.Load() > b.many.Load()+500 { // what is unread is bounded; see F12
							w.fence()
							n--
							continue
						}
						total.Add(1)
						w.send(fmt.Sprintf("<message to='juliet@example.org' type='chat' id='%d.%d'><body>%s</body>%s</message>", i, n, secretBody, test.inside))
						if sent[i] = n; n%8 == 0 {
							w.fence()
						}
					}
				})
			}
			random := rand.New(rand.NewSource(1))
			for range 60 {
				b.next()
				if random.Intn(3) == 0 {
					plainVisit(t, s, b)
				} else {
					managedVisit(t, s, b, random)
				}
			}
			close(over)
			senders.Wait()
			b.next()
			last := s.phone(t, juliet, "last")
			last.send("<presence/>")
			for {
				all := last.take()
				b.take(all)
				last.send(acknowledgement(last.got))
				if b.acknowledged(); len(of("message", all)) == 0 {
					break
				}
			}
			for i, n := range sent {
				if test.order && b.acked[i] != n {
					t.Errorf("of sender %d the last is %d, not %d", i, b.acked[i], n)
				}
			}
			if n := sent[0] + sent[1] + sent[2]; len(b.known) != n || n < 500 {
				t.Errorf("%d of %d have come", len(b.known), n)
			}
		})
	}
}

// plainVisit is a client without acknowledgements, that reads all that it is sent.
func plainVisit(t *testing.T, s *site, b *postbox) {
	w := s.login(t, juliet, "plain")
	w.send("<presence/>")
	b.take(parse(t, w.fence()))
	w.send(closed)
	b.take(parse(t, strings.TrimSuffix(w.ends(), closed)))
	b.acknowledged()
}

// managedVisit is one with acknowledgements.
func managedVisit(t *testing.T, s *site, b *postbox, random *rand.Rand) {
	p := s.phone(t, juliet, fmt.Sprint("managed", random.Int63()))
	p.send("<presence/>")
	for range random.Intn(6) {
		b.take(p.take())
		switch random.Intn(4) {
		case 0: // it goes on to read
		case 1, 2:
			p.send(acknowledgement(p.got))
			b.acknowledged()
		case 3:
			p.drop()
			p.resume()
			b.acknowledged()
		}
	}
	session := p.session()
	p.send("<r xmlns='" + nsResume + "'/>")
	p.until("<a xmlns='" + nsResume + "'") // what was acknowledged is known
	switch random.Intn(4) {
	case 0:
		p.drop()
		session.Lapse(session.Absence())
	case 1:
		p.send(closed)
		p.ends()
	case 2: // it is replaced by another one, there or not
		if random.Intn(2) == 0 {
			p.drop()
		}
		w := s.authenticated(t, juliet)
		w.bind(session.JID.Resource())
		w.send(closed)
		w.ends()
	case 3:
		session.End(nil)
		p.ends()
	}
	<-session.Gone()
	if c := p.tcp(); c != nil {
		_ = c.Close()
	}
}
