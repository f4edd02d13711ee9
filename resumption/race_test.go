package resumption_test

import (
	"fmt"
	"math/rand"
	"sync"
	"sync/atomic"
	"testing"

	"palabre/daemon"
	"palabre/server/servertest"
)

// TestManyLosses has 64 clients write to one that loses its connection 200 times: in mid-stanza, before it has read anything, while it resumes. Each message comes once,
// in the order of its sender.
func TestManyLosses(t *testing.T) {
	t.Parallel()
	for name, archive := range map[string]bool{"with archive": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			manyLosses(t, servertest.StartWith(t, func(c *daemon.Config) { c.History.Enabled = archive }))
		})
	}
}

func manyLosses(t *testing.T, s *servertest.Server) {
	const accounts, each, losses, most = 8, 8, 200, 500
	juliet := manage(t, s, "juliet", "phone", "resume='true'")
	to := juliet.JID
	var sent [accounts * each]atomic.Int64
	way := make(chan struct{}, most) // a place for each unread message: of too many, the session would end
	over := make(chan struct{})
	var senders sync.WaitGroup
	for i := range sent {
		c, err := s.Login(t, address(fmt.Sprint("romeo", i/each)), fmt.Sprint(i))
		must(t, err)
		senders.Go(func() {
			defer c.Drop()
			for n := int64(1); ; n++ {
				select {
				case way <- struct{}{}:
				case <-over:
					if err := c.Fence(); err != nil {
						t.Errorf("sender %d: %v", i, err)
					}
					return
				}
				err := c.Send(fmt.Sprintf("<message to='%s' type='chat' id='%d.%d'><body>hi</body></message>", to, i, n))
				if err == nil && n%8 == 0 {
					err = c.Fence()
				}
				if err != nil {
					t.Errorf("sender %d: %v", i, err)
					return
				}
				sent[i].Store(n)
			}
		})
	}
	var got [accounts * each]int64
	take := func(mute bool) error {
		e, err := juliet.stanza(mute)
		if err != nil {
			return err
		}
		var from int
		var n int64
		if _, err := fmt.Sscanf(e.Attr("id"), "%d.%d", &from, &n); err != nil || n != got[from]+1 {
			t.Fatalf("sender %d: message %d after %d", from, n, got[from])
		}
		got[from] = n
		<-way
		return nil
	}
	random := rand.New(rand.NewSource(1))
	for range losses {
		for mute, n := random.Intn(3) == 0, random.Intn(40); n > 0; n-- {
			must(t, take(mute))
		}
		juliet.resume()
	}
	close(over)
	senders.Wait()
	total := int64(0)
	for i := range sent {
		for got[i] < sent[i].Load() {
			must(t, take(false))
		}
		total += got[i]
	}
	t.Logf("%d messages", total)
}
