package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"palabre/history"
	"palabre/server"
	"palabre/xmpp"
)

var (
	laptop = xmpp.MustParseJID("romeo@example.org/laptop")
	phone  = xmpp.MustParseJID("juliet@example.org/phone")
	tablet = xmpp.MustParseJID("juliet@example.org/tablet & more")
	nurse  = xmpp.MustParseJID("nurse@example.org")
)

// only is a line in one archive.
func only(owner, from, to xmpp.JID, kind history.Kind, text string) *history.Append {
	peer := to
	if kind&history.Sent == 0 {
		peer = from
	}
	start := fmt.Sprintf(`<message xmlns='jabber:client' from='%s' to='%s'>`, escape(from), escape(to))
	return &history.Append{
		Entries: []history.Entry{{Owner: owner, Peer: peer.Bare(), Kind: kind}},
		Stanza:  []byte(start + `<body>` + text + `</body></message>`), Inner: len(start),
	}
}

func escape(j xmpp.JID) string { return strings.ReplaceAll(j.String(), "&", "&amp;") }

func expectCount(t testing.TB, s *Store, q history.Query, want int) {
	t.Helper()
	n, err := s.Count(t.Context(), q)
	must(t, err)
	if n != want {
		t.Errorf("count of %+v: %d, want %d", q, n, want)
	}
}

// expectBoth checks a Query's rows, and that they are as many as are counted.
func expectBoth(t testing.TB, s *Store, q history.Query, want ...string) {
	t.Helper()
	expectRows(t, s, q, want...)
	expectCount(t, s, q, len(want))
}

func TestArchiveQueries(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		var ids []int64
		for _, a := range []*history.Append{
			only(romeo, laptop, phone, history.Sent, "0"),
			only(romeo, phone, laptop, history.Waits, "1"),
			only(romeo, nurse, laptop, 0, "2"),
			only(romeo, tablet, laptop, history.Waits, "3"),
			only(romeo, phone, laptop, history.Waits|history.Hidden, "4"),
			only(romeo, laptop, tablet, history.Sent, "5"),
			only(juliet, laptop, phone, 0, "hers"),
			{Entries: []history.Entry{{Owner: romeo, Peer: juliet}}, Stanza: []byte("<body>6")}, // no stanza
		} {
			must(t, commit(s, a))
			ids = append(ids, a.Entries[0].ID)
		}
		q := history.Query{Owner: romeo}
		expectBoth(t, s, q, "0", "1", "2", "3", "5", "6")
		q.With = juliet
		expectBoth(t, s, q, "0", "1", "3", "5", "6")
		q.With = phone
		expectBoth(t, s, q, "0", "1")
		q.With = tablet
		expectBoth(t, s, q, "3", "5")
		expectRows(t, s, history.Query{Owner: romeo, With: tablet, Limit: 1}, "3")
		expectRows(t, s, history.Query{Owner: romeo, With: tablet, Limit: 1, Backwards: true}, "5")
		expectBoth(t, s, history.Query{Owner: romeo, With: laptop})
		expectBoth(t, s, history.Query{Owner: romeo, With: phone, After: ids[0]}, "1")
		expectBoth(t, s, history.Query{Owner: romeo, With: tablet, Before: ids[5]}, "3")
		expectBoth(t, s, history.Query{Owner: romeo, After: ids[1], Before: ids[5]}, "2", "3")
		expectBoth(t, s, history.Query{Owner: romeo, After: ids[5], Before: ids[1]})

		some := []int64{ids[5], ids[0], ids[3], ids[3], ids[4], ids[6], 1, ids[2]}
		expectBoth(t, s, history.Query{Owner: romeo, IDs: some}, "0", "2", "3", "5")
		expectBoth(t, s, history.Query{Owner: romeo, IDs: some, With: juliet}, "0", "3", "5")
		expectBoth(t, s, history.Query{Owner: romeo, IDs: some, With: tablet}, "3", "5")
		expectBoth(t, s, history.Query{Owner: romeo, IDs: some, With: tablet, After: ids[3]}, "5")
		expectRows(t, s, history.Query{Owner: romeo, IDs: some, Limit: 3}, "0", "2", "3")
		expectRows(t, s, history.Query{Owner: romeo, IDs: some, Limit: 3, Backwards: true}, "2", "3", "5")
		expectBoth(t, s, history.Query{Owner: romeo, IDs: []int64{}})

		rows, err := s.ByID(t.Context(), romeo, some)
		must(t, err)
		if got := texts(rows); !slices.Equal(got, []string{"0", "2", "3", "4", "5"}) || !slices.IsSortedFunc(rows, byID) {
			t.Errorf("by id: %q", got)
		}
		if rows[0].Kind != history.Sent || rows[3].Kind != history.Waits|history.Hidden {
			t.Errorf("kinds: %+v", rows)
		}
		expectRows(t, s, history.Query{Owner: romeo, Limit: 1}, "0")
		expectRows(t, s, history.Query{Owner: romeo, Limit: 1, Backwards: true}, "6")
		expectBoth(t, s, history.Query{Owner: nurse})
	})
}

// A page of a full address is found however many rows of other resources are between, and as many ids as one likes may be asked for.
func TestArchiveOfManyRows(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		var batch []*history.Append
		var want []string
		for i := range 1000 {
			from := phone
			if i%150 == 70 {
				from = tablet
				want = append(want, fmt.Sprint(i))
			}
			batch = append(batch, only(romeo, from, laptop, 0, fmt.Sprint(i)))
		}
		appendAll(t, s, batch...)
		expectBoth(t, s, history.Query{Owner: romeo, With: tablet}, want...)
		expectRows(t, s, history.Query{Owner: romeo, With: tablet, Limit: 3}, want[:3]...)
		expectRows(t, s, history.Query{Owner: romeo, With: tablet, Limit: 3, Backwards: true}, want[len(want)-3:]...)
		var ids []int64
		for _, a := range batch {
			ids = append(ids, a.Entries[0].ID)
		}
		expectCount(t, s, history.Query{Owner: romeo, IDs: ids}, 1000)
		expectBoth(t, s, history.Query{Owner: romeo, IDs: ids, With: tablet}, want...)
		some := slices.Concat(ids[800:], ids[:300], ids[100:120])
		for i := range int64(200) { // what is not there stands before and behind the others
			some = append(some, ids[0]-1-i, ids[999]+1+i)
		}
		expectCount(t, s, history.Query{Owner: romeo, IDs: some}, 500)
		expectCount(t, s, history.Query{Owner: romeo, IDs: some, After: ids[9], Before: ids[990]}, 480)
		expectRows(t, s, history.Query{Owner: romeo, IDs: some, Limit: 3}, "0", "1", "2")
		expectRows(t, s, history.Query{Owner: romeo, IDs: some, Limit: 3, Backwards: true}, "997", "998", "999")
		expectRows(t, s, history.Query{Owner: romeo, IDs: some, After: ids[298], Limit: 3}, "299", "800", "801")
		rows, err := s.ByID(t.Context(), romeo, ids)
		if err != nil || len(rows) != 1000 || rows[999].ID != ids[999] {
			t.Errorf("by id: %d, %v", len(rows), err)
		}
	})
}

// appendAll commits appends, as fast as it goes.
func appendAll(t testing.TB, s *Store, appends ...*history.Append) {
	t.Helper()
	errs := make(chan error, len(appends))
	for _, a := range appends {
		s.Commit([]server.Write{a}, func(err error) { errs <- err })
	}
	for range appends {
		must(t, <-errs)
	}
}

func TestBury(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		a := line(romeo, juliet, "gone")
		must(t, commit(s, a))
		grave := []byte("<message><body>here lies</body></message>")
		must(t, commit(s, &history.Bury{Archive: romeo, ID: a.Entries[0].ID, Stanza: grave},
			&history.Bury{Archive: juliet, ID: a.Entries[0].ID, Stanza: grave}, // is not hers
			&history.Bury{Archive: nurse, ID: a.Entries[0].ID, Stanza: grave}))
		rows := expectRows(t, s, history.Query{Owner: romeo}, "here lies")
		if rows[0].Kind != history.Sent|history.Tombstone {
			t.Errorf("kind %d", rows[0].Kind)
		}
		expectRows(t, s, history.Query{Owner: juliet}, "gone")
		expectRows(t, s, history.Query{Owner: nurse})
	})
}

func TestWaiting(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		addAccounts(t, s, romeo)
		var ids []int64
		for i, kind := range []history.Kind{history.Waits, history.Waits | history.Hidden, history.Sent, 0, history.Waits | history.Hidden, history.Waits} {
			a := only(romeo, phone, laptop, kind, fmt.Sprint(i))
			must(t, commit(s, a))
			ids = append(ids, a.Entries[0].ID)
		}
		expect := func(after int64, limit int, want ...int64) {
			t.Helper()
			rows, err := s.Waiting(t.Context(), romeo, after, limit)
			must(t, err)
			var got []int64
			for _, r := range rows {
				got = append(got, r.ID)
				if r.Kind&history.Waits == 0 || r.Stanza != nil {
					t.Errorf("row %+v", r)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("waiting after %d: %v, want %v", after, got, want)
			}
		}
		expect(0, 10, ids[0], ids[1], ids[4], ids[5])
		expect(ids[0], 2, ids[1], ids[4])
		// What is not hidden stays, though it has reached a client, and so does what is another's.
		must(t, commit(s, &history.Reached{Account: romeo, Upto: ids[0], Gone: []int64{ids[0], ids[1], 1}},
			&history.Reached{Account: juliet, Upto: ids[5], Gone: ids}))
		expect(0, 10, ids[4], ids[5])
		expectRows(t, s, history.Query{Owner: romeo}, "0", "2", "3", "5")
		must(t, commit(s, &history.Reached{Account: romeo, Upto: ids[4]}))
		must(t, commit(s, &history.Reached{Account: romeo, Upto: ids[0]})) // not back
		expect(0, 10, ids[5])
		if upto, err := s.Upto(t.Context(), romeo); upto != ids[4] || err != nil {
			t.Errorf("up to %d, %v", upto, err)
		}
		if upto, err := s.Upto(t.Context(), juliet); upto != 0 || err != nil { // there is no such account
			t.Errorf("up to %d, %v", upto, err)
		}
		rows, err := s.ByID(t.Context(), romeo, ids)
		if err != nil || len(rows) != 5 {
			t.Errorf("%d rows left, %v", len(rows), err)
		}
	})
}

// Ids rise whatever the clock does, over a restart too, and are not given again when what had them is gone.
func TestArchiveClock(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place) {
		var clock later
		p.Now = clock.now
		var last int64
		next := func(s *Store, a *history.Append) {
			t.Helper()
			must(t, commit(s, a))
			if a.Entries[0].ID <= last {
				t.Errorf("id %d after %d", a.Entries[0].ID, last)
			}
			last = a.Entries[0].ID
		}
		s := p.open(t)
		addAccounts(t, s, romeo, juliet)
		next(s, only(romeo, laptop, phone, history.Sent, "0"))
		clock.move(-time.Hour)
		next(s, only(romeo, laptop, phone, history.Sent, "1"))
		must(t, s.Close())

		s = p.open(t)
		next(s, only(juliet, laptop, phone, history.Hidden, "2"))
		must(t, commit(s, &history.Reached{Account: juliet, Upto: last, Gone: []int64{last}}))
		must(t, s.Close())

		s = p.open(t)
		next(s, only(romeo, laptop, phone, history.Sent, "3"))
		next(s, only(nurse, laptop, phone, history.Sent, "4"))
		addAccounts(t, s, nurse)
		must(t, s.Delete(t.Context(), nurse))
		must(t, s.Close())

		s = p.open(t)
		next(s, only(romeo, laptop, phone, history.Sent, "5"))
		clock.move(2 * time.Hour)
		next(s, only(romeo, laptop, phone, history.Sent, "6"))
		if d := clock.now().Sub(history.TimeOf(last)); d < 0 || d > time.Minute {
			t.Errorf("the id is %v old", d)
		}
		expectRows(t, s, history.Query{Owner: romeo}, "0", "1", "3", "5", "6")
	})
}
