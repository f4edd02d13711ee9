package admin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"palabre/directory"
	"palabre/xmpp"
)

// EntryParams name an entry of the directory.
type EntryParams struct {
	Domain string `json:"domain,omitempty"` // empty: the default domain, or that of the ID
	ID     string `json:"id"`               // or id@domain
}

// EntrySetParams say what an entry is, or is to be.
type EntrySetParams struct {
	EntryParams
	Kind   string            `json:"kind,omitempty"` // person, group, mailbox; empty: as it is, or a person
	Fields map[string]string `json:"fields,omitempty"`
	Photo  *[]byte           `json:"photo,omitempty"` // null: as it is; empty: none
}

// A DirectoryEntry is an entry of the directory.
type DirectoryEntry struct {
	ID      string            `json:"id"`
	Domain  string            `json:"domain"`
	Kind    string            `json:"kind"`
	Fields  map[string]string `json:"fields"` // those that are not empty
	Photo   *EntryPhoto       `json:"photo,omitempty"`
	Groups  []string          `json:"groups,omitempty"`  // IDs; only where one entry is shown
	Members []string          `json:"members,omitempty"` // likewise
}

// An EntryPhoto tells what there is of a photo.
type EntryPhoto struct {
	Type string `json:"type"`
	Size int    `json:"size"` // bytes
	SHA1 string `json:"sha1"`
}

// EntryListParams ask for a page of entries, in the order of their IDs, or for what a search finds.
type EntryListParams struct {
	Domain string `json:"domain,omitempty"`
	Kind   string `json:"kind,omitempty"`
	Text   string `json:"text,omitempty"`  // what to search for
	After  string `json:"after,omitempty"` // an ID; without a text
	Limit  int    `json:"limit,omitempty"` // 1 to 1000; 0: 100
}

// EntryListResult is a page of entries.
type EntryListResult struct {
	Entries []DirectoryEntry `json:"entries"`
	More    bool             `json:"more"` // there may be more: ask again after the last one
}

// EntryResult names an entry, in its normal form.
type EntryResult struct {
	ID     string `json:"id"`
	Domain string `json:"domain"`
	Kind   string `json:"kind,omitempty"`
}

// explainEntry turns what the directory says into an Error.
func explainEntry(err error) error {
	var value *directory.ValueError
	var taken *directory.TakenError
	var kind *directory.KindError
	var member *directory.MemberError
	switch {
	case errors.Is(err, directory.ErrUnknown):
		return &Error{NotFound, "There is no such entry in the directory. 'palabre directory list' shows those that there are."}
	case errors.Is(err, directory.ErrExists):
		return &Error{Conflict, "There is such an entry already. To change it use 'palabre directory set', or 'palabre group set'."}
	case errors.As(err, &taken):
		return &Error{Conflict, sentence(taken.Error())}
	case errors.As(err, &value):
		return &Error{BadRequest, sentence(value.Error())}
	case errors.As(err, &kind):
		return &Error{BadRequest, sentence(kind.Error())}
	case errors.As(err, &member):
		return &Error{BadRequest, sentence(member.Error())}
	}
	return err
}

// entryName reads which entry is meant.
func (a *API) entryName(p EntryParams) (domain, id string, err error) {
	id, at, has := strings.Cut(p.ID, "@")
	if has && p.Domain == "" {
		p.Domain = at
	}
	if domain, err = a.domain(p.Domain); err != nil {
		return "", "", err
	}
	if has && !strings.EqualFold(at, domain) {
		return "", "", &Error{BadRequest, fmt.Sprintf("'%s' is not of the domain %s.", p.ID, domain)}
	}
	if id, err = directory.CleanID(domain, id); err != nil {
		return "", "", explainEntry(err)
	}
	return domain, id, nil
}

// parseKind reads the name of a kind; empty is none.
func parseKind(name string) (directory.Kind, error) {
	if name == "" {
		return 0, nil
	}
	k, ok := directory.ParseKind(name)
	if !ok {
		return 0, &Error{BadRequest, "An entry is a person, a group or a mailbox."}
	}
	return k, nil
}

// record reads what an entry is to be. An account and a mailbox's address may be given as the ID: alice@example.org.
func (a *API) record(p EntrySetParams, isNew bool) (domain string, r directory.Record, err error) {
	if r.Kind, err = parseKind(p.Kind); err != nil {
		return "", r, err
	}
	if domain, r.ID, err = a.entryName(p.EntryParams); err != nil {
		return "", r, err
	}
	r.Fields = directory.Fields{}
	for name, value := range p.Fields {
		r.Fields[name] = value
	}
	if isNew && strings.Contains(p.ID, "@") {
		field := map[directory.Kind]string{0: "account", directory.Person: "account", directory.Mailbox: "email"}[r.Kind]
		if _, given := r.Fields[field]; !given && field != "" {
			r.Fields[field] = r.ID + "@" + domain
		}
	}
	r.Photo, err = photo(p.Photo)
	return domain, r, explainEntry(err)
}

func photo(data *[]byte) (*directory.Photo, error) {
	if data == nil {
		return nil, nil
	}
	if len(*data) == 0 {
		return &directory.Photo{}, nil
	}
	p, err := directory.NewPhoto(*data)
	return &p, err
}

func (a *API) entryAdd(ctx context.Context, p EntrySetParams) (EntryResult, error) {
	return a.entryChange(ctx, p, true)
}

func (a *API) entrySet(ctx context.Context, p EntrySetParams) (EntryResult, error) {
	return a.entryChange(ctx, p, false)
}

func (a *API) entryChange(ctx context.Context, p EntrySetParams, isNew bool) (EntryResult, error) {
	domain, r, err := a.record(p, isNew)
	if err != nil {
		return EntryResult{}, err
	}
	change := a.Directory.Set
	if isNew {
		change = a.Directory.Add
	}
	e, err := change(ctx, domain, r)
	if err != nil {
		return EntryResult{}, explainEntry(err)
	}
	return EntryResult{e.ID, e.Domain, e.Kind.String()}, nil
}

func (a *API) entryDelete(ctx context.Context, p EntryParams) (EntryResult, error) {
	domain, id, err := a.entryName(p)
	if err != nil {
		return EntryResult{}, err
	}
	return EntryResult{ID: id, Domain: domain}, explainEntry(a.Directory.Delete(ctx, domain, id))
}

func (a *API) entryShow(ctx context.Context, p EntryParams) (DirectoryEntry, error) {
	domain, id, err := a.entryName(p)
	if err != nil {
		return DirectoryEntry{}, err
	}
	e, err := a.Directory.Find(ctx, domain, id)
	if err != nil {
		return DirectoryEntry{}, explainEntry(err)
	}
	out := entryOf(&e)
	var groups, members []directory.Entry
	switch e.Kind {
	case directory.Person:
		groups, err = a.Directory.GroupsOfEntry(ctx, domain, id)
	case directory.Group:
		members, err = a.Directory.Members(ctx, domain, id)
	}
	out.Groups, out.Members = idsOf(groups), idsOf(members)
	return out, explainEntry(err)
}

func idsOf(all []directory.Entry) []string {
	var out []string
	for _, e := range all {
		out = append(out, e.ID)
	}
	return out
}

func entryOf(e *directory.Entry) DirectoryEntry {
	out := DirectoryEntry{ID: e.ID, Domain: e.Domain, Kind: e.Kind.String(), Fields: directory.FieldsOf(e)}
	for name, value := range out.Fields {
		if value == "" || name == "chat" && !e.Chat {
			delete(out.Fields, name)
		}
	}
	if e.Photo.Type != "" {
		out.Photo = &EntryPhoto{e.Photo.Type, e.Photo.Size, e.Photo.SHA1}
	}
	return out
}

func (a *API) entryList(ctx context.Context, p EntryListParams) (EntryListResult, error) {
	domain, err := a.domain(p.Domain)
	if err != nil {
		return EntryListResult{}, err
	}
	kind, err := parseKind(p.Kind)
	if err != nil {
		return EntryListResult{}, err
	}
	if p.Limit == 0 {
		p.Limit = 100
	}
	if p.Limit < 0 || p.Limit > 1000 {
		return EntryListResult{}, &Error{BadRequest, "A page has 1 to 1000 entries."}
	}
	var found []directory.Entry
	if p.Text != "" {
		q := directory.Query{Text: p.Text, Limit: p.Limit}
		if kind != 0 {
			q.Kinds = []directory.Kind{kind}
		}
		found, err = a.Directory.Search(ctx, domain, q)
	} else {
		found, err = a.Directory.List(ctx, domain, directory.ListQuery{After: p.After, Kind: kind, Limit: p.Limit})
	}
	if err != nil {
		return EntryListResult{}, err
	}
	out := EntryListResult{Entries: make([]DirectoryEntry, 0, len(found)), More: p.Text == "" && len(found) == p.Limit}
	for i := range found {
		out.Entries = append(out.Entries, entryOf(&found[i]))
	}
	return out, nil
}

// MembersParams change the members of a group.
type MembersParams struct {
	EntryParams
	Add    []string `json:"add,omitempty"` // IDs of persons of the same domain
	Remove []string `json:"remove,omitempty"`
}

// MembersResult says how many have come and gone.
type MembersResult struct {
	EntryResult
	Added   int `json:"added"`
	Removed int `json:"removed"`
}

func (a *API) groupMembers(ctx context.Context, p MembersParams) (MembersResult, error) {
	out := MembersResult{}
	domain, id, err := a.entryName(p.EntryParams)
	if err != nil {
		return out, err
	}
	out.ID, out.Domain, out.Kind = id, domain, directory.Group.String()
	if len(p.Add)+len(p.Remove) > 1000 {
		return out, &Error{BadRequest, "At most 1000 members can be added or removed at once."}
	}
	var c directory.MemberChange
	for list, into := range map[*[]string]*[]string{&p.Add: &c.Add, &p.Remove: &c.Remove} {
		for _, name := range *list {
			_, member, err := a.entryName(EntryParams{domain, name})
			if err != nil {
				return out, err
			}
			*into = append(*into, member)
		}
	}
	out.Added, out.Removed, err = a.Directory.Regroup(ctx, domain, id, c)
	if errors.Is(err, directory.ErrUnknown) {
		return out, &Error{NotFound, "There is no such group. 'palabre group list' shows those that there are."}
	}
	return out, explainEntry(err)
}

// EntryImportParams are some records of a file: up to 1000, of one domain.
type EntryImportParams struct {
	Domain    string        `json:"domain,omitempty"`
	Rehearsal bool          `json:"rehearsal,omitempty"` // change nothing; say what would become of each
	Records   []EntryRecord `json:"records"`
}

// An EntryRecord is one record of a file.
type EntryRecord struct {
	Line   int               `json:"line"`
	ID     string            `json:"id,omitempty"`
	Kind   string            `json:"kind,omitempty"`
	Fields map[string]string `json:"fields,omitempty"`
	Photo  *[]byte           `json:"photo,omitempty"`
}

// EntryImportResult says what became of them.
type EntryImportResult struct {
	Added    int            `json:"added"`
	Changed  int            `json:"changed"`
	Left     int            `json:"left"` // were so already
	Refused  int            `json:"refused"`
	Problems []EntryProblem `json:"problems,omitempty"`
}

// An EntryProblem is a record that was refused.
type EntryProblem struct {
	Line  int    `json:"line"`
	ID    string `json:"id,omitempty"`
	Error string `json:"error"`
}

func (a *API) entryImport(ctx context.Context, p EntryImportParams) (EntryImportResult, error) {
	out := EntryImportResult{}
	domain, err := a.domain(p.Domain)
	if err != nil {
		return out, err
	}
	if len(p.Records) > 1000 {
		return out, &Error{BadRequest, "At most 1000 records can be imported at once."}
	}
	records := make([]directory.Record, len(p.Records))
	for i, r := range p.Records {
		records[i] = directory.Record{ID: r.ID, Fields: r.Fields}
		rec := &records[i]
		if rec.Kind, rec.Err = parseKind(r.Kind); rec.Err == nil {
			rec.Photo, rec.Err = photo(r.Photo)
		}
		if _, at, has := strings.Cut(r.ID, "@"); has {
			rec.ID, rec.Err = importedID(r.ID, at, domain)
		}
	}
	done, err := a.Directory.Import(ctx, domain, records, directory.Rehearsal(p.Rehearsal))
	for i, o := range done {
		switch o.Did {
		case directory.Added:
			out.Added++
		case directory.Changed:
			out.Changed++
		case directory.Left:
			out.Left++
		case directory.Refused:
			out.Refused++
			out.Problems = append(out.Problems, EntryProblem{p.Records[i].Line, o.ID, o.Err.Error()})
		}
	}
	return out, err
}

// importedID reads an ID that is written as an address.
func importedID(id, at, domain string) (string, error) {
	if j, err := xmpp.ParseJID(at); err != nil || j.String() != domain {
		return id, fmt.Errorf("%q is not of the domain %s", id, domain)
	}
	local, _, _ := strings.Cut(id, "@")
	return local, nil
}
