package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"palabre/admin"
	"palabre/store/storetest"
)

// atQueue is no moment of the conversation: the server is killed when mails have just been queued.
const atQueue = "queued"

var mailMoments = []string{atQueue, atConnection, atSender, atRecipient, atData, atEnd, atAnswer}

// The server is killed between queueing and sending and at each moment of the conversation with the relay: every mail that was queued arrives, and none
// arrives again after the relay's answer was heard.
func TestMail(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *storetest.Cluster) {
		rng := rand.New(rand.NewPCG(drawn(t), 1))
		box, err := NewLetterbox()
		must(t, err)
		t.Cleanup(box.Close)
		s := mailServer(t, box, db)
		queued := map[string]bool{}
		for i := range max(*kills, len(mailMoments)) {
			moment := mailMoments[i%len(mailMoments)]
			reached := box.Stop(moment)
			post := poster(t, s)
			for range 1 + rng.IntN(4) {
				queued[post()] = true
			}
			if moment == atQueue {
				must(t, pause(t.Context(), time.Duration(rng.IntN(3000))*time.Microsecond))
			} else {
				select {
				case <-reached:
				case <-time.After(20 * time.Second):
					t.Fatalf("kill %d: no conversation gets as far as %q\n%s", i, moment, s.tail())
				}
				must(t, pause(t.Context(), time.Duration(rng.IntN(2000))*time.Microsecond))
			}
			must(t, s.Kill())
			box.Go()
			must(t, s.Start())
		}
		emptied(t, s)
		came, again := box.Deliveries()
		twice := 0
		for id := range queued {
			if came[id] == 0 {
				t.Errorf("mail %s was queued and has not arrived", id)
			}
			if came[id] > 1 {
				twice++
			}
		}
		for id, n := range again {
			t.Errorf("mail %s came %d times after the relay's answer was heard", id, n)
		}
		t.Logf("%d mails, %d kills; %d came more than once, when the answer was lost", len(queued), s.Incarnation()-1, twice)
		if err := s.Trouble(); err != nil {
			t.Error(err)
		}
	})
}

// mailServer starts a server whose mail goes to a letterbox.
func mailServer(t *testing.T, box *Letterbox, db *storetest.Cluster) *Server {
	t.Helper()
	users, err := Users(1)
	must(t, err)
	place := Place{Dir: t.TempDir()}
	if db != nil {
		place.Database = db.URL()
	}
	s, err := NewServer(t.Context(), palabre.built(t), place, users)
	must(t, err)
	text, err := os.ReadFile(s.config())
	must(t, err)
	must(t, os.WriteFile(s.config(), append(text, box.mailSection()...), 0o600))
	must(t, s.Start())
	t.Cleanup(func() { _ = s.Kill() })
	return s
}

// reach gives the administrator's functions of a server, when it is there.
func reach(t *testing.T, s *Server) *admin.Remote {
	t.Helper()
	for begun := time.Now(); ; {
		r, err := admin.Dial(filepath.Join(s.Dir, "data"))
		if err == nil {
			return r
		}
		if time.Since(begun) > 30*time.Second {
			t.Fatalf("the server can't be reached: %v\n%s", err, s.tail())
		}
		must(t, pause(t.Context(), 5*time.Millisecond))
	}
}

// poster gives a function that queues a mail, and gives its name.
func poster(t *testing.T, s *Server) func() string {
	t.Helper()
	r := reach(t, s)
	t.Cleanup(r.Close)
	n := 0
	return func() string {
		n++
		var out admin.MailTestResult
		must(t, r.Call(t.Context(), "mail.test", admin.MailTestParams{Address: fmt.Sprintf("user%d@%s", n, domain)}, &out))
		return out.ID
	}
}

// emptied waits until nothing is in the outbox.
func emptied(t *testing.T, s *Server) {
	t.Helper()
	r := reach(t, s)
	defer r.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		var q admin.MailQueueResult
		must(t, r.Call(ctx, "mail.queue", admin.MailQueueParams{}, &q))
		if len(q.Mails) == 0 {
			return
		}
		var problems []string
		for _, m := range q.Mails {
			if m.State != "waits" {
				problems = append(problems, m.ID+": "+m.Problem)
			}
		}
		if len(problems) > 0 {
			t.Fatalf("failed: %s", strings.Join(problems, "; "))
		}
		must(t, pause(ctx, 20*time.Millisecond))
	}
}
