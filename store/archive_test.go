package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"palabre/history"
	"palabre/server"
	"palabre/xmpp"
)

// A line is a message as an archive gets it.
func line(from, to xmpp.JID, text string) *history.Append {
	start := fmt.Sprintf(`<message xmlns='jabber:client' type='chat' from='%s' to='%s'>`, from, to)
	return &history.Append{
		Entries: []history.Entry{
			{Owner: from.Bare(), Peer: to.Bare(), Kind: history.Sent},
			{Owner: to.Bare(), Peer: from.Bare(), Kind: history.Waits},
		},
		Stanza: []byte(start + `<body>` + text + `</body></message>`),
		Inner:  len(start),
	}
}

// again is a line that is known by a digest, on a stream.
func again(text string, digest, stream int64) *history.Append {
	a := line(romeo, juliet, text)
	a.Digest, a.Stream = digest, stream
	return a
}

func texts(rows []history.Row) (out []string) {
	for _, r := range rows {
		_, text, _ := strings.Cut(string(r.Stanza), "<body>")
		text, _, _ = strings.Cut(text, "</body>")
		out = append(out, text)
	}
	return out
}

func expectRows(t testing.TB, s *Store, q history.Query, want ...string) []history.Row {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 1000
	}
	rows, err := s.Rows(t.Context(), q)
	must(t, err)
	if got := texts(rows); !slices.Equal(got, want) {
		t.Errorf("%+v: %q, want %q", q, got, want)
	}
	if !slices.IsSortedFunc(rows, byID) {
		t.Errorf("%+v: out of order", q)
	}
	return rows
}

// Both archives of a local message have it, under ids that rise in the order of commits.
func TestAppend(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		var last int64
		for i := range 5 {
			a := line(romeo, juliet, fmt.Sprint(i))
			must(t, commit(s, a))
			if a.Entries[0].ID <= last || a.Entries[1].ID != a.Entries[0].ID+1 || a.Resent {
				t.Errorf("ids %d, %d after %d", a.Entries[0].ID, a.Entries[1].ID, last)
			}
			if d := time.Since(history.TimeOf(a.Entries[0].ID)); d < 0 || d > time.Minute {
				t.Errorf("an id of %v ago", d)
			}
			last = a.Entries[1].ID
		}
		rows := expectRows(t, s, history.Query{Owner: romeo}, "0", "1", "2", "3", "4")
		expectRows(t, s, history.Query{Owner: juliet, Limit: 2, Backwards: true}, "3", "4")
		expectRows(t, s, history.Query{Owner: romeo, After: rows[1].ID, Before: rows[4].ID}, "2", "3")
		expectRows(t, s, history.Query{Owner: romeo, With: juliet, Limit: 2}, "0", "1")
		expectRows(t, s, history.Query{Owner: romeo, With: romeo})
		expectRows(t, s, history.Query{Owner: xmpp.MustParseJID("nobody@example.org")})
		expectRows(t, s, history.Query{Owner: romeo, With: xmpp.MustParseJID("nobody@example.org")})
	})
}

// What is committed in one batch is added at once, and is the same as one by one.
func TestAppendBatch(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		release := hold(t, s)
		var done []chan error
		var appends []*history.Append
		var want []string
		for i := range 700 {
			a := line(romeo, juliet, fmt.Sprint(i))
			if i%3 == 0 {
				a = again(fmt.Sprint(i), int64(i+1), 1)
			}
			if i%100 != 7 {
				want = append(want, fmt.Sprint(i))
			}
			ch := make(chan error, 1)
			writes := []server.Write{a}
			if i%100 == 7 {
				writes = append(writes, stranger{}) // is refused, and takes nobody with it
			}
			s.Commit(writes, func(err error) { ch <- err })
			done, appends = append(done, ch), append(appends, a)
		}
		release()
		var last int64
		for i := range done {
			if err := <-done[i]; (err != nil) != (i%100 == 7) {
				t.Fatalf("%d: %v", i, err)
			}
			if id := appends[i].Entries[0].ID; i%100 != 7 {
				if id <= last || appends[i].Resent {
					t.Errorf("%d: id %d after %d", i, id, last)
				}
				last = id
			}
		}
		expectRows(t, s, history.Query{Owner: romeo}, want...)
		expectRows(t, s, history.Query{Owner: juliet}, want...)
	})
}

// However large the stanzas of a batch are, they are added.
func TestAppendLarge(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		release := hold(t, s)
		text := strings.Repeat("x", 250_000)
		errs := make(chan error, 40)
		for range 40 {
			s.Commit([]server.Write{line(romeo, juliet, text)}, func(err error) { errs <- err })
		}
		release()
		for range 40 {
			must(t, <-errs)
		}
		expectCount(t, s, history.Query{Owner: romeo}, 40)
		expectCount(t, s, history.Query{Owner: juliet}, 40)
		if b := s.Stats().Batches; b.Counts[6] != 1 { // 33 to 64
			t.Errorf("batches: %v", b.Counts)
		}
	})
}

// What can't be an append is refused.
func TestAppendRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		for name, change := range map[string]func(*history.Append){
			"three entries":  func(a *history.Append) { a.Entries = append(a.Entries, a.Entries[0]) },
			"no content":     func(a *history.Append) { a.Inner = len(a.Stanza) + 1 },
			"nothing at all": func(a *history.Append) { a.Stanza, a.Inner = nil, 0 },
		} {
			a := line(romeo, juliet, name)
			change(a)
			if err := commit(s, a); err == nil || errors.Is(err, ErrAway) {
				t.Errorf("%s: %v", name, err)
			}
		}
		must(t, commit(s, line(romeo, juliet, "and on")))
		expectRows(t, s, history.Query{Owner: romeo}, "and on")
	})
}
