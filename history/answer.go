package history

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"palabre/xmpp"
)

// pageBytes bounds the rows in one page, unless the first is longer: what a client is sent may wait in memory.
const pageBytes = 256 << 10

// An answer is a page of an archive.
type answer struct {
	rows     []Row // the oldest first
	complete bool  // the page was not cut short
	info     xmpp.PageInfo
}

// answer reads a page. What may be seen of a room can change meanwhile: then it is read again.
func (m *Module) answer(ctx context.Context, q *question) (a answer, err error) {
	err = q.steady(ctx, m.store, func(s *scope) error {
		if a, err = m.read(ctx, q, s); isRefusal(err) {
			return err
		} else if err != nil {
			return fmt.Errorf("history: query: %w", err)
		}
		return nil
	})
	return a, err
}

func (m *Module) read(ctx context.Context, q *question, s *scope) (a answer, err error) {
	a.info = xmpp.PageInfo{Index: -1, Count: -1}
	if there, err := s.has(ctx, q.query.Owner, q.named); err != nil {
		return a, err
	} else if !there || q.lost { // §4.1.3, §4.3.2
		return a, xmpp.ErrItemNotFound.With("The archive has no message of that id.")
	}
	switch {
	case q.query.Limit == 0 && !q.nothing:
		a.info.Count, err = s.count(ctx, q.query)
		a.complete = a.info.Count == 0
	case q.query.Limit == 0:
		a.info.Count, a.complete = 0, true
	case q.nothing:
		a.complete = true
	default:
		a.rows, a.complete, err = s.page(ctx, q.query)
	}
	if n := len(a.rows); n > 0 {
		a.info.First, a.info.Last = m.names.name(a.rows[0].ID), m.names.name(a.rows[n-1].ID)
	}
	return a, err
}

func isRefusal(err error) bool {
	var e *xmpp.Error
	return errors.As(err, &e)
}

func fin(complete bool, info xmpp.PageInfo) xmpp.Element {
	e := xmpp.New(ns, "fin", info.Element())
	if complete {
		e = e.With("complete", "true") // §4.3.2
	}
	return e
}

// page reads the rows of a page, the oldest first. complete tells that the page was not cut short.
func (s *scope) page(ctx context.Context, q Query) (rows []Row, complete bool, err error) {
	size := 0
	rows, complete = make([]Row, 0, min(q.Limit, chunk)), true
	err = s.walk(ctx, q, q.Limit+1, func(row Row) bool { // one more than fits, to know whether there is more
		size += len(row.Stanza)
		complete = len(rows) < q.Limit && (len(rows) == 0 || size <= pageBytes)
		if complete {
			rows = append(rows, row)
		}
		return complete
	})
	return inOrder(rows, q.Backwards), complete, err
}

func inOrder(rows []Row, backwards bool) []Row {
	if backwards {
		slices.Reverse(rows)
	}
	return rows
}
