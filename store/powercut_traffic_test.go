package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"

	"palabre/history"
	"palabre/server"
)

// traffic is what a machine's store was asked to keep.
type traffic struct {
	mu       sync.Mutex
	messages []*message
}

// A message is one in the archives of romeo and of juliet. Whoever has not heard what became of it sends it again.
type message struct {
	digest int64 // counts from 1
	text   string
	acked  bool
	ids    [2]int64 // once acknowledged

	burying, buried bool // in juliet's archive
}

// message gives one to be sent: one that was not acknowledged, or a new one.
func (c *traffic) message(again []*message) (m *message, rest []*message) {
	if len(again) > 0 {
		return again[0], again[1:]
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n := int64(len(c.messages)) + 1
	r := rand.New(rand.NewPCG(uint64(n), 3))
	m = &message{digest: n, text: fmt.Sprintf("%d:%s", n, strings.Repeat(fmt.Sprint(r.Uint64()), r.IntN(60)))}
	c.messages = append(c.messages, m)
	return m, nil
}

// unknown are those whose senders have not heard what became of them.
func (c *traffic) unknown() (list []*message) {
	for _, m := range c.messages {
		if !m.acked {
			list = append(list, m)
		}
	}
	return list
}

const senders = 4

// An errand is what a sender is to send: so many messages, first those again, while it comes into a room and leaves it.
type errand struct {
	count int
	again []*message
	stay  *membership
}

// work has some send, rests, and has them send again, while somebody may read.
func (m *machine) work(s *Store, b *boot) {
	if m.gather(s) != nil {
		return
	}
	var readers sync.WaitGroup
	defer readers.Wait()
	if m.rand.IntN(3) == 0 {
		readers.Go(func() {
			for range 10 {
				if _, err := s.Rows(context.Background(), history.Query{Owner: juliet, With: romeo, Limit: 50, Backwards: true}); err != nil {
					return
				}
			}
		})
	}
	unknown := m.unknown()
	for range 1 + m.rand.IntN(2) {
		var all sync.WaitGroup
		for i := range senders {
			e := errand{count: 2 + m.rand.IntN(8), stay: &m.members[i]}
			if n := min(len(unknown), m.rand.IntN(3)); n > 0 {
				e.again, unknown = unknown[:n], unknown[n:]
			}
			all.Go(func() { m.send(s, b, e) })
		}
		all.Wait()
		if m.rand.IntN(3) == 0 {
			m.rest(s)
		}
	}
}

// send sends one after the other. Every few messages, what the same sender sent before is retracted with it, or it comes into the room or leaves it.
func (m *machine) send(s *Store, b *boot, e errand) {
	var msg, before *message
	for i := range e.count {
		msg, e.again = m.message(e.again)
		a := line(romeo, juliet, msg.text)
		a.Digest, a.Stream = msg.digest, m.lives
		writes := []server.Write{a}
		bury := i%4 == 3 && before != nil
		if bury {
			before.burying = true
			writes = append(writes, &history.Bury{Archive: juliet, ID: before.ids[1], Stanza: line(romeo, juliet, before.grave()).Stanza})
		}
		turned := func() int64 { return a.Entries[0].ID }
		if i%3 == 1 {
			var w server.Write
			w, turned = e.stay.turn()
			writes = append(writes, w)
		}
		done := make(chan error, 1)
		s.Commit(writes, func(err error) {
			if err == nil && b.view().failed > 0 {
				m.wrong(&m.broken, "message %d was acknowledged after a sync had failed", msg.digest)
			}
			done <- err
		})
		if <-done != nil {
			return
		}
		msg.acked, msg.ids = true, [2]int64{a.Entries[0].ID, a.Entries[1].ID}
		m.add(func() { m.acked++ })
		if at := turned(); i%3 == 1 || !a.Resent {
			m.given(at)
		}
		if bury {
			before.buried = true
		}
		if before != nil && msg.ids[0] <= before.ids[1] && !a.Resent {
			m.wrong(&m.broken, "message %d has id %d, after %d", msg.digest, msg.ids[0], before.ids[1])
		}
		if !a.Resent {
			before = msg
		}
	}
}

func (m *message) grave() string { return fmt.Sprintf("%d:gone", m.digest) }

// rest has the writer do what it does when nothing has come for a while.
func (m *machine) rest(s *Store) {
	done := make(chan struct{})
	s.Commit(nil, func(err error) {
		if err == nil {
			s.writer.tend(true)
		}
		close(done)
	})
	<-done
}

// verify compares what is stored with what was acknowledged. An error is one of the disk's.
func (m *machine) verify(s *Store, b *boot) error {
	romeos, err := m.stored(s, history.Query{Owner: romeo})
	if err != nil {
		return err
	}
	juliets, err := m.stored(s, history.Query{Owner: juliet})
	if err != nil {
		return err
	}
	var verdict string
	if err := s.db.QueryRow(context.Background(), []any{&verdict}, `PRAGMA integrity_check(1)`); err != nil {
		return err
	}
	if verdict != "ok" && !b.view().over { // an error of the disk's is a verdict, too
		m.wrong(&m.broken, "%s", verdict)
	}
	for _, msg := range m.messages {
		m.compare(msg, romeos[msg.digest], juliets[msg.digest])
		delete(romeos, msg.digest)
		delete(juliets, msg.digest)
	}
	if len(romeos)+len(juliets) > 0 {
		m.wrong(&m.broken, "%d messages were never sent", max(len(romeos), len(juliets)))
	}
	return m.compareStays(s)
}

type storedRow struct {
	id   int64
	text string
}

// stored gives the rows of an archive by the numbers of their messages.
func (m *machine) stored(s *Store, q history.Query) (map[int64][]storedRow, error) {
	q.Limit = 1 << 20
	rows, err := s.Rows(context.Background(), q)
	if err != nil {
		return nil, err
	}
	list := texts(rows)
	out := map[int64][]storedRow{}
	for i, r := range rows {
		var n int64
		if _, err := fmt.Sscanf(list[i], "%d:", &n); err != nil {
			m.wrong(&m.broken, "row %d has a strange text", r.ID)
		}
		out[n] = append(out[n], storedRow{r.ID, list[i]})
	}
	return out, nil
}

func (m *machine) compare(msg *message, his, hers []storedRow) {
	switch {
	case len(his) != len(hers):
		m.wrong(&m.halved, "message %d is there %d times for romeo and %d for juliet", msg.digest, len(his), len(hers))
	case len(his) > 1:
		m.wrong(&m.broken, "message %d is there %d times", msg.digest, len(his))
	case len(his) == 0 && msg.acked:
		m.wrong(&m.lost, "message %d was acknowledged and is lost", msg.digest)
		msg.acked, msg.burying, msg.buried = false, false, false // it is not counted twice, and sent again
	case len(his) == 0:
	case his[0].text != msg.text || hers[0].text != msg.text && (hers[0].text != msg.grave() || !msg.burying):
		m.wrong(&m.broken, "message %d has another text", msg.digest)
	case msg.acked && (his[0].id != msg.ids[0] || hers[0].id != msg.ids[1]):
		m.wrong(&m.broken, "message %d has the ids %d, %d and not %d", msg.digest, his[0].id, hers[0].id, msg.ids)
	case msg.buried && hers[0].text != msg.grave():
		m.wrong(&m.lost, "message %d was retracted and is back", msg.digest)
		msg.buried = false
	}
}
