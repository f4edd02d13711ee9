package store

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"palabre/history"
	"palabre/muc"
	"palabre/xmpp"
)

var (
	feast = xmpp.MustParseJID("feast@conference.example.org")
	crypt = xmpp.MustParseJID("crypt@conference.example.org")
)

// save makes a room of a preset.
func save(room xmpp.JID, preset string) *muc.Save {
	config, ok := muc.NewConfig(preset)
	if !ok {
		panic(preset)
	}
	return &muc.Save{Room: room, New: true, Config: config, Created: time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)}
}

func affiliation(room, account xmpp.JID, a muc.Affiliation) *muc.Affiliate {
	return &muc.Affiliate{Room: room, Account: account, Affiliation: a}
}

// speech is what somebody says in a room.
func speech(room xmpp.JID, text string) *history.Append {
	a := line(romeo, room, text)
	a.Entries = []history.Entry{{Owner: room, Peer: romeo}}
	return a
}

func stored(t testing.TB, s *Store, room xmpp.JID) *muc.Stored {
	t.Helper()
	kept, err := s.Room(t.Context(), room)
	must(t, err)
	return kept
}

// person gives what is stored of somebody in a room; ok tells whether there is anything.
func person(t testing.TB, s *Store, room, account xmpp.JID) (p muc.Person, ok bool) {
	t.Helper()
	kept := stored(t, s, room)
	i := slices.IndexFunc(kept.Members, func(p muc.Person) bool { return p.Account == account })
	if i < 0 {
		return p, false
	}
	return kept.Members[i], true
}

func TestRoom(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		if kept := stored(t, s, feast); kept != nil {
			t.Errorf("a room that there is not: %+v", kept)
		}
		first := save(feast, "open")
		must(t, commit(s, first))
		if kept := stored(t, s, feast); !reflect.DeepEqual(kept, &muc.Stored{Config: first.Config, Created: first.Created}) {
			t.Errorf("new: %+v", kept)
		}
		w := save(feast, "visit")
		w.Config.Name, w.Config.Description, w.Config.Contacts = "Capulets ❤", "'; DROP", []string{"a", "b"}
		w.Config.Policy.End = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
		w.Subject = muc.Subject{Text: "<subject>mask</subject>", Nick: "Capulet", At: time.Date(2026, 11, 22, 20, 30, 0, 1000, time.UTC)}
		w.Avatar = "<vCard/>"
		owner := &muc.Affiliate{Room: feast, Account: juliet, Affiliation: muc.Owner, Nick: "J", Reason: "the host's"}
		must(t, commit(s, w, owner))
		must(t, commit(s, w))
		want := &muc.Stored{Config: w.Config, Created: w.Created, Subject: w.Subject, Avatar: w.Avatar, Members: []muc.Person{
			{Account: juliet, Affiliation: muc.Owner, Nick: "J", Reason: "the host's", Joined: owner.Joined},
		}}
		if kept := stored(t, s, feast); !reflect.DeepEqual(kept, want) || owner.Joined == 0 {
			t.Errorf("changed: %+v, want %+v", kept, want)
		}
	})
}

// Members, and those who have been some, with their intervals.
func TestMembers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		expect := func(account xmpp.JID, want *muc.Person) {
			t.Helper()
			p, ok := person(t, s, feast, account)
			if want == nil {
				if ok {
					t.Errorf("%v: %+v", account, p)
				}
				return
			}
			want.Account = account
			if !reflect.DeepEqual(p, *want) {
				t.Errorf("%+v, want %+v", p, *want)
			}
		}
		his, hers := affiliation(feast, romeo, muc.Member), affiliation(feast, juliet, muc.Owner)
		must(t, commit(s, save(feast, "group"), hers, his))
		if hers.Joined == 0 || his.Joined <= hers.Joined {
			t.Errorf("joined: %d, then %d", hers.Joined, his.Joined)
		}
		first, again, his2 := &muc.Begin{Room: feast, Account: romeo}, &muc.Begin{Room: feast, Account: romeo}, affiliation(feast, romeo, muc.Admin)
		parted := &muc.Part{Room: feast, Account: romeo}
		must(t, commit(s, first, again, his2, parted))
		if first.At == 0 || again.At != first.At || his2.Joined != his.Joined || parted.At <= first.At {
			t.Errorf("begun at %d and %d, joined at %d and %d, parted at %d", first.At, again.At, his.Joined, his2.Joined, parted.At)
		}
		going := muc.Interval{Since: first.At}
		expect(romeo, &muc.Person{Affiliation: muc.Admin, Joined: his.Joined, Last: parted.At, Intervals: []muc.Interval{going}})

		end, nothing := &muc.Finish{Room: feast, Account: romeo}, &muc.Finish{Room: feast, Account: romeo}
		banned := &muc.Affiliate{Room: feast, Account: romeo, Affiliation: muc.Outcast, Reason: "Tybalt"}
		must(t, commit(s, end, banned, nothing))
		over := muc.Interval{Since: first.At, Until: end.At}
		if end.At <= parted.At || banned.Joined != 0 || nothing.At <= end.At {
			t.Errorf("ended at %d, then %d; joined %d", end.At, nothing.At, banned.Joined)
		}
		expect(romeo, &muc.Person{Affiliation: muc.Outcast, Reason: "Tybalt", Last: parted.At, Intervals: []muc.Interval{over}})

		none, anew, second := affiliation(feast, romeo, muc.None), affiliation(feast, romeo, muc.Member), &muc.Begin{Room: feast, Account: romeo}
		must(t, commit(s, none))
		expect(romeo, &muc.Person{Affiliation: muc.None, Last: parted.At, Intervals: []muc.Interval{over}})
		must(t, commit(s, anew, second))
		if none.Joined != 0 || anew.Joined <= nothing.At {
			t.Errorf("joined %d, then %d", none.Joined, anew.Joined)
		}
		expect(romeo, &muc.Person{Affiliation: muc.Member, Joined: anew.Joined, Last: parted.At, Intervals: []muc.Interval{over, {Since: second.At}}})

		// Who has never been inside leaves nothing.
		expect(juliet, &muc.Person{Affiliation: muc.Owner, Joined: hers.Joined})
		must(t, commit(s, affiliation(feast, juliet, muc.None), &muc.Part{Room: feast, Account: juliet}, affiliation(feast, nurse, muc.None)))
		expect(juliet, nil)
		expect(nurse, nil)

		// A guest of a room that all may read has intervals, too.
		guest := &muc.Begin{Room: feast, Account: nurse}
		must(t, commit(s, guest))
		expect(nurse, &muc.Person{Affiliation: muc.None, Intervals: []muc.Interval{{Since: guest.At}}})
	})
}

// What comes to a room that has gone leaves nothing in the room that comes after it.
func TestDestroyedRoom(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place) {
		var clock later
		p.Now = clock.now
		s := p.open(t)
		var mass []*history.Append
		for range bite + 10 {
			mass = append(mass, speech(feast, "old"))
		}
		must(t, commit(s, save(feast, "group"), affiliation(feast, romeo, muc.Owner), &muc.Begin{Room: feast, Account: romeo}, save(crypt, "open"), speech(crypt, "kept")))
		appendAll(t, s, mass...)
		digested := again("old", 7, 1)
		digested.Entries = []history.Entry{{Owner: feast, Peer: romeo}}
		must(t, commit(s, digested))

		s.eraser.stop() // as if it were killed before it began
		late := &muc.Begin{Room: feast, Account: romeo}
		must(t, commit(s, speech(feast, "last words"), &muc.Destroy{Room: feast}, affiliation(feast, romeo, muc.Owner), late,
			&muc.Finish{Room: feast, Account: romeo}, &muc.Part{Room: feast, Account: romeo}, speech(feast, "straggler")))
		if kept := stored(t, s, feast); kept != nil || late.At == 0 {
			t.Errorf("destroyed: %+v, %d", kept, late.At)
		}
		if n, err := s.CountRooms(t.Context(), feast.Domain(), false); n != 1 || err != nil {
			t.Errorf("%d rooms, %v", n, err)
		}
		expectCount(t, s, history.Query{Owner: feast}, 1) // it is on its way

		must(t, commit(s, save(feast, "group"), speech(feast, "new")))
		if kept := stored(t, s, feast); kept == nil || len(kept.Members) > 0 {
			t.Errorf("made again: %+v", kept)
		}
		expectBoth(t, s, history.Query{Owner: feast}, "new")
		must(t, commit(s, save(feast, "open"), speech(feast, "newer"))) // it stays the same room
		resent := again("old", 7, 2)
		resent.Entries = []history.Entry{{Owner: feast, Peer: romeo}}
		must(t, commit(s, resent))
		if resent.Resent {
			t.Error("a message is taken for one in the room that has gone")
		}
		if n := archived(t, s); n < bite {
			t.Errorf("%d rows are left: they did not go bit by bit", n)
		}
		must(t, s.Close())

		s = p.open(t)
		clock.move(stragglers)
		emptyEraser(t, s)
		expectBoth(t, s, history.Query{Owner: feast}, "new", "newer", "old")
		expectBoth(t, s, history.Query{Owner: crypt}, "kept")
		if n := archived(t, s); n != 4 {
			t.Errorf("%d rows", n)
		}

		must(t, commit(s, &muc.Destroy{Room: crypt})) // nobody has to look after the eraser
		for end := time.Now().Add(10 * time.Second); archived(t, s) > 3; <-time.After(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the archive of a room that was destroyed does not go")
			}
		}
	})
}

// A deleted account is no member of any room, and nothing is known of its intervals.
func TestDeletedMember(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		addAccounts(t, s, romeo, juliet)
		for _, room := range []xmpp.JID{feast, crypt} {
			must(t, commit(s, save(room, "group"), affiliation(room, juliet, muc.Owner), affiliation(room, romeo, muc.Member),
				&muc.Begin{Room: room, Account: romeo}, &muc.Begin{Room: room, Account: juliet}))
		}
		must(t, commit(s, affiliation(crypt, romeo, muc.Outcast)))
		of := func(account xmpp.JID) (out []string) {
			t.Helper()
			list, err := s.RoomsOf(t.Context(), account)
			must(t, err)
			for _, l := range list {
				out = append(out, fmt.Sprintf("%s %s %d", l.Room.Local(), l.Affiliation, l.Members))
			}
			return out
		}
		if got, want := of(romeo), []string{"crypt outcast 1", "feast member 2"}; !slices.Equal(got, want) {
			t.Errorf("rooms: %q, want %q", got, want)
		}
		must(t, commit(s, &muc.Finish{Room: feast, Account: romeo}, affiliation(feast, romeo, muc.None)))
		if got, want := of(romeo), []string{"crypt outcast 1", "feast none 1"}; !slices.Equal(got, want) {
			t.Errorf("rooms, some of which he has left: %q, want %q", got, want)
		}
		must(t, commit(s, affiliation(feast, romeo, muc.Admin)))
		must(t, s.Delete(t.Context(), romeo))
		if got := of(romeo); got != nil {
			t.Errorf("rooms of who has gone: %q", got)
		}
		if got, want := of(juliet), []string{"crypt owner 1", "feast owner 1"}; !slices.Equal(got, want) {
			t.Errorf("rooms: %q, want %q", got, want)
		}
		addAccounts(t, s, romeo)
		for _, room := range []xmpp.JID{feast, crypt} {
			if p, ok := person(t, s, room, romeo); ok {
				t.Errorf("the next one of the name: %+v", p)
			}
			if p, ok := person(t, s, room, juliet); !ok || len(p.Intervals) != 1 {
				t.Errorf("somebody else: %+v", p)
			}
		}
	})
}

func TestRoomLists(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		elsewhere := xmpp.MustParseJID("a@rooms.example.net")
		must(t, commit(s, save(elsewhere, "open")))
		var all []string
		for i := range 40 {
			room := xmpp.MustParseJID(fmt.Sprintf("r%02d@conference.example.org", i))
			w := save(room, "group")
			w.Config.Policy.Public = i%2 == 0
			w.Config.Name = fmt.Sprintf("Größe 100%% Nr_%d \\", i)
			if i == 7 {
				w.Config.Policy.Vanish = time.Minute
			}
			must(t, commit(s, w, affiliation(room, romeo, muc.Member), affiliation(room, juliet, muc.Outcast)))
			all = append(all, room.Local())
		}
		long := save(xmpp.MustParseJID(strings.Repeat("z", 1023)+"@conference.example.org"), "open")
		long.Config.Name = strings.Repeat("É", 5000) // longer than an index takes
		must(t, commit(s, long))

		public := []string{}
		for i := 0; i < len(all); i += 2 {
			public = append(public, all[i])
		}
		for name, c := range map[string]struct {
			q    muc.RoomQuery
			want []string
		}{
			"nothing":      {muc.RoomQuery{}, nil},
			"first":        {muc.RoomQuery{Limit: 3}, all[:3]},
			"behind":       {muc.RoomQuery{Limit: 3, After: "r04"}, all[5:8]},
			"public":       {muc.RoomQuery{Limit: 3, After: "r04", Public: true}, []string{"r06", "r08", "r10"}},
			"all public":   {muc.RoomQuery{Limit: 20, Public: true}, public},
			"end":          {muc.RoomQuery{Limit: 50, After: "r37"}, []string{"r38", "r39", long.Room.Local()}},
			"name":         {muc.RoomQuery{Limit: 50, Name: "nr_1", Public: true}, []string{"r10", "r12", "r14", "r16", "r18"}},
			"not public":   {muc.RoomQuery{Limit: 2, Name: "größe 100% nr_3", After: "r03"}, []string{"r30", "r31"}},
			"no wildcards": {muc.RoomQuery{Limit: 50, Name: "nr%1"}, nil},
			"nor these":    {muc.RoomQuery{Limit: 50, Name: "nr-1"}, nil},
			"backslash":    {muc.RoomQuery{Limit: 1, Name: `\`}, all[:1]},
			"local part":   {muc.RoomQuery{Limit: 50, Name: "r3", After: "r36", Public: true}, []string{"r38"}},
			"long":         {muc.RoomQuery{Limit: 50, Name: strings.Repeat("é", 150)}, []string{long.Room.Local()}},
			"too long":     {muc.RoomQuery{Limit: 50, Name: strings.Repeat("é", 100_000)}, nil},
		} {
			list, err := s.Rooms(t.Context(), feast.Domain(), c.q)
			must(t, err)
			var got []string
			for _, l := range list {
				got = append(got, l.Room.Local())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s: %q, want %q", name, got, c.want)
			}
		}
		list, err := s.Rooms(t.Context(), feast.Domain(), muc.RoomQuery{Limit: 1, After: "r06"})
		must(t, err)
		want := save(list[0].Room, "group")
		want.Config.Name, want.Config.Policy.Vanish = "Größe 100% Nr_7 \\", time.Minute
		if !reflect.DeepEqual(list[0], muc.Listed{Room: want.Room, Config: want.Config, Created: want.Created, Members: 1, Affiliation: muc.None}) {
			t.Errorf("listed: %+v", list[0])
		}
		for public, want := range map[bool]int{false: 41, true: 21} {
			if n, err := s.CountRooms(t.Context(), feast.Domain(), public); n != want || err != nil {
				t.Errorf("%d rooms, public %v, %v; want %d", n, public, err, want)
			}
		}
		ending, err := s.Ending(t.Context())
		must(t, err)
		var got []string
		for _, l := range ending {
			got = append(got, l.Room.String())
		}
		slices.Sort(got)
		if want := []string{elsewhere.String(), "r07@conference.example.org", long.Room.String()}; !slices.Equal(got, want) {
			t.Errorf("ending: %q, want %q", got, want)
		}
	})
}

// Lists, a room and the rooms of somebody are read by an index.
func TestRoomPlans(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		for i := range 300 {
			w := save(xmpp.MustParseJID(fmt.Sprintf("r%d@conference.example.org", i)), "open")
			must(t, commit(s, w, affiliation(w.Room, romeo, muc.Member)))
		}
		for _, step := range []string{"", "ANALYZE"} {
			if step != "" {
				must(t, s.write(t.Context(), romeo, func(ctx context.Context, t *turn) error { return t.Queue(ctx, step) }))
			}
			expectRoomPlan(t, s, selectRoom, feast.String())
			expectRoomPlan(t, s, selectPeople, 1)
			expectRoomPlan(t, s, selectStays, 1)
			expectRoomPlan(t, s, selectRoomsOf, romeo.String())
			expectRoomPlan(t, s, selectEnding)
			expectRoomPlan(t, s, countRooms, feast.Domain())
			expectRoomPlan(t, s, countPublic, feast.Domain())
			for k, query := range selectRooms {
				args := []any{feast.Domain(), "", 10, "%x%"}
				if !k[1] {
					args = args[:3]
				}
				expectRoomPlan(t, s, query, args...)
			}
			for _, erasure := range erasures {
				expectRoomPlan(t, s, erasure, 1)
			}
		}
	})
}

// expectRoomPlan fails if a statement reads a whole table, or sorts.
func expectRoomPlan(t testing.TB, s *Store, text string, args ...any) {
	t.Helper()
	plan := planOf(t, s, text, args...)
	for _, step := range plan {
		index := strings.Contains(step, "INDEX")
		if strings.Contains(step, "Seq Scan") || strings.Contains(step, "Sort") || strings.Contains(step, "TEMP B-TREE") || strings.HasPrefix(step, "SCAN") && !index {
			t.Errorf("%s\n%s", text, strings.Join(plan, "\n"))
		}
	}
}

// What a write is told is what is stored, though it was carried out twice, and an interval is begun once.
func TestRoomCommitUnanswered(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]proxyMode{"committed": cutAfter, "aborted": cut} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, p := newProxy(t, postgresPlace(t))
			s := p.open(t)
			must(t, commit(s, save(feast, "group")))
			runs := 0
			before, after := speech(feast, "before"), speech(feast, "after")
			member, b, part := affiliation(feast, romeo, muc.Member), &muc.Begin{Room: feast, Account: romeo}, &muc.Part{Room: feast, Account: romeo}
			must(t, commit(s, before, member, b, after, part, &call{romeo, t.Context(), func(ctx context.Context, t *turn) error {
				var one int
				err := t.QueryRow(ctx, []any{&one}, `SELECT 1`)
				if runs++; runs == 1 {
					x.set(mode) // what comes next is the commit
				}
				return err
			}}))
			got, _ := person(t, s, feast, romeo)
			want := muc.Person{Account: romeo, Affiliation: muc.Member, Joined: member.Joined, Last: part.At, Intervals: []muc.Interval{{Since: b.At}}}
			if !reflect.DeepEqual(got, want) || part.At <= b.At {
				t.Errorf("%+v, want %+v", got, want)
			}
			expectRows(t, s, history.Query{Owner: feast, After: b.At, Before: part.At}, "after")
		})
	}
}

// What changes a room that there is not makes none.
func TestSaveOfNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		change := save(feast, "group")
		change.New = false
		must(t, commit(s, change))
		if kept, err := s.Room(t.Context(), feast); err != nil || kept != nil {
			t.Errorf("%+v, %v", kept, err)
		}
	})
}
