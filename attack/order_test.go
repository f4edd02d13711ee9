package attack

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"palabre/daemon"
	"palabre/history"
	"palabre/server"
)

const (
	block   = "<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='mallory@example.org'/></block></iq>"
	unblock = "<iq type='set' id='b'><unblock xmlns='urn:xmpp:blocking'/></iq>"
)

// TestF6Order: who blocks somebody and writes on, all in one go, has it carried out in that order: what was sent before is delivered, what was sent after is refused,
// and when the block is answered, nothing comes any more. So it is when the connection is lost in the midst of it.
func TestF6Order(t *testing.T) {
	t.Parallel()
	for _, lost := range []bool{false, true} {
		t.Run(fmt.Sprint(lost), func(t *testing.T) {
			t.Parallel()
			s := start(t, limitsOff)
			evil := s.present(t, mallory, "pc")
			p := s.phone(t, juliet, "phone")
			p.send("<presence/>")
			p.take()
			handled := uint32(2)
			for round := range 20 {
				heard := ""
				before, after := fmt.Sprint("before", round), fmt.Sprint("after", round)
				all := chat("mallory@example.org", before) + block + chat("mallory@example.org", after)
				if handled += 3; lost {
					p.send(all)
					session := p.session()
					eventually(t, "the server has dealt with it", func() bool { return session.Told() == handled })
					p.drop()
					evil.send(chat("juliet@example.org/phone", "blocked") + chat("juliet@example.org", "blocked"))
					heard = evil.fence()
					p.resume()
				} else {
					evil.send(chat("juliet@example.org/phone", "early"))
					evil.fence()
					p.send(all)
				}
				got, refused := p.take(), 0
				handled++
				answered := false
				for _, n := range got {
					switch {
					case n.XMLName.Local == "iq" && n.attr("id") == "b" && n.attr("type") == "result":
						answered = true
					case n.attr("id") == after && n.condition() == "not-acceptable":
						refused++
					case n.attr("id") == "early" && !answered:
					case n.XMLName.Local == "message":
						t.Errorf("round %d: there comes %v", round, n)
					}
				}
				if refused != 1 || !answered {
					t.Errorf("round %d: %d are refused, %v", round, refused, got)
				}
				if got := ids(parse(t, heard+evil.fenceAfter(p.wire))); !slices.Contains(got, before) || slices.Contains(got, after) {
					t.Errorf("round %d: the other one gets %v", round, got)
				}
				p.got++ // fenceAfter's
				handled++
				p.send(unblock + acknowledgement(p.got))
				handled++
				p.take()
				handled++
			}
		})
	}
}

// TestF11Resent: the same message twice on one stream is two messages; on a later stream it is the first one once more, and told to nobody, also when the session goes on after a loss of the
// connection: libstrophe sends again what was acknowledged long ago.
// Another recipient, type, id or text makes it another message, and so does another sender.
func TestF11Resent(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	reader := s.present(t, juliet, "reader")
	other := s.present(t, tybalt, "street")
	arrive := func(what string, from, at *wire, want ...string) {
		t.Helper()
		if got := ids(parse(t, at.fenceAfter(from))); !slices.Equal(got, want) {
			t.Errorf("%s: there come %q, want %q", what, got, want)
		}
	}
	message := chat("juliet@example.org", "1")
	p := s.phone(t, romeo, "phone")
	p.send(message + message)
	p.take()
	arrive("twice on a stream", p.wire, reader, "1", "1")
	p.got++
	p.drop()
	p.resume()
	p.send(message)
	p.take()
	arrive("after a loss", p.wire, reader)

	next, beside := s.login(t, romeo, "next"), s.login(t, romeo, "beside")
	for _, w := range []*wire{next, beside} {
		w.send(message + message)
		arrive("on a later stream", w, reader)
	}
	next.send(chat("juliet@example.org/reader", "1") + chat("juliet@example.org", "2") + strings.Replace(message, "'chat'", "'normal'", 1) + strings.Replace(message, "</body>", " </body>", 1) + strings.Replace(message, " type='chat'", "", 1))
	arrive("almost the same", next, reader, "1", "2", "1", "1", "1")
	evil := s.login(t, mallory, "pc")
	evil.send(message)
	arrive("of another sender", evil, reader, "1")
	evil.send(strings.Replace(message, " id='1'", "", 1))
	arrive("without an id", evil, reader, "")
	next.send(strings.Replace(message, " id='1'", "", 1))
	arrive("without an id", next, reader, "")
	beside.send(strings.Replace(message, " id='1'", "", 1))
	arrive("without an id, again", beside, reader, "")

	var both sync.WaitGroup // two devices at once, with one id and another address each
	const times = 200
	for i, w := range []*wire{next, beside} {
		both.Go(func() {
			to := []string{"juliet@example.org", "tybalt@example.org"}[i]
			for n := range times {
				_ = w.try(chat(to, fmt.Sprint("both", n)))
			}
		})
	}
	both.Wait()
	for i, w := range []*wire{next, beside} {
		at := []*wire{reader, other}[i]
		if got := ids(parse(t, at.fenceAfter(w))); len(got) != times {
			t.Errorf("%d of %d arrive", len(got), times)
		}
	}
	rows, _ := reader.asks(query("", rsm("<max>0</max>")))
	_, answer := reader.asks(query("", submit(field("with", "romeo@example.org"))+rsm("<max>0</max>")))
	fin, _ := answer.child("fin")
	set, _ := fin.child("set")
	count, _ := set.child("count")
	if want := fmt.Sprint(2 + 5 + 2 + times); count.Text != want || len(rows) > 0 {
		t.Errorf("the archive has %s messages, want %s", count.Text, want)
	}
}

// TestF11ResentTogether: the same message on many streams at the same moment is one.
func TestF11ResentTogether(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	reader := s.present(t, juliet, "reader")
	var wires []*wire
	for i := range 10 {
		wires = append(wires, s.login(t, romeo, fmt.Sprint("r", i)))
	}
	const times = 50
	var all sync.WaitGroup
	for _, w := range wires {
		all.Go(func() {
			for n := range times {
				_ = w.try(chat("juliet@example.org", fmt.Sprint(n)))
			}
		})
	}
	all.Wait()
	for _, w := range wires {
		if got := w.fence(); strings.Contains(got, "error") {
			t.Errorf("got %s", got)
		}
	}
	seen := map[string]int{}
	for _, id := range ids(parse(t, reader.fence())) {
		seen[id]++
	}
	for n := range times {
		if seen[fmt.Sprint(n)] != 1 {
			t.Errorf("message %d comes %d times", n, seen[fmt.Sprint(n)])
		}
	}
}

// TestF11ResentWhileSlow: what is sent again because nothing was heard of it, while the first copy still waits for its commit, is one message.
func TestF11ResentWhileSlow(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	s := start(t, limitsOff, func(c *daemon.Config) {
		c.Tuning.Committer = func(next server.Committer) server.Committer { return slow{next, gate} }
	})
	reader := s.present(t, juliet, "reader")
	p := s.phone(t, romeo, "phone")
	p.send(chat("juliet@example.org", "1"))
	next := s.login(t, romeo, "next")
	next.send(chat("juliet@example.org", "1"))
	must(t, p.tcp().SetLinger(0))
	_ = p.tcp().Close()
	close(gate)
	next.fence()
	if got := ids(parse(t, reader.fence())); len(got) != 1 {
		t.Errorf("there come %v", got)
	}
	p.wire = s.authenticated(t, romeo)
	p.send(resumption(p.id, p.got))
	if got := p.answered(); !strings.HasPrefix(got, "<resumed ") || attribute(got, "h") != "1" {
		t.Errorf("the count is told by %s", got)
	}
}

// digging is a store that takes long to replace messages that were retracted.
type digging struct {
	server.Committer
	gate chan struct{}
}

func (c digging) Commit(writes []server.Write, done func(error)) {
	if _, is := writes[0].(*history.Bury); !is {
		c.Committer.Commit(writes, done)
		return
	}
	go func() {
		<-c.gate
		c.Committer.Commit(writes, done)
	}()
}

// TestX7Retraction: a retraction may have the server look for long. Nobody else's messages to the same recipient wait for it.
func TestX7Retraction(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	s := start(t, func(c *daemon.Config) {
		c.Tuning.Committer = func(next server.Committer) server.Committer { return digging{next, gate} }
	})
	reader, evil, other := s.present(t, juliet, "reader"), s.login(t, mallory, "pc"), s.login(t, romeo, "orchard")
	evil.send(chat("juliet@example.org", "1") + "<message to='juliet@example.org' type='chat' id='2'><retract xmlns='urn:xmpp:message-retract:1' id='1'/></message>")
	reader.until("id='2'")
	reader.until("</message>")
	other.send(chat("juliet@example.org", "3"))
	reader.until("id='3'")
	close(gate)
	evil.fence()
}
