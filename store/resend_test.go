package store

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"palabre/history"
	"palabre/server"
)

// later is a clock that a test moves.
type later struct{ by atomic.Int64 }

func (l *later) now() time.Time        { return time.Now().Add(time.Duration(l.by.Load())) }
func (l *later) move(by time.Duration) { l.by.Add(int64(by)) }

// What a client sends again on a later stream is there once; what it sends twice on one stream is there twice.
func TestResend(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place) {
		var clock later
		p.Now = clock.now
		s := p.open(t)
		first := again("a", 7, 1)
		must(t, commit(s, first))
		send := func(a *history.Append, of *history.Append) {
			t.Helper()
			must(t, commit(s, a))
			switch {
			case of == nil && a.Resent:
				t.Errorf("%s is taken for a resend", a.Stanza)
			case of == nil && (a.Entries[0].ID <= first.Entries[0].ID || a.Entries[1].ID != a.Entries[0].ID+1):
				t.Errorf("%s got the ids %+v", a.Stanza, a.Entries)
			case of != nil && (!a.Resent || a.Entries[0].ID != of.Entries[0].ID || a.Entries[1].ID != of.Entries[1].ID):
				t.Errorf("%s: resent %v, with the ids %+v; want %+v", a.Stanza, a.Resent, a.Entries, of.Entries)
			}
		}
		send(again("a", 7, 2), first)
		send(again("a", 7, 1), nil)
		send(again("a", 7, 3), first) // the second one of stream 1 is not the first copy
		send(again("a", 8, 2), nil)
		send(again("a", 0, 2), nil)
		send(again("a", 0, 3), nil)

		other := again("b", 7, 3) // whose digest is the same
		send(other, nil)
		send(again("b", 7, 4), other)
		send(again("a", 7, 5), nil)

		last := again("c", 9, 1)
		send(last, nil)
		clock.move(resendsWithin - time.Minute)
		send(again("c", 9, 2), last)
		clock.move(2 * time.Minute)
		late := again("c", 9, 3)
		send(late, nil)
		send(again("c", 9, 4), late)
		want := []string{"a", "a", "a", "a", "a", "b", "a", "c", "c"}
		expectRows(t, s, history.Query{Owner: romeo}, want...)
		expectRows(t, s, history.Query{Owner: juliet}, want...)
	})
}

// The ids of a message follow each other even when a millisecond ends between them: a resend is told the second by the first.
func TestResendAtTheTurn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		var clock later
		s.writer.clock.now = func() time.Time { clock.move(time.Millisecond); return clock.now() }
		first := again("a", 7, 1)
		must(t, commit(s, first))
		resent := again("a", 7, 2)
		must(t, commit(s, resent))
		if !resent.Resent || !slices.Equal(resent.Entries, first.Entries) {
			t.Errorf("resent %v, with the ids %+v; want %+v", resent.Resent, resent.Entries, first.Entries)
		}
	})
}

// The first copy may be in one archive, or be a tombstone by now, or another's.
func TestResendOfWhatIsLeft(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		resent := func(a *history.Append, ids ...int64) {
			t.Helper()
			a.Resent, a.Entries[0].ID = true, -1
			a.Stream = 2
			must(t, commit(s, a))
			var got []int64
			for _, e := range a.Entries {
				got = append(got, e.ID)
			}
			if !a.Resent || !slices.Equal(got, ids) {
				t.Errorf("resent %v, ids %v, want %v", a.Resent, got, ids)
			}
		}
		alone := again("alone", 1, 1)
		alone.Entries = alone.Entries[:1]
		must(t, commit(s, alone, line(juliet, romeo, "between")))
		id := alone.Entries[0].ID
		resent(again("alone", 1, 2), id, 0)
		resent(alone, id)

		gone := again("gone", 2, 1)
		must(t, commit(s, gone))
		id = gone.Entries[0].ID
		must(t, commit(s, &history.Bury{Archive: romeo, ID: id, Stanza: []byte("<message><retracted/></message>")}))
		resent(again("gone", 2, 2), id, id+1)

		// The digest is romeo's. The same in another archive is another's.
		hers := line(juliet, romeo, "hers")
		hers.Digest, hers.Stream = 2, 3
		must(t, commit(s, hers))
		if hers.Resent {
			t.Error("another's message is taken for a resend")
		}
	})
}

// The model: what is sent one after the other, in batches of any size and with refusals among them, is what the rules say.
func TestResendModel(t *testing.T) {
	t.Parallel()
	type message struct {
		stream, digest int64
		content        string
		id             int64
	}
	each(t, func(t *testing.T, s *Store) {
		allowRefused(s)
		var owner int64
		rapid.Check(t, func(r *rapid.T) {
			owner++
			firsts := map[int64]message{}
			var want []string
			for range rapid.IntRange(1, 6).Draw(r, "batches") {
				release := hold(t, s)
				var batch []*history.Append
				var done []chan error
				var refuse []bool
				for range rapid.IntRange(1, 12).Draw(r, "messages") {
					a := again(rapid.SampledFrom([]string{"a", "b"}).Draw(r, "content"), owner*10+rapid.Int64Range(0, 2).Draw(r, "digest"),
						rapid.Int64Range(1, 3).Draw(r, "stream"))
					writes := []server.Write{a}
					refuse = append(refuse, rapid.IntRange(0, 20).Draw(r, "refused") == 0)
					if refuse[len(refuse)-1] {
						writes = append(writes, refused{romeo})
					}
					ch := make(chan error, 1)
					s.Commit(writes, func(err error) { ch <- err })
					batch, done = append(batch, a), append(done, ch)
				}
				release()
				for i, a := range batch {
					if err := <-done[i]; (err != nil) != refuse[i] {
						r.Fatalf("%d: %v", i, err)
					}
					if refuse[i] {
						continue
					}
					content := texts([]history.Row{{Stanza: a.Stanza}})[0]
					next := message{a.Stream, a.Digest, content, a.Entries[0].ID}
					first, there := firsts[a.Digest]
					resent := there && first.stream != a.Stream && first.content == content
					if a.Resent != resent || resent && next.id != first.id {
						r.Fatalf("%d: %+v after %+v: resent %v", i, next, first, a.Resent)
					}
					if !resent {
						want = append(want, fmt.Sprint(next.id, content))
					}
					if !resent && !(there && first.stream == a.Stream) {
						firsts[a.Digest] = next
					}
				}
			}
			rows, err := s.Rows(t.Context(), history.Query{Owner: romeo, Limit: len(want), Backwards: true})
			must(t, err)
			var got []string
			for _, row := range rows {
				got = append(got, fmt.Sprint(row.ID, texts([]history.Row{row})[0]))
			}
			if !slices.Equal(got, want) {
				r.Fatalf("rows %q, want %q", got, want)
			}
		})
	})
}
