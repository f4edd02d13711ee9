package history

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"time"

	"palabre/xmpp"
)

const (
	usualPage = 50  // rows, for who does not say how many
	mostPage  = 250 // rows
	mostIDs   = 250 // that may be asked for one by one
	longestID = 256 // bytes of a queryid, which comes back with each row
)

// A question is what a client asks of its archive (XEP-0313 §4).
type question struct {
	queryID string
	flip    bool // the page comes last row first (§4.3.4)
	query   Query
	page    xmpp.PageRequest
	named   []int64 // rows that must be there (§4.1.3, §4.3.2)
	lost    bool    // something is named that never was
	nothing bool    // nothing can match

	view *View    // of a room's archive; nil: it is an account's own
	from xmpp.JID // if not zero: only what this occupant of the room has said
}

// parse reads a <query/>. Whatever it can't read is an error, an *xmpp.Error: who is mistaken about a filter must not get the whole archive instead.
func (m *Module) parse(e xmpp.Element, owner xmpp.JID) (*question, error) {
	q := &question{queryID: e.Attr("queryid"), query: Query{Owner: owner}}
	return q, m.parseInto(q, e)
}

func (m *Module) parseInto(q *question, e xmpp.Element) error {
	if len(q.queryID) > longestID {
		return xmpp.ErrBadRequest.With(fmt.Sprintf("The queryid is longer than %d bytes.", longestID))
	}
	if e.HasAttr("node") {
		return xmpp.ErrFeatureNotImplemented.With("An archive of messages has no nodes.") // §6.1.3
	}
	forms := 0
	for _, c := range e.Elements() {
		switch {
		case c.Name == xmpp.Name{Space: xmpp.NSData, Local: "x"}:
			if forms++; forms > 1 {
				return xmpp.ErrBadRequest.With("There is more than one form.")
			}
			if err := m.parseForm(c, q); err != nil {
				return err
			}
		case c.Name == xmpp.Name{Space: ns, Local: "flip-page"}:
			q.flip = true
		case c.Name.Space == ns:
			return xmpp.ErrBadRequest.With("A query has no <" + c.Name.Local + "/>. Filters are fields of a form.")
		}
	}
	return m.parsePage(e, q)
}

// parsePage reads where the page begins and ends. RSM does not say what both <after/> and <before/> mean; here, the end of what lies between (§4.3.2).
func (m *Module) parsePage(e xmpp.Element, q *question) (err error) {
	if q.page, err = xmpp.ParsePageRequest(e); err != nil {
		return err
	}
	if q.page.Index >= 0 {
		return xmpp.ErrFeatureNotImplemented.With("Pages of an archive are not found by index: name the row before or after.") // XEP-0059 §2.6
	}
	if q.page.After != "" {
		m.name(q, q.page.After, q.after)
	}
	if q.page.Before != "" {
		m.name(q, q.page.Before, q.before)
	}
	q.query.Backwards = q.page.Backwards
	switch {
	case q.page.Max < 0:
		q.query.Limit = usualPage
	default:
		q.query.Limit = min(q.page.Max, mostPage)
	}
	if q.query.Before != 0 && q.query.After >= q.query.Before-1 {
		q.nothing = true
	}
	return nil
}

// after and before narrow down the rows.
func (q *question) after(id int64) { q.query.After = max(q.query.After, id) }

func (q *question) before(id int64) {
	if q.query.Before == 0 || id < q.query.Before {
		q.query.Before = id
	}
}

// name notes that a row was named, and does with its id what is to be done.
func (m *Module) name(q *question, name string, do func(int64)) {
	id, ok := m.names.id(name)
	if !ok {
		q.lost = true
		return
	}
	if !slices.Contains(q.named, id) {
		q.named = append(q.named, id)
	}
	do(id)
}

// parseForm reads the filters (§4.1).
func (m *Module) parseForm(x xmpp.Element, q *question) error {
	form, err := xmpp.ParseForm(x)
	if err != nil {
		return err
	}
	if form.Type != xmpp.FormSubmit || form.About() != ns {
		return xmpp.ErrBadRequest.With("The form is not a submission about an archive.")
	}
	for _, f := range form.Fields {
		if f.Var == xmpp.FormType || f.Var == "" {
			continue
		}
		read := fields[f.Var]
		if read == nil || q.view != nil && f.Var == includeGroupchat {
			return xmpp.ErrFeatureNotImplemented.With("The archive knows no field '" + f.Var + "'.") // §4.1.5
		}
		if err := read(m, q, f); err != nil {
			return err
		}
	}
	return nil
}

// includeGroupchat is a filter of accounts' archives only.
const includeGroupchat = "include-groupchat"

// fields are the filters that there are.
var fields = map[string]func(m *Module, q *question, f xmpp.Field) error{
	"with": func(_ *Module, q *question, f xmpp.Field) error {
		value, err := one(f)
		if err != nil {
			return err
		}
		if q.query.With, err = xmpp.ParseJID(value); err != nil {
			return unreadable(f, "an address")
		}
		return nil
	},
	"start": func(_ *Module, q *question, f xmpp.Field) error {
		t, err := parseTime(f)
		if err != nil {
			return err
		}
		if whole := t.Truncate(time.Millisecond); whole.Before(t) { // times of rows are whole milliseconds
			t = whole.Add(time.Millisecond)
		}
		if id, ok := idAt(t); ok {
			q.after(id - 1)
		}
		return nil
	},
	"end": func(_ *Module, q *question, f xmpp.Field) error {
		t, err := parseTime(f)
		if err != nil {
			return err
		}
		if id, ok := idAt(t.Truncate(time.Millisecond).Add(time.Millisecond)); ok {
			q.before(id)
		} else {
			q.nothing = true
		}
		return nil
	},
	"after-id":  func(m *Module, q *question, f xmpp.Field) error { return m.nameIn(q, f, q.after) },
	"before-id": func(m *Module, q *question, f xmpp.Field) error { return m.nameIn(q, f, q.before) },
	"ids": func(m *Module, q *question, f xmpp.Field) error {
		if len(f.Values) == 0 || len(f.Values) > mostIDs || slices.Contains(f.Values, "") {
			return unreadable(f, fmt.Sprintf("one id or more, up to %d", mostIDs))
		}
		q.query.IDs = make([]int64, 0, len(f.Values))
		for _, v := range f.Values {
			m.name(q, v, func(id int64) {
				if !slices.Contains(q.query.IDs, id) {
					q.query.IDs = append(q.query.IDs, id)
				}
			})
		}
		return nil
	},
	// §4.1.4: there are no messages of rooms here, whether or not they are wanted.
	includeGroupchat: func(_ *Module, _ *question, f xmpp.Field) error {
		if _, ok := f.Bool(); !ok {
			return unreadable(f, "true or false")
		}
		return nil
	},
}

func (m *Module) nameIn(q *question, f xmpp.Field, do func(int64)) error {
	value, err := one(f)
	if err == nil {
		m.name(q, value, do)
	}
	return err
}

// one is the value of a field that has one.
func one(f xmpp.Field) (string, error) {
	if len(f.Values) != 1 || f.Values[0] == "" {
		return "", unreadable(f, "one value")
	}
	return f.Values[0], nil
}

func unreadable(f xmpp.Field, want string) error {
	return xmpp.ErrBadRequest.With("The field '" + f.Var + "' takes " + want + ".")
}

// dateTime is XEP-0082 §3.2.
var dateTime = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$`)

func parseTime(f xmpp.Field) (time.Time, error) {
	value, err := one(f)
	if err != nil {
		return time.Time{}, err
	}
	t, err := time.Parse(time.RFC3339, value)
	if err != nil || !dateTime.MatchString(value) {
		return time.Time{}, unreadable(f, "a time such as 2026-12-24T18:30:00Z")
	}
	return t, nil
}

// idAt is FirstAt for any time at all: after the last that an id can hold it is the last id. ok is false for times before the first.
func idAt(t time.Time) (id int64, ok bool) {
	const lastMilli = math.MaxInt64 >> idBits
	switch ms := t.UnixMilli(); {
	case ms <= 0:
		return 0, false
	case ms > lastMilli:
		return math.MaxInt64, true
	}
	return FirstAt(t), true
}
