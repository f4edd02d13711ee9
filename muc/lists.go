package muc

import (
	"cmp"
	"slices"

	"palabre/server"
	"palabre/xmpp"
)

// How long a list can be that is sent at once. The rest is for who asks page by page (XEP-0059).
const (
	listBytes    = 800 << 10 // to a session: it has to fit into its queue
	listBytesOut = 160 << 10 // to other servers, which have bounds of their own
)

// list answers who has a role or an affiliation (XEP-0045 §8.5, §9.2, §9.5, §9.8, §10.5, §10.8).
func (r *Room) list(q *server.Request, items []xmpp.Element) (xmpp.Element, error) {
	e := items[0]
	if len(items) > 1 || e.HasAttr("role") == e.HasAttr("affiliation") {
		return xmpp.Element{}, xmpp.ErrBadRequest.With("Ask for one list: of those with a role, or with an affiliation.")
	}
	page, err := xmpp.ParsePageRequest(q.Payload)
	if err != nil {
		return xmpp.Element{}, err
	}
	rows, err := r.rows(q.From, e)
	if err != nil {
		return xmpp.Element{}, err
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(a.id, b.id)) })
	most := listBytesOut
	if q.Session != nil {
		most = listBytes
	}
	return answerPage(rows, page, most)
}

// A row is one in a list.
type row struct {
	place       int64  // where it stands
	id          string // names it in pages, and among those with one place
	affiliation Affiliation
	role        Role
	jid         xmpp.JID
	nick        string
	reason      string
}

// element is the row as it is answered: of affiliations without a role (XEP-0045 §17.4).
func (w row) element() xmpp.Element {
	e := xmpp.New(nsAdmin, "item").With("affiliation", w.affiliation.String()).With("jid", w.jid.String())
	if w.nick != "" {
		e = e.With("nick", w.nick)
	}
	if w.role != NoRole {
		e = e.With("role", w.role.String())
	}
	if w.reason != "" {
		e = e.Add(xmpp.New(nsAdmin, "reason", xmpp.Text(w.reason)))
	}
	return e
}

// rows is a list that somebody may see, in no order.
func (r *Room) rows(from xmpp.JID, e xmpp.Element) ([]row, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.managerLocked(from)
	if e.HasAttr("role") {
		role, ok := ParseRole(e.Attr("role"))
		if !ok || role == NoRole {
			return nil, xmpp.ErrBadRequest.With("There is no such list.")
		}
		if err := r.permitRoleListLocked(w, role); err != nil {
			return nil, err
		}
		return r.roleRowsLocked(role), nil
	}
	a, ok := ParseAffiliation(e.Attr("affiliation"))
	if !ok || a == None {
		return nil, xmpp.ErrBadRequest.With("There is no such list.") // XEP-0045 §5.2
	}
	if err := r.permitAffiliationListLocked(w, a); err != nil {
		return nil, err
	}
	return r.affiliationRowsLocked(a), nil
}

// roleRowsLocked lists occupants.
func (r *Room) roleRowsLocked(role Role) []row {
	var out []row
	for _, o := range r.occupants {
		if o.role == role && len(o.seats) > 0 {
			out = append(out, row{id: o.nick, affiliation: r.affiliationLocked(o.account), role: role, jid: o.seats[len(o.seats)-1].jid, nick: o.nick})
		}
	}
	return out
}

// affiliationRowsLocked lists accounts. They stand in the order in which they have become something.
func (r *Room) affiliationRowsLocked(a Affiliation) []row {
	var out []row
	for _, p := range r.people {
		if p.Affiliation != a {
			continue
		}
		w := row{place: p.Joined, id: p.Account.String(), affiliation: a, jid: p.Account, nick: p.Nick}
		if a == Outcast {
			w.reason = p.Reason // XEP-0045 §9.2
		}
		out = append(out, w)
	}
	return out
}

// answerPage is a list as it is answered: whole, as XEP-0045 wants it, unless a part was asked for, or it is too long.
func answerPage(rows []row, page xmpp.PageRequest, most int) (xmpp.Element, error) {
	first, last, err := part(rows, page)
	if err != nil {
		return xmpp.Element{}, err
	}
	items := make([]xmpp.Element, 0, last-first)
	size := 0
	for len(items) < last-first {
		i := first + len(items)
		if page.Backwards {
			i = last - 1 - len(items)
		}
		e := rows[i].element()
		if size += len(e.AppendXML(nil, nsAdmin)); size > most && len(items) > 0 {
			break
		}
		items = append(items, e)
	}
	if page.Backwards {
		slices.Reverse(items)
		first = last - len(items)
	}
	if last = first + len(items); len(items) == len(rows) && page == xmpp.AnyPage() {
		return xmpp.New(nsAdmin, "query", items...), nil
	}
	info := xmpp.PageInfo{Index: first, Count: len(rows)}
	if len(items) > 0 {
		info.First, info.Last = rows[first].id, rows[last-1].id
	}
	return xmpp.New(nsAdmin, "query", append(items, info.Element())...), nil
}

// part is what a page is of a list. The error is an *xmpp.Error.
func part(rows []row, page xmpp.PageRequest) (first, last int, err error) {
	first, last = 0, len(rows)
	id := cmp.Or(page.After, page.Before)
	i := slices.IndexFunc(rows, func(w row) bool { return w.id == id })
	switch {
	case id != "" && i < 0:
		return 0, 0, xmpp.ErrItemNotFound.With("This page begins at one who is not in the list any more.") // XEP-0059 §2.1
	case page.After != "":
		first = i + 1
	case page.Before != "":
		last = i
	case page.Index > 0:
		first = min(page.Index, last)
	}
	if page.Max >= 0 && last-first > page.Max {
		if page.Backwards {
			first = last - page.Max
		} else {
			last = first + page.Max
		}
	}
	return first, last, nil
}
