package store

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"palabre/account"
	"palabre/xmpp"
)

func keys(seed byte) []account.Key {
	var out []account.Key
	for i, hash := range []string{"SHA-1", "SHA-256", "SHA-512"} {
		n := []int{20, 32, 64}[i]
		out = append(out, account.Key{Hash: hash, Iterations: 4096 + i, Salt: bytes.Repeat([]byte{seed}, 16),
			StoredKey: bytes.Repeat([]byte{seed + 1}, n), ServerKey: bytes.Repeat([]byte{0}, n)})
	}
	return out
}

func sameKeys(a, b []account.Key) bool {
	if len(a) != len(b) {
		return false
	}
	byHash := map[string]account.Key{}
	for _, k := range a {
		byHash[k.Hash] = k
	}
	for _, k := range b {
		o := byHash[k.Hash]
		if o.Iterations != k.Iterations || !bytes.Equal(o.Salt, k.Salt) || !bytes.Equal(o.StoredKey, k.StoredKey) || !bytes.Equal(o.ServerKey, k.ServerKey) {
			return false
		}
	}
	return true
}

func TestAccount(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		born := time.Date(2026, 11, 22, 10, 0, 0, 123456000, time.UTC)
		must(t, s.Create(ctx, account.Account{JID: romeo, Created: born, Keys: keys(7)}))
		if err := s.Create(ctx, account.Account{JID: romeo, Keys: keys(9)}); !errors.Is(err, account.ErrExists) {
			t.Errorf("create again: %v", err)
		}
		a, err := s.Account(ctx, romeo)
		must(t, err)
		if a.JID != romeo || a.Disabled || !a.Created.Equal(born) || !a.LastSeen.IsZero() || !sameKeys(a.Keys, keys(7)) {
			t.Errorf("account: %+v", a)
		}
		if _, err := s.Account(ctx, juliet); !errors.Is(err, account.ErrUnknown) {
			t.Errorf("account of nobody: %v", err)
		}

		must(t, s.SetKeys(ctx, romeo, keys(9)[:1]))
		must(t, s.SetDisabled(ctx, romeo, true))
		a, err = s.Account(ctx, romeo)
		must(t, err)
		if !a.Disabled || !sameKeys(a.Keys, keys(9)[:1]) {
			t.Errorf("after the changes: %+v", a)
		}
		must(t, s.SetDisabled(ctx, romeo, false))
		must(t, s.SetKeys(ctx, romeo, nil))
		a, err = s.Account(ctx, romeo)
		must(t, err)
		if a.Disabled || len(a.Keys) != 0 {
			t.Errorf("without keys: %+v", a)
		}
		for what, err := range map[string]error{
			"keys": s.SetKeys(ctx, juliet, keys(1)), "disabled": s.SetDisabled(ctx, juliet, true), "delete": s.Delete(ctx, juliet),
		} {
			if !errors.Is(err, account.ErrUnknown) {
				t.Errorf("%s of nobody: %v", what, err)
			}
		}
	})
}

func TestLastSeen(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		addAccounts(t, s, romeo)
		at, status, err := s.LastSeen(ctx, romeo)
		must(t, err)
		if !at.IsZero() || status != "" {
			t.Errorf("never seen: %v %q", at, status)
		}
		then := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
		must(t, s.SetLastSeen(ctx, romeo, then, "gone 🌳"))
		must(t, s.SetLastSeen(ctx, juliet, then, "nobody"))
		at, status, err = s.LastSeen(ctx, romeo)
		must(t, err)
		if !at.Equal(then) || status != "gone 🌳" {
			t.Errorf("last seen: %v %q", at, status)
		}
		if _, _, err := s.LastSeen(ctx, juliet); !errors.Is(err, account.ErrUnknown) {
			t.Errorf("last seen of nobody: %v", err)
		}
	})
}

// Pages go by the bytes of the local parts, whatever the database's locale thinks of their order.
func TestAccountsByPage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		want := []string{"a", "a-b", "a.b", "a_b", "ab", "b", "z", "ß", "à", "ж"}
		for _, i := range []int{3, 9, 0, 6, 1, 8, 2, 7, 4, 5} {
			addAccounts(t, s, xmpp.MustParseJID(want[i]+"@example.org"))
		}
		addAccounts(t, s, xmpp.MustParseJID("other@example.net"))
		var got []string
		for after := ""; ; after = got[len(got)-1] {
			page, err := s.Accounts(ctx, "example.org", after, 3)
			must(t, err)
			if len(page) > 3 {
				t.Fatalf("a page of %d", len(page))
			}
			for _, a := range page {
				got = append(got, a.JID.Local())
			}
			if len(page) < 3 {
				break
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("pages:\n%q\nwant\n%q", got, want)
		}
	})
}

func TestCreateMany(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		addAccounts(t, s, romeo)
		var as []account.Account
		var jids []xmpp.JID
		for i := range 250 {
			jid := xmpp.MustParseJID(fmt.Sprintf("u%d@example.org", i))
			as, jids = append(as, account.Account{JID: jid, Keys: keys(byte(i))}), append(jids, jid)
		}
		as = append(as, account.Account{JID: romeo, Keys: keys(1)}, account.Account{JID: jids[0], Keys: keys(99)})
		n, err := s.CreateMany(ctx, as)
		must(t, err)
		if n != 250 {
			t.Errorf("created %d", n)
		}
		a, err := s.Account(ctx, jids[0])
		must(t, err)
		if !sameKeys(a.Keys, keys(0)) {
			t.Error("the second of the same name won")
		}
		a, err = s.Account(ctx, romeo)
		must(t, err)
		if len(a.Keys) != 0 {
			t.Error("an account that was there has changed")
		}
		if n, err = s.CreateMany(ctx, as); n != 0 || err != nil {
			t.Errorf("again: %d, %v", n, err)
		}
		if n, err = s.CreateMany(ctx, nil); n != 0 || err != nil {
			t.Errorf("nobody: %d, %v", n, err)
		}

		gone := []xmpp.JID{juliet, xmpp.MustParseJID("u250@example.org")}
		missing, err := s.Missing(ctx, append(append([]xmpp.JID{}, jids...), gone...))
		must(t, err)
		if len(missing) != 2 || missing[0] != gone[0] || missing[1] != gone[1] {
			t.Errorf("missing: %v", missing)
		}
	})
}

func TestImportOfThousands(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		for chunk := range 12 {
			n, err := s.CreateMany(t.Context(), manyAccounts(chunk*256, 256))
			must(t, err)
			if n != 256 {
				t.Fatalf("created %d", n)
			}
		}
		n, err := s.CreateMany(t.Context(), manyAccounts(11*256, 512))
		must(t, err)
		if n != 256 {
			t.Errorf("created %d of 256 that there were not yet", n)
		}
	})
}

func manyAccounts(from, n int) []account.Account {
	as := make([]account.Account, n)
	for i := range as {
		as[i] = account.Account{JID: xmpp.MustParseJID(fmt.Sprintf("user%d@example.org", from+i)), Keys: keys(byte(i))}
	}
	return as
}

func TestSecret(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		first, err := s.Secret(t.Context(), "salt")
		must(t, err)
		again, err := s.Secret(t.Context(), "salt")
		must(t, err)
		other, err := s.Secret(t.Context(), "other")
		must(t, err)
		if len(first) != 32 || !bytes.Equal(first, again) || bytes.Equal(first, other) {
			t.Errorf("secrets: %x %x %x", first, again, other)
		}
	})
}
