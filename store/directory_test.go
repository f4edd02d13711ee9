package store

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"palabre/directory"
	"palabre/xmpp"
)

const verona = "example.org"

// putEntry is an edit that makes an entry what it says, or another.
func putEntry(e directory.Entry) directory.Edit {
	return directory.Edit{ID: e.ID, Change: func(*directory.Entry) (*directory.Entry, error) { return &e, nil }}
}

func noEntry(id string) directory.Edit {
	return directory.Edit{ID: id, Change: func(*directory.Entry) (*directory.Entry, error) { return nil, nil }}
}

// listedPerson has an account and an address of this name.
func listedPerson(id, name string) directory.Entry {
	jid := xmpp.MustParseJID(id + "@" + verona)
	return directory.Entry{Domain: verona, ID: id, Kind: directory.Person, Account: jid, Name: name, Email: jid.String()}
}

// update carries edits out and gives the outcomes in words.
func update(t testing.TB, s *Store, edits ...directory.Edit) string {
	t.Helper()
	out, err := s.Update(t.Context(), verona, edits, false)
	must(t, err)
	return outcomes(out)
}

func outcomes(out []directory.Outcome) string {
	var words []string
	for _, o := range out {
		w := o.ID + " " + string(o.Did)
		if o.Err != nil {
			w += ": " + o.Err.Error()
		}
		words = append(words, w)
	}
	return strings.Join(words, "; ")
}

func entryIDs(all []directory.Entry) string {
	var out []string
	for _, e := range all {
		out = append(out, e.ID)
	}
	return strings.Join(out, " ")
}

func TestDirectoryEntry(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		if _, err := s.Find(ctx, verona, "alice"); err != directory.ErrUnknown {
			t.Fatalf("before: %v", err)
		}
		want := listedPerson("alice", "Alice Ångström")
		want.Email = "Alice.Ångström@Example.org"
		want.Chat = true
		want.Details = directory.Details{Given: "Alice", Family: "Ångström", Organisation: "Verona", Unit: "Letters", Title: "Clerk", Phone: "+46 8 1", Mobile: "+46 70 2",
			Locality: "Stockholm", Country: "Sweden", Note: "two\nlines \"'"}
		want.Photo = directory.Photo{Type: "image/png", SHA1: "abc", Size: 3, Data: []byte{0, 1, 255}}
		if got := update(t, s, putEntry(want), noEntry("nobody")); got != "alice added; nobody left" {
			t.Fatal(got)
		}
		if got := update(t, s, putEntry(want)); got != "alice left" {
			t.Error(got)
		}
		listed := want
		listed.Photo.Data = nil
		for name, find := range map[string]func() (directory.Entry, error){
			"by id":      func() (directory.Entry, error) { return s.Find(ctx, verona, "alice") },
			"by account": func() (directory.Entry, error) { return s.ByAccount(ctx, xmpp.MustParseJID("alice@example.org/phone")) },
			"by e-mail":  func() (directory.Entry, error) { return s.ByEmail(ctx, verona, "ALICE.ångström@example.ORG") },
		} {
			if e, err := find(); err != nil || !reflect.DeepEqual(e, listed) {
				t.Errorf("%s: %+v, %v", name, e, err)
			}
		}
		if p, err := s.Photo(ctx, verona, "alice"); err != nil || !reflect.DeepEqual(p, want.Photo) {
			t.Errorf("photo: %+v, %v", p, err)
		}
		for _, odd := range []string{"", "a\x00", "\xff", strings.Repeat("x", 100_000)} {
			if _, err := s.Find(ctx, verona, odd); err != directory.ErrUnknown {
				t.Errorf("ID %.10q: %v", odd, err)
			}
			if _, err := s.ByEmail(ctx, odd, odd); err != directory.ErrUnknown {
				t.Errorf("address %.10q: %v", odd, err)
			}
		}
		if _, err := s.ByEmail(ctx, "example.net", want.Email); err != directory.ErrUnknown {
			t.Errorf("in another domain: %v", err)
		}

		want.Photo, want.Email, want.Name = directory.Photo{}, "", "Alicia"
		if got := update(t, s, putEntry(want)); got != "alice changed" {
			t.Error(got)
		}
		if _, err := s.Photo(ctx, verona, "alice"); err != directory.ErrUnknown {
			t.Errorf("photo taken away: %v", err)
		}
		if _, err := s.ByEmail(ctx, verona, listed.Email); err != directory.ErrUnknown {
			t.Errorf("the address before: %v", err)
		}
		for text, found := range map[string]string{"angs": "alice", "alicia": "alice", "alice.ångström@": "", "alicia ang": "alice"} {
			if all, err := s.Search(ctx, verona, directory.Query{Text: text}); err != nil || entryIDs(all) != found {
				t.Errorf("search %q: %s, %v", text, entryIDs(all), err)
			}
		}
		if got := update(t, s, noEntry("alice"), putEntry(listedPerson("bob", "Bob"))); got != "alice deleted; bob added" {
			t.Error(got)
		}
		if all, err := s.Search(ctx, verona, directory.Query{}); err != nil || entryIDs(all) != "bob" {
			t.Errorf("left: %s, %v", entryIDs(all), err)
		}
	})
}

// What is refused changes nothing, and keeps nothing else from being done.
func TestDirectoryRefusals(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		if got := update(t, s, putEntry(listedPerson("alice", "Alice")), putEntry(listedPerson("bob", "Bob"))); got != "alice added; bob added" {
			t.Fatal(got)
		}
		thief, other, group := listedPerson("carol", "Carol"), listedPerson("dave", "Dave"), listedPerson("bob", "Bobs")
		thief.Email = "BOB@example.org"
		other.Account = xmpp.MustParseJID("alice@example.org")
		group.Kind = directory.Group
		refusal := directory.Edit{ID: "erin", Change: func(*directory.Entry) (*directory.Entry, error) { return nil, errors.New("no") }}
		want := "carol refused: the address BOB@example.org belongs to the entry bob; dave refused: the account alice@example.org belongs to the entry alice; " +
			"bob refused: the entry bob is a person, and stays one; delete it first if that is wrong; erin refused: no; frank added"
		edits := []directory.Edit{putEntry(thief), putEntry(other), putEntry(group), refusal, putEntry(listedPerson("frank", "Frank"))}
		rehearsed, err := s.Update(ctx, verona, edits, true)
		must(t, err)
		if got := outcomes(rehearsed); got != want {
			t.Errorf("rehearsed: %s", got)
		}
		if _, err := s.Find(ctx, verona, "frank"); err != directory.ErrUnknown {
			t.Errorf("a rehearsal has written: %v", err)
		}
		if got := update(t, s, edits...); got != want {
			t.Error(got)
		}
		if got := update(t, s, putEntry(listedPerson("x", "X")), putEntry(listedPerson("x", "Y"))); got != "x added; x refused: this entry is edited twice at once" {
			t.Error(got)
		}
		// an address is free once the one who had it is gone, or has another
		heir := listedPerson("heir", "Heir")
		heir.Email, heir.Account = "bob@example.org", xmpp.MustParseJID("alice@example.org")
		moved := listedPerson("bob", "Bob")
		moved.Email = ""
		if got := update(t, s, noEntry("alice"), putEntry(moved), putEntry(heir)); got != "alice deleted; bob changed; heir added" {
			t.Error(got)
		}
		first, second := listedPerson("y1", "Y"), listedPerson("y2", "Y")
		first.Email, second.Email = "y@example.org", "Y@example.org"
		if got := update(t, s, putEntry(first), putEntry(second)); got != "y1 added; y2 refused: the address Y@example.org belongs to the entry y1" {
			t.Error(got)
		}
		// other domains have entries of their own
		away := listedPerson("bob", "Bob")
		away.Account, away.Email = xmpp.JID{}, "frank@example.org"
		out, err := s.Update(ctx, "example.net", []directory.Edit{putEntry(away)}, false)
		if err != nil || outcomes(out) != "bob added" {
			t.Errorf("elsewhere: %s, %v", outcomes(out), err)
		}
		if _, err := s.Update(ctx, "a@b", nil, false); err == nil {
			t.Error("an account is a domain")
		}
	})
}

func TestDirectoryGroups(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		group := func(id string) directory.Edit {
			return putEntry(directory.Entry{ID: id, Kind: directory.Group, Name: strings.ToUpper(id), Chat: id == "chatters"})
		}
		update(t, s, putEntry(listedPerson("romeo", "Romeo")), putEntry(listedPerson("juliet", "juliet")), putEntry(listedPerson("paris", "Älva")), group("lovers"), group("chatters"))
		for _, c := range []struct {
			group          string
			change         directory.MemberChange
			added, removed int
			err            string
		}{
			{"lovers", directory.MemberChange{Add: []string{"romeo", "juliet", "paris", "romeo"}}, 3, 0, ""},
			{"lovers", directory.MemberChange{Add: []string{"romeo"}, Remove: []string{"nobody"}}, 0, 0, ""},
			{"lovers", directory.MemberChange{Add: []string{"romeo", "nobody"}}, 0, 0, "there is no person nobody in the directory"},
			{"lovers", directory.MemberChange{Add: []string{"chatters"}}, 0, 0, "the entry chatters is a group; only persons can be members of a group"},
			{"romeo", directory.MemberChange{Add: []string{"juliet"}}, 0, 0, directory.ErrUnknown.Error()},
			{"nothing", directory.MemberChange{}, 0, 0, directory.ErrUnknown.Error()},
			{"chatters", directory.MemberChange{Add: []string{"romeo"}}, 1, 0, ""},
		} {
			added, removed, err := s.ChangeMembers(ctx, verona, c.group, c.change)
			if added != c.added || removed != c.removed || fmt.Sprint(err) != c.err && (err != nil || c.err != "") {
				t.Errorf("%+v: %d, %d, %v", c, added, removed, err)
			}
		}
		members := func(id, want string) {
			t.Helper()
			if all, err := s.Members(ctx, verona, id); err != nil || entryIDs(all) != want {
				t.Errorf("members of %s: %s, %v", id, entryIDs(all), err)
			}
		}
		members("lovers", "paris juliet romeo")
		for account, want := range map[string]bool{"romeo": true, "juliet": false, "nobody": false} {
			if is, err := directory.Granted(ctx, s, xmpp.MustParseJID(account+"@"+verona)); is != want || err != nil {
				t.Errorf("%s may chat: %v, %v", account, is, err)
			}
		}
		if all, err := s.GroupsOf(ctx, romeo); err != nil || entryIDs(all) != "chatters lovers" {
			t.Errorf("romeo's: %s, %v", entryIDs(all), err)
		}
		if _, removed, err := s.ChangeMembers(ctx, verona, "lovers", directory.MemberChange{Remove: []string{"paris"}}); removed != 1 || err != nil {
			t.Errorf("paris goes: %d, %v", removed, err)
		}
		members("lovers", "juliet romeo")
		var crowd []string
		var edits []directory.Edit
		for i := range 250 { // more than one list
			crowd = append(crowd, fmt.Sprintf("p%d", i))
			edits = append(edits, putEntry(listedPerson(crowd[i], "Person")))
		}
		update(t, s, edits...)
		for _, want := range []int{250, 0} {
			if added, _, err := s.ChangeMembers(ctx, verona, "lovers", directory.MemberChange{Add: crowd}); added != want || err != nil {
				t.Errorf("a crowd: %d, %v", added, err)
			}
		}
		if _, removed, err := s.ChangeMembers(ctx, verona, "lovers", directory.MemberChange{Remove: append(crowd, crowd...)}); removed != 250 || err != nil {
			t.Errorf("a crowd goes: %d, %v", removed, err)
		}
		members("lovers", "juliet romeo")
		update(t, s, noEntry("juliet"), noEntry("chatters"))
		members("lovers", "romeo")
		for _, id := range []string{"romeo", "chatters", "nobody"} {
			if _, err := s.Members(ctx, verona, id); err != directory.ErrUnknown {
				t.Errorf("members of %s: %v", id, err)
			}
		}
		if all, err := s.GroupsOf(ctx, romeo); err != nil || entryIDs(all) != "lovers" {
			t.Errorf("romeo's: %s, %v", entryIDs(all), err)
		}
	})
}

func TestDirectoryList(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		var edits []directory.Edit
		for i := range 250 {
			e := listedPerson(fmt.Sprintf("p%03d", i), "Person")
			if i%100 == 7 {
				e.Kind, e.Account = directory.Mailbox, xmpp.JID{}
			}
			edits = append(edits, putEntry(e))
		}
		if got := update(t, s, edits...); strings.Count(got, "added") != 250 {
			t.Fatal(got)
		}
		if all, err := s.List(ctx, verona, directory.ListQuery{After: "p005", Limit: 3}); err != nil || entryIDs(all) != "p006 p007 p008" {
			t.Errorf("all: %s, %v", entryIDs(all), err)
		}
		if all, err := s.List(ctx, verona, directory.ListQuery{Kind: directory.Mailbox, After: "p007", Limit: 3}); err != nil || entryIDs(all) != "p107 p207" {
			t.Errorf("mailboxes: %s, %v", entryIDs(all), err)
		}
	})
}

func TestDirectorySearch(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		all := []directory.Entry{
			listedPerson("alice", "Alice Smith"), listedPerson("smita", "Smita Rao"), listedPerson("asmith", "Anna Smithers"), listedPerson("obrien", "Pat O’Brien"),
			listedPerson("soren", "Søren Ægidius Łuczak"), listedPerson("wang", "王小明"), listedPerson("smi", "Zoé Smi"), listedPerson("jl", "Jean-Luc Straße"),
			{ID: "sales", Kind: directory.Group, Name: "Sales", Email: "smart@example.org"},
			{ID: "desk", Kind: directory.Mailbox, Name: "Smiling desk"},
			{ID: "x", Kind: directory.Person, Name: "Xenia Voss", Details: directory.Details{Unit: "Smelting"}},
		}
		var edits []directory.Edit
		for _, e := range all {
			edits = append(edits, putEntry(e))
		}
		update(t, s, edits...)
		for _, c := range []struct{ text, want string }{
			{"smi", "desk smita smi alice asmith"}, // names that begin with it, the word itself, other words
			{"SM", "desk smita smi alice asmith sales x"},
			{"smith alice", "alice"},
			{"alice smith", "alice"},
			{"a s", "alice asmith soren"},
			{"s a", "soren alice asmith"},
			{"al alice ali", "alice"},
			{"a q", ""},
			{"obrien", "obrien"},
			{"o'br", "obrien"},
			{"o’brien pat", "obrien"},
			{"soren", "soren"},
			{"søren aegi lucz", "soren"},
			{"zoe", "smi"},
			{"王", "wang"},
			{"strasse", "jl"},
			{"jean-l", "jl"},
			{"luc", "jl soren"},
			{"asmith@exam", "asmith"},
			{"<asmith@example.org>,", "asmith"},
			{"anna asmith@", "asmith"},
			{"example", ""},
			{"%", ""}, {"_", ""}, {"' OR 1=1", ""}, {"\x00", ""}, {"\xff\xfe", ""}, {"a\x00\xff@b", ""}, {"ali\x00ce\x07 s\xffmith", "alice"}, {"\u202ealice", "alice"},
			{"  ", "alice asmith jl obrien sales desk smita soren x smi wang"},
		} {
			if found, err := s.Search(ctx, verona, directory.Query{Text: c.text}); err != nil || entryIDs(found) != c.want {
				t.Errorf("%q: %s, %v; want %s", c.text, entryIDs(found), err, c.want)
			}
		}
		for _, c := range []struct {
			q    directory.Query
			want string
		}{
			{directory.Query{Text: "sm", Limit: 3}, "desk smita smi"},
			{directory.Query{Text: "s", Kinds: []directory.Kind{directory.Group, directory.Mailbox}}, "sales desk"},
			{directory.Query{Text: "s", Kinds: []directory.Kind{directory.Group}}, "sales"},
			{directory.Query{Text: "s", Kinds: []directory.Kind{}}, ""},
			{directory.Query{Text: strings.Repeat("s", 5000)}, ""},
			{directory.Query{Text: strings.Repeat("s ", 5000), Limit: 1}, "sales"},
		} {
			if found, err := s.Search(ctx, verona, c.q); err != nil || entryIDs(found) != c.want {
				t.Errorf("%.50v: %s, %v; want %s", c.q, entryIDs(found), err, c.want)
			}
		}
		if found, err := s.Search(ctx, "example.net", directory.Query{Text: "alice"}); err != nil || len(found) != 0 {
			t.Errorf("elsewhere: %s, %v", entryIDs(found), err)
		}
	})
}

// Many entries that have the words, over more than one page, each once.
func TestDirectorySearchPages(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		var edits []directory.Edit
		for i := range 150 {
			e := listedPerson(fmt.Sprintf("u%03d", i), fmt.Sprintf("Anna Annsdotter Ann%d", i))
			e.Given = "Annabel"
			edits = append(edits, putEntry(e))
		}
		update(t, s, edits...)
		found, err := s.Search(t.Context(), verona, directory.Query{Text: "ann", Limit: 1000})
		must(t, err)
		if len(found) != directory.MaxFound {
			t.Errorf("found %d", len(found))
		}
		var seen []string
		for _, e := range found {
			if slices.Contains(seen, e.ID) {
				t.Errorf("%s is there twice", e.ID)
			}
			seen = append(seen, e.ID)
		}
		if found, err := s.Search(t.Context(), verona, directory.Query{Text: "annab ann149"}); err != nil || entryIDs(found) != "u149" {
			t.Errorf("among many: %s, %v", entryIDs(found), err)
		}
	})
}
