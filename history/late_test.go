package history_test

import (
	"strings"
	"sync"
	"testing"

	"palabre/daemon"
	"palabre/server"
	"palabre/server/servertest"
	"palabre/xmpp"
)

// A gate holds commits back while it is shut.
type gate struct {
	server.Committer
	mu     sync.Mutex
	shut   bool
	behind []func()
}

func (g *gate) Commit(writes []server.Write, done func(error)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		g.behind = append(g.behind, func() { g.Committer.Commit(writes, done) })
		return
	}
	g.Committer.Commit(writes, done)
}

func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
	for _, fn := range g.behind {
		fn()
	}
	g.behind = nil
}

// A message that may not be archived needs no keeping while its recipient is there. If the recipient goes before it is told, it is kept all the same.
func TestRecipientGoesMeanwhile(t *testing.T) {
	t.Parallel()
	g := &gate{}
	s := servertest.StartWith(t, func(c *daemon.Config) {
		c.Tuning.Committer = func(to server.Committer) server.Committer {
			g.Committer = to
			return g
		}
	})
	juliet, romeo := login(t, s, "juliet@example.org/balcony"), login(t, s, "romeo@example.org/laptop")
	juliet.send("<presence/>")
	s.Account(t, xmpp.MustParseJID("nurse@example.org"))
	g.set(true)
	romeo.send("<message to='nurse@example.org' type='chat' id='1'><body>first</body></message>")
	romeo.send("<message to='juliet@example.org' type='chat' id='2'><body>then</body><no-permanent-store xmlns='urn:xmpp:hints'/></message>")
	juliet.s.Closed(t.Context())
	g.set(false)
	romeo.query("")
	archived(t, s, "romeo@example.org/laptop", "nurse@example.org", "whatever is written by now is durable")

	juliet = login(t, s, "juliet@example.org/garden")
	juliet.send("<presence/>")
	for {
		p := <-juliet.got
		if p.Mark == 0 {
			continue // presence
		}
		rows, err := s.Store.ByID(t.Context(), juliet.s.JID.Bare(), []int64{p.Mark})
		if err != nil || len(rows) != 1 || !strings.Contains(string(rows[0].Stanza), "<body>then</body>") {
			t.Errorf("brought %v: %v", rows, err)
		}
		break
	}
	if rows, _ := juliet.query(""); len(rows) != 0 {
		t.Errorf("it is in the archive: %v", rows)
	}
}
