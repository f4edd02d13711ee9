package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"palabre/xmpp"
)

const (
	nsMAM = "urn:xmpp:mam:2"
	nsRSM = "http://jabber.org/protocol/rsm"
)

// A browser reads the archive of a session's account, or of a room (XEP-0313), page by page. It belongs to one goroutine, but for handle.
type browser struct {
	session *Session
	of      xmpp.JID // the room whose archive it is; zero: the account's
	asked   int      // how many queries

	mu      sync.Mutex // leaf
	query   string     // the id of the one under way
	results []result
	astray  int // results of other queries, and without an id
}

// A result is one message of a page.
type result struct {
	id   string // in the archive
	text string // of its body
}

// A page is the answer to a query. It is good until the next one.
type page struct {
	results  []result
	complete bool // there is nothing beyond it
	count    int  // of all that the query finds; -1 if the server does not tell
}

// handle takes what comes to the session. It tells whether it was a result.
func (b *browser) handle(st *xmpp.Stanza) bool {
	for _, c := range st.Children {
		if c.Name != (xmpp.Name{Space: nsMAM, Local: "result"}) {
			continue
		}
		tag, inner, _ := strings.Cut(st.RawChild(c), ">")
		e, err := xmpp.Parse(strings.TrimSuffix(tag, "/")+"/>", xmpp.NSClient) // all of it would take us longer than most servers
		b.mu.Lock()
		defer b.mu.Unlock()
		if id := e.Attr("id"); err == nil && id != "" && e.Attr("queryid") == b.query {
			b.results = append(b.results, result{id, strings.Clone(bodyOf(inner))})
		} else {
			b.astray++
		}
		return true
	}
	return false
}

// page asks for a page, by what RSM's <set/> holds (XEP-0059), and waits for all of it.
func (b *browser) page(ctx context.Context, set ...xmpp.Element) (page, error) {
	b.asked++
	query := "q" + strconv.Itoa(b.asked)
	b.mu.Lock()
	b.query, b.results, b.astray = query, b.results[:0], 0
	b.mu.Unlock()
	iq := xmpp.NewStanza(xmpp.IQ, xmpp.TypeSet, xmpp.New(nsMAM, "query", xmpp.New(nsRSM, "set", set...)).With("queryid", query))
	iq.To = b.of
	answer, err := b.session.Request(ctx, iq)
	if err != nil {
		return page{}, fmt.Errorf("bench: archive of %s: %w", b.session.JID.Bare(), err)
	}
	fin, ok := answer.Child(nsMAM, "fin")
	if !ok {
		return page{}, fmt.Errorf("bench: archive of %s: the answer has no <fin/>", b.session.JID.Bare())
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.astray > 0 {
		return page{}, fmt.Errorf("bench: archive of %s: %d results have no id or belong to no query", b.session.JID.Bare(), b.astray)
	}
	p := page{results: b.results, complete: fin.Attr("complete") == "true" || fin.Attr("complete") == "1", count: -1}
	rsm, _ := fin.Child(nsRSM, "set")
	if n, err := strconv.Atoi(rsm.ContentOf(nsRSM, "count")); err == nil {
		p.count = n
	}
	return p, b.edges(p, rsm)
}

// edges checks the page against what <fin/> says are its first and last ids (XEP-0059 §2.2).
func (b *browser) edges(p page, rsm xmpp.Element) error {
	first, last := "", ""
	if n := len(p.results); n > 0 {
		first, last = p.results[0].id, p.results[n-1].id
	}
	if f, l := rsm.ContentOf(nsRSM, "first"), rsm.ContentOf(nsRSM, "last"); f != first || l != last {
		return fmt.Errorf("bench: archive of %s: a page from %q to %q is said to go from %q to %q", b.session.JID.Bare(), first, last, f, l)
	}
	return nil
}

// last asks for the newest messages (XEP-0059 §2.5).
func (b *browser) last(ctx context.Context, most int) (page, error) {
	return b.page(ctx, rsmMax(most), xmpp.New(nsRSM, "before"))
}

// after asks for what follows an id, or for the beginning if that is empty (XEP-0059 §2.2).
func (b *browser) after(ctx context.Context, id string, most int) (page, error) {
	if id == "" {
		return b.page(ctx, rsmMax(most))
	}
	return b.page(ctx, rsmMax(most), xmpp.New(nsRSM, "after", xmpp.Text(id)))
}

// count asks how many messages there are (XEP-0059 §2.7).
func (b *browser) count(ctx context.Context) (int, error) {
	p, err := b.page(ctx, rsmMax(0))
	if err == nil && p.count < 0 {
		err = errors.New("bench: the server does not tell how many messages an archive has")
	}
	return p.count, err
}

func rsmMax(n int) xmpp.Element { return xmpp.New(nsRSM, "max", xmpp.Text(strconv.Itoa(n))) }

// bodyOf is the text of the first body in a piece of XML, as it is written.
func bodyOf(xml string) string {
	_, xml, _ = strings.Cut(xml, "<body")
	_, xml, _ = strings.Cut(xml, ">")
	text, _, _ := strings.Cut(xml, "<")
	return text
}
