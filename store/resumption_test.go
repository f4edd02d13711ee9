package store

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"palabre/resumption"
	"palabre/server"
)

func counted(id string, h uint32) *resumption.Counted {
	return &resumption.Counted{Account: romeo, ID: id, Handled: h}
}

func wantHandled(t *testing.T, s *Store, id string, want string) {
	t.Helper()
	h, ok, err := s.Handled(t.Context(), romeo, id)
	must(t, err)
	if got := fmt.Sprint(h, ok); got != want {
		t.Errorf("%s: %s, want %s", id, got, want)
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		addAccounts(t, s, romeo)
		wantHandled(t, s, "a", "0 false")
		must(t, commit(s, counted("a", 3), counted("b", 7), counted("a", 5), counted("a", 4)))
		wantHandled(t, s, "a", "5 true")
		wantHandled(t, s, "b", "7 true")
		must(t, commit(s, counted("a", 4))) // never back
		wantHandled(t, s, "a", "5 true")
		must(t, commit(s, counted("a", 1<<31+2), counted("b", 8)))
		must(t, commit(s, counted("a", 1<<32-1)))
		wantHandled(t, s, "a", "4294967295 true")
		must(t, commit(s, counted("a", 2))) // 2^32 and 2 more
		wantHandled(t, s, "a", "2 true")
		if h, ok, err := s.Handled(t.Context(), juliet, "a"); h != 0 || ok || err != nil {
			t.Errorf("another's: %d %v %v", h, ok, err)
		}
		must(t, commit(s, counted("c", 1), &resumption.Forgotten{Account: romeo, ID: "c"}, &resumption.Forgotten{Account: romeo, ID: "a"}))
		wantHandled(t, s, "a", "0 false")
		wantHandled(t, s, "c", "0 false")
		wantHandled(t, s, "b", "8 true")
	})
}

// A stanza that is refused leaves its count behind, and takes nobody else's with it.
func TestCountOfARefusedWrite(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		addAccounts(t, s, romeo)
		release := hold(t, s)
		errs := make(chan error, 3)
		done := func(err error) { errs <- err }
		s.Commit([]server.Write{counted("a", 1)}, done)
		s.Commit([]server.Write{counted("a", 2), stranger{}}, done)
		s.Commit([]server.Write{counted("b", 1)}, done)
		release()
		for i, want := range []bool{true, false, true} {
			if err := <-errs; (err == nil) != want {
				t.Errorf("commit %d: %v", i, err)
			}
		}
		wantHandled(t, s, "a", "1 true")
		wantHandled(t, s, "b", "1 true")
	})
}

func TestSavedSessions(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		ctx, now := t.Context(), time.UnixMicro(1_700_000_000_000_000).UTC()
		addAccounts(t, s, romeo, juliet)
		must(t, commit(s, counted("old", 3)))
		var rows []resumption.Row
		for i := range savedPage + 3 {
			rows = append(rows, resumption.Row{Account: romeo, ID: fmt.Sprintf("%04d", i), Handled: uint32(i), At: now, Session: fmt.Appendf(nil, "session %d", i)})
		}
		rows = append(rows, resumption.Row{Account: romeo, ID: "old", Handled: 4, At: now, Session: []byte("and more")})
		must(t, s.SaveSessions(ctx, rows))
		must(t, s.SaveSessions(ctx, []resumption.Row{
			{Account: juliet, ID: "hers", Handled: 1 << 31, At: now, Session: []byte{0, 255}},
			{Account: romeo.DomainJID(), ID: "nobody's", At: now, Session: []byte("x")},
		}))
		read := func() (out []resumption.Row) {
			must(t, s.SavedSessions(ctx, func(r resumption.Row) error { out = append(out, r); return nil }))
			return out
		}
		want := append(append([]resumption.Row(nil), rows...), resumption.Row{Account: juliet, ID: "hers", Handled: 1 << 31, At: now, Session: []byte{0, 255}})
		if got := read(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %d sessions: %v", len(got), got)
		}
		stop := errors.New("enough")
		if err := s.SavedSessions(ctx, func(resumption.Row) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("stopped: %v", err)
		}
		must(t, s.SetDisabled(ctx, juliet, true))
		if got := read(); len(got) != len(rows) {
			t.Errorf("without hers: %d", len(got))
		}

		must(t, s.ForgetStreams(ctx, now.Add(time.Hour))) // not what is stored
		must(t, s.DropSessions(ctx))
		if got := read(); len(got) != 0 {
			t.Errorf("twice: %v", got)
		}
		wantHandled(t, s, "0002", "2 true")
		wantHandled(t, s, "old", "4 true")
		must(t, commit(s, counted("old", 5)))
		must(t, s.ForgetStreams(ctx, now.Add(time.Second)))
		wantHandled(t, s, "0002", "0 false")
		wantHandled(t, s, "old", "5 true")
	})
}
