package directory

import (
	"context"
	"fmt"
	"strings"

	"palabre/server"
	"palabre/xmpp"
)

const (
	nsSearch = "jabber:iq:search"
	// mostShown is how many entries are shown at a time: one more is looked for, to know whether there are more.
	mostShown = 50
)

// The fields that a search may fill in. Those of the specification (XEP-0055 §2.1) are also taken without a form. Whatever is filled in is searched for in all that
// an entry is found by: a directory does not always know which name is the given one.
const (
	fieldText  = "{" + NS + "}text" // XEP-0068 §3.4 has such names for what is not registered
	fieldFirst = "first"
	fieldLast  = "last"
	fieldNick  = "nick"
	fieldEmail = "email"
	fieldJID   = "jid"
	fieldKind  = "{" + NS + "}kind"
)

var plainFields = []string{fieldFirst, fieldLast, fieldNick, fieldEmail}

const instructions = "Fill in one field or more. The beginning of each word is enough; accents and capitals make no difference."

func searchForm() xmpp.Form {
	f := xmpp.NewForm(xmpp.FormForm, nsSearch,
		xmpp.Field{Var: fieldText, Type: xmpp.FieldTextSingle, Label: "Name or e-mail address"},
		xmpp.Field{Var: fieldFirst, Type: xmpp.FieldTextSingle, Label: "Given name"},
		xmpp.Field{Var: fieldLast, Type: xmpp.FieldTextSingle, Label: "Family name"},
		xmpp.Field{Var: fieldNick, Type: xmpp.FieldTextSingle, Label: "Display name"},
		xmpp.Field{Var: fieldEmail, Type: xmpp.FieldTextSingle, Label: "E-mail address"})
	f.Title, f.Instructions = "Directory", instructions
	return f
}

// search is XEP-0055 §2.1.
func (m *Module) search(ctx context.Context, r *server.Request) (xmpp.Element, error) {
	domain, err := m.admit(r, 1)
	if err != nil {
		return xmpp.Element{}, err
	}
	if !r.IsSet() {
		out := xmpp.New(nsSearch, "query", xmpp.New(nsSearch, "instructions", xmpp.Text(instructions)))
		for _, f := range plainFields {
			out = out.Add(xmpp.New(nsSearch, f))
		}
		return out.Add(searchForm().Element()), nil
	}
	x, asForm := r.Payload.Child(xmpp.NSData, "x")
	if !asForm {
		found, _, err := m.look(ctx, domain, Query{Text: typed(func(f string) string { return r.Payload.ContentOf(nsSearch, f) }), Kinds: []Kind{Person}})
		return xmpp.New(nsSearch, "query", plainItems(found)...), err
	}
	filled, err := submitted(x)
	if err != nil {
		return xmpp.Element{}, err
	}
	found, more, err := m.look(ctx, domain, Query{Text: typed(filled.Value)})
	if err != nil || len(found) == 0 {
		return xmpp.New(nsSearch, "query"), err // "MUST return an empty <query/>"
	}
	return xmpp.New(nsSearch, "query", table(found, more).Element()), nil
}

func submitted(x xmpp.Element) (xmpp.Form, error) {
	form, err := xmpp.ParseForm(x)
	if err != nil {
		return form, err
	}
	return searchForm().Fill(form)
}

// typed is all that was filled in. Some people are used to write a star for what they leave out.
func typed(value func(field string) string) string {
	var words []string
	for _, f := range append([]string{fieldText}, plainFields...) {
		words = append(words, strings.ReplaceAll(value(f), "*", " "))
	}
	return strings.TrimSpace(strings.Join(words, " "))
}

// look searches for as many as can be shown, and tells whether there are more.
func (m *Module) look(ctx context.Context, domain string, q Query) (found []Entry, more bool, err error) {
	if q.Limit <= 0 || q.Limit > mostShown {
		q.Limit = mostShown
	}
	limit := q.Limit
	q.Limit++
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if found, err = m.opts.Source.Search(ctx, domain, q); err != nil {
		return nil, false, fmt.Errorf("directory: search: %w", err)
	}
	if len(found) > limit {
		return found[:limit], true, nil
	}
	return found, false, nil
}

// plainItems are those who have an address to chat with: the schema wants one (XEP-0055 §8).
func plainItems(found []Entry) []xmpp.Element {
	var out []xmpp.Element
	for _, e := range found {
		if e.Account.IsZero() {
			continue
		}
		item := xmpp.New(nsSearch, "item").With("jid", e.Account.String())
		values := e.values()
		for _, f := range plainFields {
			item = item.Add(xmpp.New(nsSearch, f, xmpp.Text(values[f])))
		}
		out = append(out, item)
	}
	return out
}

// columns are those of the table of results.
var columns = []xmpp.Field{
	{Var: fieldNick, Type: xmpp.FieldTextSingle, Label: "Name"},
	{Var: fieldJID, Type: xmpp.FieldJIDSingle, Label: "Chat address"},
	{Var: fieldEmail, Type: xmpp.FieldTextSingle, Label: "E-mail address"},
	{Var: fieldFirst, Type: xmpp.FieldTextSingle, Label: "Given name"},
	{Var: fieldLast, Type: xmpp.FieldTextSingle, Label: "Family name"},
	{Var: fieldKind, Type: xmpp.FieldTextSingle, Label: "Kind"},
}

// table shows entries of all kinds (XEP-0055 §3, XEP-0004 §3.4). Gajim 1.7 needs a value in each field.
func table(found []Entry, more bool) xmpp.Form {
	f := xmpp.NewForm(xmpp.FormResult, nsSearch)
	if f.Title = "Directory"; more {
		f.Instructions = fmt.Sprintf("These are the first %d, and there are more. Write more of the name to find the others.", len(found))
	}
	f.Reported = columns
	for _, e := range found {
		values := e.values()
		row := make([]xmpp.Field, len(columns))
		for i, c := range columns {
			row[i] = xmpp.Field{Var: c.Var, Values: []string{values[c.Var]}}
		}
		f.Items = append(f.Items, row)
	}
	return f
}

func (e *Entry) values() map[string]string {
	return map[string]string{
		fieldNick: e.Name, fieldJID: e.Account.String(), fieldEmail: e.Email, fieldFirst: e.Given, fieldLast: e.Family, fieldKind: e.Kind.String(),
	}
}
