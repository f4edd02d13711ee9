package history

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"palabre/xmpp"
)

var (
	romeo  = xmpp.MustParseJID("romeo@example.org")
	juliet = xmpp.MustParseJID("juliet@example.org")
)

func testModule(t testing.TB) *Module {
	t.Helper()
	m, err := New(Options{Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// asked is what a client asks that puts this into a <query/>.
func asked(t testing.TB, m *Module, inside string) (*question, error) {
	t.Helper()
	e, err := xmpp.Parse("<query xmlns='"+ns+"'"+inside+"</query>", "")
	if err != nil {
		t.Fatalf("%s: %v", inside, err)
	}
	return m.parse(e, romeo)
}

// form is a submission with these fields.
func form(fields string) string {
	return "><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>" + ns + "</value></field>" + fields + "</x>"
}

func field(name string, values ...string) string {
	out := "<field var='" + name + "'>"
	for _, v := range values {
		out += "<value>" + v + "</value>"
	}
	return out + "</field>"
}

func set(inside string) string { return "<set xmlns='" + xmpp.NSRSM + "'>" + inside + "</set>" }

// What a client can't say clearly is an error, never the whole archive.
func TestBadQueries(t *testing.T) {
	t.Parallel()
	m := testModule(t)
	id := m.names.name(7 << idBits)
	const form0 = "><x xmlns='jabber:x:data' type='submit'>"
	for name, c := range map[string]struct {
		in   string
		want *xmpp.Error
	}{
		"with: empty":               {form(field("with", "")), xmpp.ErrBadRequest},
		"with: no value":            {form(field("with")), xmpp.ErrBadRequest},
		"with: two values":          {form(field("with", "a@b", "c@d")), xmpp.ErrBadRequest},
		"with: no address":          {form(field("with", "@")), xmpp.ErrBadRequest},
		"with: two addresses":       {form(field("with", "a@b c@d")), xmpp.ErrBadRequest},
		"with: with elements":       {form("<field var='with'><value><b/></value></field>"), xmpp.ErrBadRequest},
		"with: twice":               {form(field("with", "a@b") + field("with", "a@b")), xmpp.ErrBadRequest},
		"with: without a form":      {"><with>a@b</with>", xmpp.ErrBadRequest},
		"start: without a form":     {"><start>2026-01-01T00:00:00Z</start>", xmpp.ErrBadRequest},
		"start: empty":              {form(field("start", "")), xmpp.ErrBadRequest},
		"start: two":                {form(field("start", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z")), xmpp.ErrBadRequest},
		"start: a number":           {form(field("start", "1767225600")), xmpp.ErrBadRequest},
		"start: no zone":            {form(field("start", "2026-01-01T00:00:00")), xmpp.ErrBadRequest},
		"start: a date":             {form(field("start", "2026-01-01")), xmpp.ErrBadRequest},
		"start: as of old":          {form(field("start", "20260101T00:00:00")), xmpp.ErrBadRequest},
		"start: blanks":             {form(field("start", " 2026-01-01T00:00:00Z")), xmpp.ErrBadRequest},
		"start: comma":              {form(field("start", "2026-01-01T00:00:00,5Z")), xmpp.ErrBadRequest},
		"start: one digit":          {form(field("start", "2026-01-01T0:00:00Z")), xmpp.ErrBadRequest},
		"start: month 13":           {form(field("start", "2026-13-01T00:00:00Z")), xmpp.ErrBadRequest},
		"start: 30 February":        {form(field("start", "2026-02-30T00:00:00Z")), xmpp.ErrBadRequest},
		"end: 25 hours":             {form(field("end", "2026-01-01T25:00:00Z")), xmpp.ErrBadRequest},
		"end: tomorrow":             {form(field("end", "tomorrow")), xmpp.ErrBadRequest},
		"ids: none":                 {form(field("ids")), xmpp.ErrBadRequest},
		"ids: empty":                {form(field("ids", id, "")), xmpp.ErrBadRequest},
		"ids: hundreds":             {form(field("ids", slices.Repeat([]string{id}, mostIDs+1)...)), xmpp.ErrBadRequest},
		"after-id: none":            {form(field("after-id")), xmpp.ErrBadRequest},
		"after-id: empty":           {form(field("after-id", "")), xmpp.ErrBadRequest},
		"before-id: two":            {form(field("before-id", id, id)), xmpp.ErrBadRequest},
		"include-groupchat: maybe":  {form(field("include-groupchat", "maybe")), xmpp.ErrBadRequest},
		"include-groupchat: empty":  {form(field("include-groupchat")), xmpp.ErrBadRequest},
		"a field without a name":    {form("<field><value>a@b</value></field>"), xmpp.ErrBadRequest},
		"an unknown field":          {form(field("{urn:xmpp:fulltext:0}fulltext", "x")), xmpp.ErrFeatureNotImplemented},
		"an unknown field, empty":   {form(field("With")), xmpp.ErrFeatureNotImplemented},
		"no FORM_TYPE":              {form0 + field("with", "a@b") + "</x>", xmpp.ErrBadRequest},
		"another FORM_TYPE":         {form0 + field(xmpp.FormType, "urn:xmpp:mam:1") + field("with", "a@b") + "</x>", xmpp.ErrBadRequest},
		"two FORM_TYPEs":            {form0 + field(xmpp.FormType, ns, ns) + "</x>", xmpp.ErrBadRequest},
		"FORM_TYPE in the open":     {form0 + "<field var='FORM_TYPE' type='text-single'><value>" + ns + "</value></field></x>", xmpp.ErrBadRequest},
		"an empty form":             {form0 + "</x>", xmpp.ErrBadRequest},
		"a form without a type":     {"><x xmlns='jabber:x:data'>" + field(xmpp.FormType, ns) + "</x>", xmpp.ErrBadRequest},
		"a form that is cancelled":  {strings.Replace(form(""), "submit", "cancel", 1), xmpp.ErrBadRequest},
		"a form to fill in":         {strings.Replace(form(""), "submit", "form", 1), xmpp.ErrBadRequest},
		"two forms":                 {form("") + form("")[1:], xmpp.ErrBadRequest},
		"two sets":                  {">" + set("<max>1</max>") + set("<max>1</max>"), xmpp.ErrBadRequest},
		"max: words":                {">" + set("<max>many</max>"), xmpp.ErrBadRequest},
		"max: negative":             {">" + set("<max>-5</max>"), xmpp.ErrBadRequest},
		"max: enormous":             {">" + set("<max>99999999999999999999</max>"), xmpp.ErrBadRequest},
		"max: empty":                {">" + set("<max/>"), xmpp.ErrBadRequest},
		"max: twice":                {">" + set("<max>1</max><max>2</max>"), xmpp.ErrBadRequest},
		"after: twice":              {">" + set("<after>"+id+"</after><after>"+id+"</after>"), xmpp.ErrBadRequest},
		"index":                     {">" + set("<index>0</index>"), xmpp.ErrFeatureNotImplemented},
		"a queryid without end":     {" queryid='" + strings.Repeat("q", longestID+1) + "'>", xmpp.ErrBadRequest},
		"a node":                    {" node='urn:xmpp:microblog:0'>", xmpp.ErrFeatureNotImplemented},
		"an empty node":             {" node=''>", xmpp.ErrFeatureNotImplemented},
		"something of our own kind": {"><everything/>", xmpp.ErrBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, err := asked(t, m, c.in)
			var got *xmpp.Error
			if !errors.As(err, &got) || got.Condition != c.want.Condition || got.Text == "" {
				t.Errorf("%+v, %v, not %v with a reason", q, err, c.want)
			}
		})
	}
}

func TestQueries(t *testing.T) {
	t.Parallel()
	m := testModule(t)
	name := func(id int64) string { return m.names.name(id) }
	at := func(ms int64) int64 { return ms << idBits }
	const noon = "2026-11-22T12:00:00"
	noonID := FirstAt(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	all := func(change func(*question)) question {
		q := question{query: Query{Owner: romeo, Limit: usualPage}, page: xmpp.AnyPage()}
		change(&q)
		q.page = xmpp.PageRequest{}
		return q
	}
	for test, c := range map[string]struct {
		in   string
		want question
	}{
		"nothing":           {">", all(func(*question) {})},
		"a queryid":         {" queryid='f&apos;27'>", all(func(q *question) { q.queryID = "f'27" })},
		"turned over":       {"><flip-page/>", all(func(q *question) { q.flip = true })},
		"what others add":   {"><order xmlns='urn:xmpp:order:1' field='x'/>", all(func(*question) {})},
		"with":              {form(field("with", "Juliet@example.org")), all(func(q *question) { q.query.With = juliet })},
		"typed":             {form("<field var='with' type='jid-single'><value>juliet@example.org</value></field>"), all(func(q *question) { q.query.With = juliet })},
		"a page":            {">" + set("<max>7</max>"), all(func(q *question) { q.query.Limit = 7 })},
		"more than a page":  {">" + set("<max>2147483647</max>"), all(func(q *question) { q.query.Limit = mostPage })},
		"count":             {">" + set("<max>0</max>"), all(func(q *question) { q.query.Limit = 0 })},
		"last page":         {">" + set("<before/>"), all(func(q *question) { q.query.Backwards = true })},
		"first page":        {">" + set("<after/>"), all(func(*question) {})},
		"start":             {form(field("start", noon+"Z")), all(func(q *question) { q.query.After = noonID - 1 })},
		"start, elsewhere":  {form(field("start", "2026-11-22T14:00:00+02:00")), all(func(q *question) { q.query.After = noonID - 1 })},
		"start, between":    {form(field("start", noon+".0001Z")), all(func(q *question) { q.query.After = noonID + at(1) - 1 })},
		"start, long ago":   {form(field("start", "0001-01-01T00:00:00Z")), all(func(*question) {})},
		"start, in the end": {form(field("start", "9999-12-31T23:59:59Z")), all(func(q *question) { q.query.After = math.MaxInt64 - 1 })},
		"end":               {form(field("end", noon+"Z")), all(func(q *question) { q.query.Before = noonID + at(1) })},
		"end, between":      {form(field("end", noon+".0019Z")), all(func(q *question) { q.query.Before = noonID + at(2) })},
		"end, long ago":     {form(field("end", "1969-12-31T23:59:59Z")), all(func(q *question) { q.nothing = true })},
		"end, in the end":   {form(field("end", "9999-12-31T23:59:59Z")), all(func(q *question) { q.query.Before = math.MaxInt64 })},
		"end before start":  {form(field("start", noon+"Z") + field("end", noon+"-01:00")), all(func(q *question) { q.query.After, q.query.Before = noonID-1, noonID+at(3600001) })},
		"start before end":  {form(field("start", noon+"Z") + field("end", noon+"+01:00")), all(func(q *question) { q.query.After, q.query.Before, q.nothing = noonID-1, noonID+at(1-3600000), true })},
		"after":             {">" + set("<after>"+name(9)+"</after>"), all(func(q *question) { q.query.After, q.named = 9, []int64{9} })},
		"before":            {">" + set("<before>"+name(9)+"</before>"), all(func(q *question) { q.query.Before, q.query.Backwards, q.named = 9, true, []int64{9} })},
		"both": {">" + set("<before>"+name(9)+"</before><after>"+name(3)+"</after>"), all(func(q *question) {
			q.query.After, q.query.Before, q.query.Backwards, q.named = 3, 9, true, []int64{3, 9}
		})},
		"the narrowest":      {form(field("after-id", name(5))+field("before-id", name(8))) + set("<after>"+name(3)+"</after>"), all(func(q *question) { q.query.After, q.query.Before, q.named = 5, 8, []int64{5, 8, 3} })},
		"the narrowest, too": {form(field("after-id", name(2))+field("before-id", name(8))) + set("<after>"+name(3)+"</after>"), all(func(q *question) { q.query.After, q.query.Before, q.named = 3, 8, []int64{2, 8, 3} })},
		"nothing between":    {form(field("after-id", name(5)) + field("before-id", name(6))), all(func(q *question) { q.query.After, q.query.Before, q.named, q.nothing = 5, 6, []int64{5, 6}, true })},
		"ids":                {form(field("ids", name(9), name(4), name(9))), all(func(q *question) { q.query.IDs, q.named = []int64{9, 4}, []int64{9, 4} })},
		"an id of nobody's":  {form(field("ids", "09af3-cc343-b409f")), all(func(q *question) { q.query.IDs, q.lost = []int64{}, true })},
	} {
		t.Run(test, func(t *testing.T) {
			t.Parallel()
			q, err := asked(t, m, c.in)
			if err != nil {
				t.Fatal(err)
			}
			got := *q
			got.page = xmpp.PageRequest{}
			if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

// A name stands for one id, and nothing else stands for any.
func TestNames(t *testing.T) {
	t.Parallel()
	m := testModule(t)
	for _, id := range []int64{1, 1 << idBits, FirstAt(time.Now()), math.MaxInt64} {
		name := m.names.name(id)
		if got, ok := m.names.id(name); !ok || got != id || len(name) != nameSize {
			t.Errorf("%d is shown as %q, which is %d, %v", id, name, got, ok)
		}
		for i := range name {
			for _, other := range []string{name[:i] + "0" + name[i+1:], name[:i] + "v" + name[i+1:], name[:i] + "\n" + name[i:], name[:i], strings.ToUpper(name)} {
				if got, ok := m.names.id(other); ok && other != name {
					t.Errorf("%q is %d, as %q is", other, got, name)
				}
			}
		}
		if other, err := newNames([]byte(strings.Repeat("k", 32))); err != nil || other.name(id) == name {
			t.Errorf("with another key, %d is the same: %v", id, err)
		}
	}
	for _, id := range []int64{0, -1} {
		if _, ok := m.names.id(m.names.name(id)); ok {
			t.Errorf("%d is an id", id)
		}
	}
	if _, err := New(Options{Key: []byte("short")}); err == nil {
		t.Error("a key is too short")
	}
}
