package history

import (
	"errors"
	"testing"

	"palabre/xmpp"
)

// FuzzQuery: whatever a client puts into a query, it is understood, with every filter that it has, or refused.
func FuzzQuery(f *testing.F) {
	m := testModule(f)
	id := m.names.name(7 << idBits)
	for _, inside := range []string{
		">", " queryid='q'><flip-page/>", form(field("with", "juliet@example.org") + field("start", "2026-11-22T12:00:00Z") + field("end", "2026-11-22T13:00:00+01:00")),
		form(field("ids", id, id)+field("after-id", id)+field("before-id", id)) + set("<max>10</max><after>"+id+"</after>"),
		">" + set("<before/><max>0</max>"), form(field("include-groupchat", "1") + field("other", "x")), "><with>x</with>",
	} {
		f.Add(inside)
	}
	f.Fuzz(func(t *testing.T, inside string) {
		e, err := xmpp.Parse("<query xmlns='"+ns+"'"+inside+"</query>", "")
		if err != nil {
			return
		}
		fuzzRoomQuery(t, m, e)
		q, err := m.parse(e, romeo)
		var refusal *xmpp.Error
		if err != nil {
			if !errors.As(err, &refusal) || refusal.Text == "" {
				t.Errorf("refused by %v", err)
			}
			return
		}
		if q.query.Owner != romeo || q.query.Limit < 0 || q.query.Limit > mostPage || len(q.named) > mostIDs+4 || len(q.queryID) > longestID {
			t.Errorf("%+v", q)
		}
		x, _ := e.Child(xmpp.NSData, "x")
		for _, c := range x.Elements() {
			filtered := q.nothing || q.lost
			switch c.Attr("var") {
			case "with":
				filtered = !q.query.With.IsZero()
			case "ids":
				filtered = q.query.IDs != nil
			case "before-id", "end":
				filtered = filtered || q.query.Before > 0
			case "after-id":
				filtered = filtered || q.query.After > 0
			default:
				continue
			}
			if c.Is(xmpp.NSData, "field") && !filtered {
				t.Errorf("%s is overlooked: %+v", c, q)
			}
		}
	})
}

// fuzzRoomQuery asks the same of a room that tells nobody who its occupants are.
func fuzzRoomQuery(t *testing.T, m *Module, e xmpp.Element) {
	t.Helper()
	room := xmpp.MustParseJID("garden@rooms.example.org")
	q := &question{query: Query{Owner: room}, view: &View{}}
	err := m.parseInto(q, e)
	if err == nil {
		err = q.by(juliet)
	}
	var refusal *xmpp.Error
	switch {
	case err != nil && (!errors.As(err, &refusal) || refusal.Text == ""):
		t.Errorf("refused by %v", err)
	case err == nil && (q.query.Owner != room || !q.query.With.IsZero() && q.query.With != juliet || !q.from.IsZero() && q.from.Bare() != room):
		t.Errorf("%+v", q)
	}
}
