package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"palabre/roster"
	"palabre/server"
	"palabre/xmpp"
)

// commit hands writes to the writer and waits.
func commit(s *Store, writes ...server.Write) error {
	done := make(chan error, 1)
	s.Commit(writes, func(err error) { done <- err })
	return <-done
}

func set(owner, contact xmpp.JID, next roster.Item) *roster.Change {
	return &roster.Change{Account: owner, Contact: contact, Next: func(it roster.Item) roster.Item {
		next.JID = it.JID
		return next
	}}
}

func TestRosterChange(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		addAccounts(t, s, romeo, juliet)
		want := roster.Item{JID: juliet, Name: "Juliet ❤", Groups: []string{"Family, \"Friends\"", "b\nc"}, Subscription: roster.From,
			Ask: true, Approved: true, In: true, Request: "<nick/>", Listed: true}
		c := set(romeo, juliet, want)
		must(t, commit(s, c))
		first := c.Ver
		want.Ver = first
		if !reflect.DeepEqual(c.Before, roster.Item{JID: juliet}) || !reflect.DeepEqual(c.After, want) || first == 0 {
			t.Errorf("new: %+v", c)
		}
		it, err := s.Item(ctx, romeo, juliet)
		must(t, err)
		if !reflect.DeepEqual(it, want) {
			t.Errorf("item: %+v", it)
		}

		c = set(romeo, juliet, want) // the same again
		must(t, commit(s, c))
		if c.Ver != first || !reflect.DeepEqual(c.Before, c.After) || !reflect.DeepEqual(c.After, want) {
			t.Errorf("unchanged: %+v", c)
		}

		nurse := set(romeo, xmpp.MustParseJID("nurse@example.org"), roster.Item{Listed: true})
		must(t, commit(s, nurse))
		c = set(romeo, juliet, roster.Item{})
		must(t, commit(s, c))
		if nurse.Ver <= first || c.Ver <= nurse.Ver || !reflect.DeepEqual(c.Before, want) || !reflect.DeepEqual(c.After, roster.Item{JID: juliet}) {
			t.Errorf("removed: %+v", c)
		}
		items, ver, err := s.Roster(ctx, romeo)
		must(t, err)
		if ver != c.Ver || len(items) != 1 || items[0].Ver != nurse.Ver {
			t.Errorf("roster: %d %+v", ver, items)
		}
		items, ver, err = s.Roster(ctx, juliet)
		if len(items) != 0 || ver != 0 || err != nil {
			t.Errorf("an empty roster: %v %d %v", items, ver, err)
		}
	})
}

// A change of an account that has gone in the meantime leaves no trace, and does not fail the one it comes with.
func TestRosterOfNobody(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		addAccounts(t, s, romeo)
		mine := set(romeo, juliet, roster.Item{Listed: true, Ask: true})
		theirs := set(juliet, romeo, roster.Item{In: true})
		must(t, commit(s, mine, theirs))
		if mine.Ver == 0 || theirs.Ver != 0 || !theirs.After.IsZero() {
			t.Errorf("mine %+v, theirs %+v", mine, theirs)
		}
		items, ver, err := s.Roster(t.Context(), juliet)
		if len(items) != 0 || ver != 0 || err != nil {
			t.Errorf("theirs: %v %d %v", items, ver, err)
		}
	})
}

// refused is a write that always fails, after it has written.
type refused struct{ owner xmpp.JID }

func (r refused) Owner() xmpp.JID { return r.owner }

var errRefused = errors.New("refused")

func allowRefused(s *Store) {
	carries(s.writer.carriers, func(ctx context.Context, t *turn, r refused) error {
		if _, err := t.id(ctx, xmpp.MustParseJID("trace@example.org")); err != nil {
			return err
		}
		return errRefused
	})
}

// The model: rosters as maps. Passages of up to three changes run against it, some of them refused.
func TestRosterModel(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		allowRefused(s)
		owners := []xmpp.JID{romeo, juliet}
		addAccounts(t, s, owners...)
		contacts := []xmpp.JID{juliet, romeo, xmpp.MustParseJID("nurse@example.net"), xmpp.MustParseJID("paris.example")}
		type state struct {
			items map[xmpp.JID]roster.Item
			ver   int64
		}
		model := map[xmpp.JID]state{romeo: {items: map[xmpp.JID]roster.Item{}}, juliet: {items: map[xmpp.JID]roster.Item{}}}
		rapid.Check(t, func(r *rapid.T) {
			type waiting struct {
				changes []*roster.Change
				refused bool
				err     chan error
			}
			var passages []waiting
			for range rapid.IntRange(1, 6).Draw(r, "passages") {
				p := waiting{err: make(chan error, 1), refused: rapid.IntRange(0, 4).Draw(r, "refused") == 0}
				var writes []server.Write
				for range rapid.IntRange(1, 3).Draw(r, "changes") {
					c := set(rapid.SampledFrom(owners).Draw(r, "owner"), rapid.SampledFrom(contacts).Draw(r, "contact"), roster.Item{
						Name: rapid.SampledFrom([]string{"", "x", "É"}).Draw(r, "name"), Groups: rapid.SampledFrom([][]string{nil, {"a"}, {"a", "b"}}).Draw(r, "groups"),
						Subscription: roster.Subscription(rapid.IntRange(0, 3).Draw(r, "subscription")), Listed: rapid.Bool().Draw(r, "listed"),
						Ask: rapid.Bool().Draw(r, "ask"), In: rapid.Bool().Draw(r, "in"), Approved: rapid.Bool().Draw(r, "approved"),
					})
					p.changes, writes = append(p.changes, c), append(writes, c)
				}
				if p.refused {
					writes = append(writes, refused{romeo})
				}
				s.Commit(writes, func(err error) { p.err <- err })
				passages = append(passages, p)
			}
			for _, p := range passages {
				err := <-p.err
				if p.refused {
					if !errors.Is(err, errRefused) {
						r.Fatalf("refused: %v", err)
					}
					continue
				}
				if err != nil {
					r.Fatal(err)
				}
				for _, c := range p.changes {
					m := model[c.Account]
					before, ok := m.items[c.Contact]
					if !ok {
						before = roster.Item{JID: c.Contact}
					}
					after := c.Next(before)
					after.Ver = before.Ver
					switch {
					case sameItem(before, after):
						after = before
					case c.Ver <= m.ver:
						r.Fatalf("version %d comes after %d", c.Ver, m.ver)
					case after.IsZero():
						m.ver = c.Ver
						after = roster.Item{JID: c.Contact}
						delete(m.items, c.Contact)
					default:
						m.ver, after.Ver = c.Ver, c.Ver
						m.items[c.Contact] = after
					}
					model[c.Account] = m
					if !reflect.DeepEqual(c.Before, before) || !reflect.DeepEqual(c.After, after) || c.Ver != m.ver {
						r.Fatalf("change:\n%+v\n%+v %d\nwant\n%+v\n%+v %d", c.Before, c.After, c.Ver, before, after, m.ver)
					}
				}
			}
			for owner, m := range model {
				items, ver, err := s.Roster(context.Background(), owner)
				if err != nil || ver != m.ver || len(items) != len(m.items) {
					r.Fatalf("roster of %v: %d items, version %d, %v; want %d, %d", owner, len(items), ver, err, len(m.items), m.ver)
				}
				for _, it := range items {
					if !reflect.DeepEqual(it, m.items[it.JID]) {
						r.Fatalf("item: %+v, want %+v", it, m.items[it.JID])
					}
				}
			}
		})
	})
}

func TestData(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		addAccounts(t, s, romeo, juliet)
		long := fmt.Sprintf("%03071d", 7)
		must(t, s.SetData(ctx, romeo, "private", map[string]string{"": "<a/>", "storage:bookmarks": "<é/>", long: "<long/>"}))
		must(t, s.SetData(ctx, romeo, "vcard", map[string]string{"": "<vCard/>"}))
		must(t, s.SetData(ctx, romeo, "private", map[string]string{"": "<b/>", "storage:bookmarks": "", "not there": ""}))
		all, err := s.Data(ctx, romeo, "private")
		must(t, err)
		if !maps.Equal(all, map[string]string{"": "<b/>", long: "<long/>"}) {
			t.Errorf("data: %v", slices.Sorted(maps.Keys(all)))
		}
		for key, want := range map[string]string{"": "<vCard/>", "none": ""} {
			got, err := s.Datum(ctx, romeo, "vcard", key)
			if got != want || err != nil {
				t.Errorf("datum %q: %q, %v", key, got, err)
			}
		}
		if all, err := s.Data(ctx, juliet, "vcard"); len(all) != 0 || err != nil {
			t.Errorf("another's: %v, %v", all, err)
		}
	})
}

// A client that kept the roster of an account that was deleted does not have the roster of the one that was made after it.
func TestVersionsAreNotReused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		last := int64(0)
		for range 3 {
			addAccounts(t, s, romeo)
			for range 3 {
				c := set(romeo, juliet, roster.Item{Listed: true, Name: fmt.Sprint(last)})
				must(t, commit(s, c))
				if c.Ver <= last {
					t.Errorf("version %d comes after %d", c.Ver, last)
				}
				last = c.Ver
			}
			must(t, s.Delete(t.Context(), romeo))
		}
	})
}
