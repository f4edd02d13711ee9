package admin_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"slices"
	"strings"
	"testing"

	"palabre/admin"
)

// named is an entry of the default domain.
func named(id string, fields ...string) admin.EntrySetParams {
	p := admin.EntrySetParams{EntryParams: admin.EntryParams{ID: id}, Fields: map[string]string{}}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		p.Fields[name] = value
	}
	return p
}

func TestLifeOfAnEntry(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c admin.Caller) {
		alice := named("Alice@Example.ORG", "name=Alice Smith", "email=alice.smith@example.org")
		if r := do[admin.EntryResult](t, c, "directory.add", alice); r != (admin.EntryResult{ID: "alice", Domain: "example.org", Kind: "person"}) {
			t.Errorf("added: %+v", r)
		}
		refuse(t, c, "directory.add", alice, admin.Conflict, "There is such an entry already.")
		refuse(t, c, "directory.add", named("bob@example.org", "name=Bob", "account=alice@example.org"), admin.Conflict, "The account alice@example.org belongs to the entry alice.")
		refuse(t, c, "directory.add", named("bob@example.org"), admin.BadRequest, "The name is missing.")
		refuse(t, c, "directory.add", named("bob@elsewhere.org", "name=Bob"), admin.NotFound, "no such domain")
		refuse(t, c, "directory.add", named("b b", "name=Bob"), admin.BadRequest, "can't be an ID")
		refuse(t, c, "directory.set", named("alice", "colour=red"), admin.BadRequest, "is not a field")
		refuse(t, c, "directory.set", named("bob", "name=Bob"), admin.NotFound, "There is no such entry")
		elsewhere := named("alice@example.net", "name=Alice of the other domain")
		if r := do[admin.EntryResult](t, c, "directory.add", elsewhere); r.Domain != "example.net" {
			t.Errorf("elsewhere: %+v", r)
		}
		elsewhere.Domain = "example.org"
		refuse(t, c, "directory.set", elsewhere, admin.BadRequest, "is not of the domain example.org")

		var photo bytes.Buffer
		if err := png.Encode(&photo, image.NewPaletted(image.Rect(0, 0, 4, 4), color.Palette{color.Black})); err != nil {
			t.Fatal(err)
		}
		data, none, wrong := photo.Bytes(), []byte{}, []byte("<svg/>")
		set := named("alice", "title=Director", "email=")
		set.Photo = &data
		do[admin.EntryResult](t, c, "directory.set", set)
		e := do[admin.DirectoryEntry](t, c, "directory.show", admin.EntryParams{ID: "alice"})
		if !maps.Equal(e.Fields, map[string]string{"name": "Alice Smith", "title": "Director", "account": "alice@example.org"}) || e.Photo == nil || e.Photo.Type != "image/png" || e.Photo.Size != len(data) {
			t.Errorf("shown: %+v %+v", e, e.Photo)
		}
		set.Photo = &wrong
		refuse(t, c, "directory.set", set, admin.BadRequest, "The photo is not a PNG")
		set.Photo = &none
		do[admin.EntryResult](t, c, "directory.set", set)
		if e := do[admin.DirectoryEntry](t, c, "directory.show", admin.EntryParams{ID: "alice@example.org"}); e.Photo != nil {
			t.Errorf("taken away: %+v", e.Photo)
		}
		do[admin.EntryResult](t, c, "directory.delete", admin.EntryParams{ID: "alice"})
		for _, name := range []string{"directory.show", "directory.delete"} {
			refuse(t, c, name, admin.EntryParams{ID: "alice"}, admin.NotFound, "There is no such entry")
		}
	})
}

func TestGroupsOfTheDirectory(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c admin.Caller) {
		group := named("sales", "name=Sales", "chat=yes")
		group.Kind = "group"
		do[admin.EntryResult](t, c, "directory.add", group)
		var people []string
		for i := range 5 {
			id := fmt.Sprintf("p%d", i)
			people = append(people, id)
			do[admin.EntryResult](t, c, "directory.add", named(id, "name=Person "+id))
		}
		sales := admin.EntryParams{ID: "sales"}
		if r := do[admin.MembersResult](t, c, "group.members", admin.MembersParams{EntryParams: sales, Add: people}); r.Added != 5 {
			t.Errorf("added: %+v", r)
		}
		if r := do[admin.MembersResult](t, c, "group.members", admin.MembersParams{EntryParams: sales, Add: people[:1], Remove: people[3:]}); r.Added != 0 || r.Removed != 2 {
			t.Errorf("changed: %+v", r)
		}
		if e := do[admin.DirectoryEntry](t, c, "directory.show", sales); !slices.Equal(e.Members, []string{"p0", "p1", "p2"}) {
			t.Errorf("members: %v", e.Members)
		}
		if e := do[admin.DirectoryEntry](t, c, "directory.show", admin.EntryParams{ID: "p1"}); !slices.Equal(e.Groups, []string{"sales"}) {
			t.Errorf("groups: %v", e.Groups)
		}
		refuse(t, c, "group.members", admin.MembersParams{EntryParams: sales, Add: []string{"p0", "nobody"}}, admin.BadRequest, "There is no person nobody in the directory.")
		refuse(t, c, "group.members", admin.MembersParams{EntryParams: sales, Add: []string{"sales"}}, admin.BadRequest, "only persons can be members")
		refuse(t, c, "group.members", admin.MembersParams{EntryParams: sales, Add: []string{"p0@example.net"}}, admin.BadRequest, "is not of the domain")
		refuse(t, c, "group.members", admin.MembersParams{EntryParams: admin.EntryParams{ID: "p0"}, Add: []string{"p1"}}, admin.NotFound, "There is no such group.")
		refuse(t, c, "group.members", admin.MembersParams{EntryParams: sales, Add: make([]string, 1001)}, admin.BadRequest, "At most 1000 members")

		first := do[admin.EntryListResult](t, c, "directory.list", admin.EntryListParams{Limit: 4})
		rest := do[admin.EntryListResult](t, c, "directory.list", admin.EntryListParams{Limit: 4, After: first.Entries[3].ID})
		if len(first.Entries) != 4 || !first.More || len(rest.Entries) != 2 || rest.More || rest.Entries[1].ID != "sales" {
			t.Errorf("pages: %+v, %+v", first, rest)
		}
		if r := do[admin.EntryListResult](t, c, "directory.list", admin.EntryListParams{Kind: "group"}); len(r.Entries) != 1 {
			t.Errorf("groups: %+v", r)
		}
		if r := do[admin.EntryListResult](t, c, "directory.list", admin.EntryListParams{Text: "PERS p3"}); len(r.Entries) != 1 || r.Entries[0].ID != "p3" {
			t.Errorf("found: %+v", r)
		}
		refuse(t, c, "directory.list", admin.EntryListParams{Limit: 1001}, admin.BadRequest, "1 to 1000")
		refuse(t, c, "directory.list", admin.EntryListParams{Kind: "robot"}, admin.BadRequest, "a person, a group or a mailbox")
	})
}

func TestEntriesAreImported(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c admin.Caller) {
		var records []admin.EntryRecord
		for i := range 300 { // several transactions
			records = append(records, admin.EntryRecord{Line: i + 2, ID: fmt.Sprintf("p%d", i), Fields: map[string]string{"name": fmt.Sprintf("Person %d", i)}})
		}
		wrong := []byte("no photo")
		records = append(records,
			admin.EntryRecord{Line: 302, Fields: map[string]string{"name": "Nobody"}},
			admin.EntryRecord{Line: 303, ID: "q@example.net", Fields: map[string]string{"name": "Q"}},
			admin.EntryRecord{Line: 304, ID: "r", Kind: "robot", Fields: map[string]string{"name": "R"}},
			admin.EntryRecord{Line: 305, ID: "s", Photo: &wrong, Fields: map[string]string{"name": "S"}},
			admin.EntryRecord{Line: 306, Fields: map[string]string{"name": "T", "email": "t@example.org"}},
		)
		p := admin.EntryImportParams{Records: records, Rehearsal: true}
		rehearsed := do[admin.EntryImportResult](t, c, "directory.import", p)
		if r := do[admin.EntryListResult](t, c, "directory.list", admin.EntryListParams{}); len(r.Entries) != 0 {
			t.Errorf("a rehearsal has added %d", len(r.Entries))
		}
		p.Rehearsal = false
		first := do[admin.EntryImportResult](t, c, "directory.import", p)
		for _, r := range []admin.EntryImportResult{rehearsed, first} {
			if r.Added != 301 || r.Changed != 0 || r.Left != 0 || r.Refused != 4 || len(r.Problems) != 4 || r.Problems[1].Line != 303 || !strings.Contains(r.Problems[1].Error, "not of the domain") {
				t.Errorf("first: %+v", r)
			}
		}
		records[7].Fields["title"] = "Clerk"
		if r := do[admin.EntryImportResult](t, c, "directory.import", p); r.Added != 0 || r.Changed != 1 || r.Left != 300 {
			t.Errorf("again: %+v", r)
		}
		refuse(t, c, "directory.import", admin.EntryImportParams{Records: make([]admin.EntryRecord, 1001)}, admin.BadRequest, "At most 1000 records")
	})
}
