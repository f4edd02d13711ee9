package xmpp

import "strconv"

// NSRSM is the namespace of result set management (XEP-0059).
const NSRSM = "http://jabber.org/protocol/rsm"

// A PageRequest asks for a part of a result set (XEP-0059 §2).
type PageRequest struct {
	Max       int    // how many items at most; -1 if it does not say
	After     string // the id of the item behind which the page begins; empty: at the start
	Before    string // the id of the item in front of which it ends; empty: at the end
	Backwards bool   // the last items of what there is, and not the first (§2.3, §2.5)
	Index     int    // how many items there are before the page (§2.6); -1 if it does not say
}

// AnyPage is the request of somebody who asks for nothing in particular.
func AnyPage() PageRequest { return PageRequest{Max: -1, Index: -1} }

// ParsePageRequest reads the <set/> in a request; without one it is AnyPage. The error is an *Error, bad-request: what can't be read is never taken for
// "everything".
func ParsePageRequest(parent Element) (PageRequest, error) {
	r := AnyPage()
	sets := 0
	for _, c := range parent.Children {
		if !c.Is(NSRSM, "set") {
			continue
		}
		if sets++; sets > 1 {
			return r, ErrBadRequest.With("There is more than one <set/>.")
		}
		if err := r.read(c); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (r *PageRequest) read(set Element) error {
	seen := map[string]bool{}
	for _, c := range set.Elements() {
		if c.Name.Space != NSRSM {
			continue
		}
		if seen[c.Name.Local] {
			return ErrBadRequest.With("The <set/> says twice what <" + c.Name.Local + "/> is to be.")
		}
		seen[c.Name.Local] = true
		if len(c.Elements()) > 0 {
			return ErrBadRequest.With("<" + c.Name.Local + "/> holds a text.")
		}
		var err error
		switch c.Name.Local {
		case "max":
			r.Max, err = wholeNumber(c)
		case "index":
			r.Index, err = wholeNumber(c)
		case "after":
			r.After = c.Content()
		case "before":
			r.Before, r.Backwards = c.Content(), true
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// wholeNumber reads an xs:int that counts something (XEP-0059 §8).
func wholeNumber(e Element) (int, error) {
	n, err := strconv.ParseUint(e.Content(), 10, 31)
	if err != nil {
		return 0, ErrBadRequest.With("<" + e.Name.Local + "/> is a number, from 0 on.")
	}
	return int(n), nil
}

// A PageInfo says what part of a result set has been given.
type PageInfo struct {
	First, Last string // ids; empty if the page is
	Index       int    // how many items there are before it; -1: not told
	Count       int    // how many there are in all; -1: not told
}

// Element is the <set/> of an answer.
func (i PageInfo) Element() Element {
	set := New(NSRSM, "set")
	if i.First != "" {
		first := New(NSRSM, "first", Text(i.First))
		if i.Index >= 0 {
			first = first.With("index", strconv.Itoa(i.Index))
		}
		set = set.Add(first, New(NSRSM, "last", Text(i.Last)))
	}
	if i.Count >= 0 {
		set = set.Add(New(NSRSM, "count", Text(strconv.Itoa(i.Count))))
	}
	return set
}
