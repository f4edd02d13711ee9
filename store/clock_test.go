package store

import (
	"testing"
	"time"

	"palabre/account"
	"palabre/history"
	"palabre/xmpp"
)

// At any time, the database knows an id that none of those given is above, so that a process that is killed now is followed by one that gives higher ones; and it
// is no more than a moment ahead.
func TestArchiveClockIsRemembered(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place) {
		s := p.open(t)
		for _, jid := range []xmpp.JID{romeo, juliet} {
			must(t, s.Create(t.Context(), account.Account{JID: jid, Keys: keys(7)}))
		}
		known := func() (id int64) {
			must(t, s.db.QueryRow(t.Context(), []any{&id}, `SELECT ids FROM epoch WHERE one = 1`))
			return id
		}
		last := int64(0)
		for range 20 {
			a := line(romeo, juliet, "hello")
			must(t, commit(s, a))
			if last = a.Entries[1].ID; known() < last {
				t.Fatalf("%d was given, and %d is remembered", last, known())
			}
		}
		if ahead := history.TimeOf(known()).Sub(history.TimeOf(last)); ahead > 2*time.Second {
			t.Errorf("%v ahead", ahead)
		}
		must(t, s.Close())
		s = p.open(t)
		if got := known(); got != last {
			t.Errorf("after a clean end %d is remembered, and %d was the last", got, last)
		}
	})
}
