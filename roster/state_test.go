package roster

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"palabre/xmpp"
)

// The tables of RFC 6121 §A.2 and §A.3, as printed: state, what happens to the stanza, new state; "-" is "no state change".
const tables = `
out subscribe
None                  | MUST | None + Pending Out
None + Pending Out    | MUST | -
None + Pending In     | MUST | None + Pending Out+In
None + Pending Out+In | MUST | -
To                    | MUST | -
To + Pending In       | MUST | -
From                  | MUST | From + Pending Out
From + Pending Out    | MUST | -
Both                  | MUST | -

out unsubscribe
None                  | MUST | -
None + Pending Out    | MUST | None
None + Pending In     | MUST | -
None + Pending Out+In | MUST | None + Pending In
To                    | MUST | None
To + Pending In       | MUST | None + Pending In
From                  | MUST | -
From + Pending Out    | MUST | From
Both                  | MUST | From

out subscribed
None                  | M.N. | pre-approval
None + Pending Out    | M.N. | pre-approval
None + Pending In     | MUST | From
None + Pending Out+In | MUST | From + Pending Out
To                    | M.N. | pre-approval
To + Pending In       | MUST | Both
From                  | M.N. | -
From + Pending Out    | M.N. | -
Both                  | M.N. | -

out unsubscribed
None                  | S.N. | -
None + Pending Out    | S.N. | -
None + Pending In     | MUST | None
None + Pending Out+In | MUST | None + Pending Out
To                    | S.N. | -
To + Pending In       | MUST | To
From                  | MUST | None
From + Pending Out    | MUST | None + Pending Out
Both                  | MUST | To

in subscribe
None                  | MUST | None + Pending In
None + Pending Out    | MUST | None + Pending Out+In
None + Pending In     | S.N. | -
None + Pending Out+In | S.N. | -
To                    | MUST | To + Pending In
To + Pending In       | S.N. | -
From                  | S.N. subscribed | -
From + Pending Out    | S.N. subscribed | -
Both                  | S.N. subscribed | -

in unsubscribe
None                  | S.N. | -
None + Pending Out    | S.N. | -
None + Pending In     | MUST unsubscribed | None
None + Pending Out+In | MUST unsubscribed | None + Pending Out
To                    | S.N. | -
To + Pending In       | MUST unsubscribed | To
From                  | MUST unsubscribed | None
From + Pending Out    | MUST unsubscribed | None + Pending Out
Both                  | MUST unsubscribed | To

in subscribed
None                  | S.N. | -
None + Pending Out    | MUST | To
None + Pending In     | S.N. | -
None + Pending Out+In | MUST | To + Pending In
To                    | S.N. | -
To + Pending In       | S.N. | -
From                  | S.N. | -
From + Pending Out    | MUST | Both
Both                  | S.N. | -

in unsubscribed
None                  | S.N. | -
None + Pending Out    | MUST | None
None + Pending In     | S.N. | -
None + Pending Out+In | MUST | None + Pending In
To                    | MUST | None
To + Pending In       | MUST | None + Pending In
From                  | S.N. | -
From + Pending Out    | MUST | From
Both                  | MUST | From
`

// named makes an item of the name of its state.
func named(t *testing.T, name string) Item {
	t.Helper()
	base, pending, _ := strings.Cut(name, " + Pending ")
	sub, ok := map[string]Subscription{"None": None, "To": To, "From": From, "Both": Both}[base]
	if !ok {
		t.Fatalf("no such state: %q", name)
	}
	it := Item{JID: xmpp.MustParseJID("juliet@example.com"), Subscription: sub, Listed: true, Name: "J", Groups: []string{"a"}}
	it.Ask = strings.Contains(pending, "Out")
	it.In = strings.HasSuffix(pending, "In")
	if it.In {
		it.Request = "<presence/>"
	}
	return it
}

func TestTables(t *testing.T) {
	t.Parallel()
	cells := 0
	for table := range strings.SplitSeq(strings.TrimSpace(tables), "\n\n") {
		head, rows, _ := strings.Cut(table, "\n")
		direction, typ, _ := strings.Cut(head, " ")
		for row := range strings.SplitSeq(rows, "\n") {
			f := strings.Split(row, "|")
			for i := range f {
				f[i] = strings.TrimSpace(f[i])
			}
			cells++
			t.Run(head+" "+f[0], func(t *testing.T) { checkCell(t, direction, typ, f) })
		}
	}
	if cells != 8*9 {
		t.Errorf("%d cells", cells)
	}
}

func checkCell(t *testing.T, direction, typ string, f []string) {
	before := named(t, f[0])
	want := before
	switch f[2] {
	case "-":
	case "pre-approval":
		want.Approved = true
	default:
		want = named(t, f[2])
	}
	var got Item
	var passed bool
	var answer string
	if direction == "out" {
		got, passed = before.sent(typ)
	} else {
		var r reaction
		got, r = before.received(typ, "<presence/>")
		passed, answer = r.deliver, r.answer
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	what, reply, _ := strings.Cut(f[1], " ")
	if passed != (what == "MUST") || answer != reply {
		t.Errorf("passed %v, answered %q, want %s", passed, answer, f[1])
	}
}

// RFC 6121 §3.1.2, §3.1.3, §3.4.2: when an item comes to be in the roster, and goes.
func TestListed(t *testing.T) {
	t.Parallel()
	stranger := Item{}
	it, _ := stranger.received(xmpp.TypeSubscribe, "<presence/>")
	if it.Listed || !it.In || it.Request == "" {
		t.Errorf("a request lists nobody: %+v", it)
	}
	if denied, route := it.sent(xmpp.TypeUnsubscribed); !route || !denied.IsZero() {
		t.Errorf("denied: %+v", denied)
	}
	if gone, _ := it.received(xmpp.TypeUnsubscribe, ""); !gone.IsZero() {
		t.Errorf("withdrawn: %+v", gone)
	}
	if ok, _ := it.sent(xmpp.TypeSubscribed); !ok.Listed || ok.Subscription != From || ok.Request != "" {
		t.Errorf("approved: %+v", ok)
	}
	if asked, _ := stranger.sent(xmpp.TypeSubscribe); !asked.Listed || !asked.Ask {
		t.Errorf("asked: %+v", asked)
	}
	for _, typ := range []string{xmpp.TypeUnsubscribe, xmpp.TypeUnsubscribed} {
		if it, _ := stranger.sent(typ); !it.IsZero() {
			t.Errorf("%s of a stranger: %+v", typ, it)
		}
	}
	in := Item{In: true, Request: "<presence/>", Listed: true, Name: "x"}
	if it := in.removed(); it.Listed || !it.In || it.Request == "" || it.Name != "" {
		t.Errorf("removed, but asked: %+v", it)
	}
	in.Subscription, in.In = Both, false
	if it := in.removed(); !it.IsZero() {
		t.Errorf("removed: %+v", it)
	}
}

// RFC 6121 §3.4: a pre-approval answers one request, whatever the state was, and is not cancelled from outside.
func TestPreApproval(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"None": "From", "None + Pending Out": "From + Pending Out", "To": "Both"} {
		it := named(t, name)
		it, route := it.sent(xmpp.TypeSubscribed)
		if route || !it.Approved {
			t.Errorf("%s: %+v, routed %v", name, it, route)
		}
		cancelled, _ := it.received(xmpp.TypeUnsubscribed, "")
		if !cancelled.Approved {
			t.Errorf("%s: the contact took the approval away", name)
		}
		if it, route := it.sent(xmpp.TypeUnsubscribed); route || it.Approved {
			t.Errorf("%s: not taken back: %+v", name, it)
		}
		got, r := it.received(xmpp.TypeSubscribe, "x")
		if !reflect.DeepEqual(got, named(t, want)) || r != (reaction{answer: xmpp.TypeSubscribed}) {
			t.Errorf("%s: %+v %+v, want %s", name, got, r, want)
		}
	}
}

// Two sides that hear everything of each other in order never disagree about who sees whom.
func TestSidesAgree(t *testing.T) {
	t.Parallel()
	types := []string{xmpp.TypeSubscribe, xmpp.TypeSubscribed, xmpp.TypeUnsubscribe, xmpp.TypeUnsubscribed}
	rapid.Check(t, func(t *rapid.T) {
		var sides [2]Item
		receive := func(at int, typ string) {
			var r reaction
			sides[at], r = sides[at].received(typ, "x")
			if r.answer != "" {
				receiveOnly(&sides[1-at], r.answer)
			}
		}
		send := func(from int, typ string) {
			var route bool
			if sides[from], route = sides[from].sent(typ); route {
				receive(1-from, typ)
			}
		}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			from, typ := rapid.IntRange(0, 1).Draw(t, "from"), rapid.SampledFrom(types).Draw(t, "typ")
			send(from, typ)
			for i := range sides {
				a, b := sides[i], sides[1-i]
				if (a.Subscription&To != 0) != (b.Subscription&From != 0) || a.Ask != b.In {
					t.Fatalf("after %s of %d: %+v and %+v", typ, from, sides[0], sides[1])
				}
			}
		}
	})
}

func receiveOnly(it *Item, typ string) { *it, _ = it.received(typ, "") }
