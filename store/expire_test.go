package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"palabre/account"
	"palabre/history"
	"palabre/xmpp"
)

// archived counts rows, whoever may see them.
func archived(t testing.TB, s *Store) (n int) {
	t.Helper()
	must(t, s.db.QueryRow(context.WithoutCancel(t.Context()), []any{&n}, `SELECT COUNT(*) FROM archive`))
	return n
}

// Retention takes what is old in the archives of one domain, of rooms as of accounts, a limited number of rows at a time.
func TestExpire(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place) {
		var clock later
		p.Now = clock.now
		s := p.open(t)
		const owners = 450 // more than one query looks at
		var old, young []*history.Append
		for i := range owners {
			owner := xmpp.MustParseJID(fmt.Sprintf("user%d@example.org", i))
			if i%3 == 0 {
				owner = xmpp.MustParseJID(fmt.Sprintf("user%d@example.com", i))
			}
			for range 4 {
				old = append(old, only(owner, phone, laptop, 0, "old"))
			}
			young = append(young, only(owner, phone, laptop, 0, "young"))
		}
		for range 1300 { // more than goes at once
			old = append(old, only(romeo, phone, laptop, 0, "old"))
		}
		appendAll(t, s, old...)
		clock.move(time.Hour)
		appendAll(t, s, young...)

		before := history.FirstAt(clock.now().Add(-time.Minute))
		const ours, theirs = 4*300 + 1300, 4 * 150
		for total := 0; ; {
			n, err := s.Expire(t.Context(), "example.org", before, 700)
			must(t, err)
			if total += n; n < 700 {
				if total != ours {
					t.Errorf("%d expired, want %d", total, ours)
				}
				break
			}
			if n != 700 {
				t.Errorf("%d at once", n)
			}
		}
		if n := archived(t, s); n != owners+theirs {
			t.Errorf("%d rows are left", n)
		}
		expectRows(t, s, history.Query{Owner: xmpp.MustParseJID("user1@example.org")}, "young")
		expectRows(t, s, history.Query{Owner: xmpp.MustParseJID("user3@example.com")}, "old", "old", "old", "old", "young")
		for _, want := range []int{theirs, 0} {
			if n, err := s.Expire(t.Context(), "example.com", before, 10_000); n != want || err != nil {
				t.Errorf("expired of the other domain: %d, %v", n, err)
			}
		}
	})
}

// The archive of a deleted account is not seen from the moment on that the account is gone. It goes bit by bit, over restarts, and without
// what a new account of that name has got by then.
func TestDeleteLargeArchive(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place) {
		var clock later
		p.Now = clock.now
		s := p.open(t)
		ctx := t.Context()
		addAccounts(t, s, romeo, juliet, nurse)
		const n = 3*bite + 1
		var mass []*history.Append
		for range n {
			mass = append(mass, only(romeo, phone, laptop, history.Waits, "old"))
		}
		first := again("old", 7, 1)
		appendAll(t, s, append(mass, first)...)
		must(t, commit(s, &history.Reached{Account: romeo, Upto: mass[5].Entries[0].ID}))

		s.eraser.stop() // as if it were killed before it began
		must(t, s.Delete(ctx, romeo))
		straggler := again("straggler", 8, 1)
		must(t, commit(s, straggler))
		must(t, s.Create(ctx, account.Account{JID: romeo}))
		nothing := func() {
			t.Helper()
			expectBoth(t, s, history.Query{Owner: romeo})
			expectBoth(t, s, history.Query{Owner: romeo, With: phone})
			ids := []int64{mass[0].Entries[0].ID, mass[n-1].Entries[0].ID, straggler.Entries[0].ID}
			expectBoth(t, s, history.Query{Owner: romeo, IDs: ids})
			waiting, err := s.Waiting(ctx, romeo, 0, 10)
			must(t, err)
			rows, err := s.ByID(ctx, romeo, ids)
			must(t, err)
			upto, err := s.Upto(ctx, romeo)
			must(t, err)
			if len(waiting) > 0 || len(rows) > 0 || upto != 0 {
				t.Errorf("of the old one: %v, %v, %v", waiting, rows, upto)
			}
		}
		nothing()
		if got := archived(t, s); got < n+2 {
			t.Errorf("there are %d rows: it did not go bit by bit", got)
		}
		// What was his is nobody's first copy.
		for _, a := range []*history.Append{again("old", 7, 2), again("straggler", 8, 1)} {
			must(t, commit(s, a))
			if a.Resent {
				t.Error("a message is taken for a resend of one that belonged to another")
			}
		}
		must(t, s.Close())

		s = p.open(t) // goes on where it was
		emptyEraser(t, s)
		expectBoth(t, s, history.Query{Owner: romeo}, "old", "straggler")
		expectBoth(t, s, history.Query{Owner: juliet}, "old", "straggler", "old", "straggler")
		if got := archived(t, s); got != 6 {
			t.Errorf("%d rows", got)
		}
	})
}

// What is on its way to an account while it is deleted goes too.
func TestStragglers(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place) {
		var clock later
		p.Now = clock.now
		s := p.open(t)
		addAccounts(t, s, romeo)
		must(t, s.Delete(t.Context(), romeo))
		must(t, commit(s, only(romeo, phone, laptop, 0, "late"), &history.Reached{Account: romeo, Upto: 1}))
		left, err := s.erase(t.Context())
		if must(t, err); !left || archived(t, s) != 1 {
			t.Errorf("at once: left %v, %d rows", left, archived(t, s))
		}
		clock.move(stragglers)
		emptyEraser(t, s)
		if n := archived(t, s); n != 0 {
			t.Errorf("%d rows", n)
		}
	})
}

// Many accounts may go at once.
func TestDeleteManyAccounts(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place) {
		var clock later
		p.Now = clock.now
		s := p.open(t)
		accounts := manyAccounts(0, 2*erasedAtOnce+10)
		_, err := s.CreateMany(t.Context(), accounts)
		must(t, err)
		var appends []*history.Append
		for _, a := range accounts {
			appends = append(appends, only(a.JID, phone, laptop, 0, "x"))
		}
		appendAll(t, s, appends...)
		for _, a := range accounts {
			must(t, s.Delete(t.Context(), a.JID))
		}
		clock.move(stragglers)
		emptyEraser(t, s)
		if n := archived(t, s); n != 0 {
			t.Errorf("%d rows", n)
		}
	})
}

// Whatever is asked for is read from an index in its order: the last 50 of a small archive beside a large one, on a database that
// has no statistics yet, and on one that has.
func TestPlans(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place) {
		s := p.open(t)
		var batch []*history.Append
		for i := range 3000 {
			owner := juliet
			if i%10 == 0 {
				owner = romeo
			}
			batch = append(batch, only(owner, phone, laptop, history.Waits, "x"))
		}
		appendAll(t, s, batch...)
		for _, step := range []string{"", "ANALYZE"} {
			if step != "" {
				must(t, s.write(t.Context(), romeo, func(ctx context.Context, t *turn) error { return t.Queue(ctx, step) }))
			}
			for _, q := range []*history.Query{{Owner: romeo}, {Owner: romeo, With: juliet}} {
				asking, args := ask(q)
				expectPlan(t, s, asking.backwards, append(args, 50)...)
				expectPlan(t, s, asking.forwards, append(args, 50)...)
			}
			expectPlan(t, s, selectWaiting, romeo.String(), 0, 50)
			expectPlan(t, s, deleteSome, 1, 2, 3)
			if _, is := s.engine.(*postgresDB); is {
				expectPlan(t, s, pgFirstCopies, []int64{1}, []int64{1}, []int64{2})
			}
		}
	})
}

// expectPlan fails if a query reads the archive but by an index, or sorts.
func expectPlan(t testing.TB, s *Store, text string, args ...any) {
	t.Helper()
	plan := planOf(t, s, text, args...)
	whole := strings.Join(plan, "\n")
	bad := []string{"Sort", "Seq Scan on archive", "TEMP B-TREE", "SCAN a", "a USING INTEGER PRIMARY KEY"}
	if slices.ContainsFunc(bad, func(b string) bool { return strings.Contains(whole, b) }) || len(plan) < 3 {
		t.Errorf("%s\n%s", text, whole)
	}
}

// planOf is how the database would go about a statement.
func planOf(t testing.TB, s *Store, text string, args ...any) (plan []string) {
	t.Helper()
	explain, columns := `EXPLAIN QUERY PLAN `, 4
	if _, is := s.engine.(*postgresDB); is {
		explain, columns = `EXPLAIN `, 1
	}
	must(t, s.db.Query(t.Context(), func(scan scanner) error {
		line := make([]any, columns)
		for i := range line {
			line[i] = new(string)
		}
		err := scan(line...)
		plan = append(plan, *line[columns-1].(*string))
		return err
	}, explain+text, args...))
	return plan
}
