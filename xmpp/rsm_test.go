package xmpp

import (
	"errors"
	"testing"
)

// What clients ask for (XEP-0059 §2), and what they may not.
func TestParsePageRequest(t *testing.T) {
	t.Parallel()
	set := func(inside string) string { return "<set xmlns='http://jabber.org/protocol/rsm'>" + inside + "</set>" }
	for _, c := range []struct {
		name, in string
		want     PageRequest
		bad      bool
	}{
		{name: "nothing", in: "", want: AnyPage()},
		{name: "empty", in: set(""), want: AnyPage()},
		{name: "first page (§2.2)", in: set("<max>10</max>"), want: PageRequest{Max: 10, Index: -1}},
		{name: "next page", in: set("<max>10</max><after>x y</after>"), want: PageRequest{Max: 10, After: "x y", Index: -1}},
		{name: "an empty after is the start", in: set("<after/>"), want: AnyPage()},
		{name: "page before (§2.3)", in: set("<before>x</before>"), want: PageRequest{Max: -1, Before: "x", Backwards: true, Index: -1}},
		{name: "last page (§2.5)", in: set("<before/>"), want: PageRequest{Max: -1, Backwards: true, Index: -1}},
		{name: "by index (§2.6)", in: set("<index>371</index>"), want: PageRequest{Max: -1, Index: 371}},
		{name: "count (§2.7)", in: set("<max>0</max>"), want: PageRequest{Max: 0, Index: -1}},
		{name: "blanks between", in: set(" \n<max>1</max>\n "), want: PageRequest{Max: 1, Index: -1}},
		{name: "a set of something else", in: "<set xmlns='urn:x'><max>1</max></set>", want: AnyPage()},
		{name: "what others add", in: set("<max xmlns='urn:x'>a</max>"), want: AnyPage()},
		{name: "two sets", in: set("<max>1</max>") + set(""), bad: true},
		{name: "two max", in: set("<max>1</max><max>1</max>"), bad: true},
		{name: "two after", in: set("<after>a</after><after>b</after>"), bad: true},
		{name: "two before", in: set("<before/><before/>"), bad: true},
		{name: "empty max", in: set("<max/>"), bad: true},
		{name: "negative max", in: set("<max>-1</max>"), bad: true},
		{name: "signed max", in: set("<max>+1</max>"), bad: true},
		{name: "max in words", in: set("<max>ten</max>"), bad: true},
		{name: "max too big", in: set("<max>2147483648</max>"), bad: true},
		{name: "hexadecimal max", in: set("<max>0x10</max>"), bad: true},
		{name: "max with elements", in: set("<max>1<b/></max>"), bad: true},
		{name: "after with elements", in: set("<after><b/></after>"), bad: true},
		{name: "index in words", in: set("<index>first</index>"), bad: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e, err := Parse("<query xmlns='urn:q'>"+c.in+"</query>", "")
			if err != nil {
				t.Fatal(err)
			}
			got, err := ParsePageRequest(e)
			var bad *Error
			switch {
			case c.bad && (!errors.As(err, &bad) || bad.Condition != ErrBadRequest.Condition):
				t.Errorf("got %+v, %v, not bad-request", got, err)
			case !c.bad && (err != nil || got != c.want):
				t.Errorf("got %+v, %v, not %+v", got, err, c.want)
			}
		})
	}
}

// What answers hold (XEP-0059 §2.2).
func TestPageInfo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   PageInfo
		want string
	}{
		{PageInfo{Index: -1, Count: -1}, "<set xmlns='http://jabber.org/protocol/rsm'/>"},
		{PageInfo{First: "a", Last: "b", Index: -1, Count: -1}, "<set xmlns='http://jabber.org/protocol/rsm'><first>a</first><last>b</last></set>"},
		{PageInfo{First: "a", Last: "<", Index: 0, Count: 3},
			"<set xmlns='http://jabber.org/protocol/rsm'><first index='0'>a</first><last>&lt;</last><count>3</count></set>"},
		{PageInfo{Index: -1, Count: 790}, "<set xmlns='http://jabber.org/protocol/rsm'><count>790</count></set>"}, // §2.2, an empty page
	} {
		if got := c.in.Element().String(); got != c.want {
			t.Errorf("got %s, not %s", got, c.want)
		}
	}
}
