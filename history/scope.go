package history

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"

	"palabre/xmpp"
)

const (
	chunk    = 64  // rows read at once: long ones may be far more than a page holds
	filtered = 256 // where not all of them count
)

// A scope is what somebody may see of an archive. The store is asked span by span: what lies outside is not even read.
type scope struct {
	store Store
	spans []Span   // ordered
	from  xmpp.JID // if not zero: only what this occupant of a room has said
	once  int      // rows read at once; 0: as many as usual
}

// walk calls fn for what a Query asks for, those rows first that are wanted first, until fn has enough, or has had most.
func (s *scope) walk(ctx context.Context, q Query, most int, fn func(Row) (more bool)) error {
	for _, span := range s.parts(&q) {
		part, left := q.in(span)
		for left && most > 0 {
			part.Limit = min(cmp.Or(s.once, chunk), most)
			if !s.from.IsZero() {
				part.Limit = filtered
			}
			rows, err := s.store.Rows(ctx, part)
			if err != nil {
				return err
			}
			inOrder(rows, q.Backwards)
			for _, row := range rows {
				if !s.shows(&row) {
					continue
				}
				if most--; !fn(row) {
					return nil
				}
			}
			left = len(rows) == part.Limit
			if n := len(rows); left && q.Backwards {
				part.Before = rows[n-1].ID
			} else if left {
				part.After = rows[n-1].ID
			}
		}
	}
	return nil
}

// parts are the spans in the order in which they are read. Ids that may not be seen are left out of what is asked for; the others are asked for at once.
func (s *scope) parts(q *Query) []Span {
	if q.IDs != nil {
		q.IDs = slices.DeleteFunc(slices.Clone(q.IDs), func(id int64) bool { return !holds(s.spans, id) })
		if len(q.IDs) == 0 {
			return nil
		}
		return whole
	}
	if !q.Backwards {
		return s.spans
	}
	spans := slices.Clone(s.spans)
	slices.Reverse(spans)
	return spans
}

// shows tells whether a row is from whom it should be.
func (s *scope) shows(row *Row) bool {
	if s.from.IsZero() {
		return true
	}
	if !bytes.Contains(row.Stanza, xmpp.AppendAttr(nil, "from", s.from.String())) {
		return false
	}
	st, err := xmpp.ParseStanza(string(row.Stanza))
	return err == nil && st.From == s.from
}

// count is how many rows a Query would give without its Limit.
func (s *scope) count(ctx context.Context, q Query) (n int, err error) {
	if !s.from.IsZero() {
		err = s.walk(ctx, q, math.MaxInt, func(Row) bool { n++; return true })
		return n, err
	}
	for _, span := range s.parts(&q) {
		if part, ok := q.in(span); ok {
			got, err := s.store.Count(ctx, part)
			if err != nil {
				return 0, err
			}
			n += got
		}
	}
	return n, nil
}

// has tells whether all of these rows may be seen. Of those that may not, the store is not asked: it is the same as if they were nowhere.
func (s *scope) has(ctx context.Context, owner xmpp.JID, ids []int64) (bool, error) {
	for _, id := range ids {
		if !holds(s.spans, id) {
			return false, nil
		}
	}
	if len(ids) == 0 {
		return true, nil
	}
	n, err := s.store.Count(ctx, Query{Owner: owner, IDs: ids})
	return n == len(ids), err
}

// edges are the first and the last row; ok tells whether there is one.
func (s *scope) edges(ctx context.Context, owner xmpp.JID) (first, last Row, ok bool, err error) {
	into := func(row *Row) func(Row) bool {
		return func(r Row) bool { *row, ok = r, true; return false }
	}
	if err = s.walk(ctx, Query{Owner: owner}, 1, into(&first)); err == nil && ok {
		err = s.walk(ctx, Query{Owner: owner, Backwards: true}, 1, into(&last))
	}
	return first, last, ok, err
}
