package bench

import (
	"fmt"
	"strconv"

	"palabre/stream"
	"palabre/xmpp"
)

// relayArchive is the archive of a relay: it answers the three queries that are asked here, and can be told to lose, double or reorder.
type relayArchive struct {
	off  bool
	keep func(owner xmpp.JID, rows []relayRow, next relayRow) []relayRow // nil: it is faithful
	rows map[xmpp.JID][]relayRow
	last int
}

type relayRow struct {
	id string
	st *xmpp.Stanza
}

func (a *relayArchive) add(owner xmpp.JID, st *xmpp.Stanza) {
	if a.off {
		return
	}
	if a.rows == nil {
		a.rows = make(map[xmpp.JID][]relayRow)
	}
	a.last++
	row := relayRow{"<" + strconv.Itoa(a.last) + ">", st} // an id is any text
	if a.keep != nil {
		a.rows[owner] = a.keep(owner, a.rows[owner], row)
		return
	}
	a.rows[owner] = append(a.rows[owner], row)
}

// answer sends a page: the last one if there is <before/>, else what follows <after/>, or the first one.
func (a *relayArchive) answer(user xmpp.JID, out *stream.Queue, iq *xmpp.Stanza, query xmpp.Element) {
	set, _ := query.Child(nsRSM, "set")
	most, _ := strconv.Atoi(set.ContentOf(nsRSM, "max"))
	owner := user
	if !iq.To.IsZero() {
		owner = iq.To
	}
	rows := a.rows[owner]
	all := len(rows)
	if after, ok := set.Child(nsRSM, "after"); ok {
		for i := len(rows) - 1; i >= 0; i-- {
			if rows[i].id == after.Content() {
				rows = rows[i+1:]
				break
			}
		}
	}
	complete := len(rows) <= most
	if _, ok := set.Child(nsRSM, "before"); ok {
		rows = rows[max(0, len(rows)-most):]
	}
	rows = rows[:min(most, len(rows))]
	for _, row := range rows {
		forwarded := xmpp.New("urn:xmpp:forward:0", "forwarded", xmpp.Raw(row.st.String()))
		result := xmpp.New(nsMAM, "result", forwarded).With("queryid", query.Attr("queryid")).With("id", row.id)
		out.Send(stream.Packet{Stanza: xmpp.NewStanza(xmpp.Message, "", result), To: user})
	}
	rsm := xmpp.New(nsRSM, "set", xmpp.New(nsRSM, "count", xmpp.Text(strconv.Itoa(all))))
	if n := len(rows); n > 0 {
		rsm = rsm.Add(xmpp.New(nsRSM, "first", xmpp.Text(rows[0].id)), xmpp.New(nsRSM, "last", xmpp.Text(rows[n-1].id)))
	}
	out.Send(stream.Packet{Stanza: iq.Result(xmpp.New(nsMAM, "fin", rsm).With("complete", fmt.Sprint(complete)))})
}
