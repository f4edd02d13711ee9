package store

import (
	"context"
	"fmt"
	"sync"

	"palabre/xmpp"
)

const (
	// bite is how many rows of archives one transaction deletes at most: others wait for it.
	bite = 500
	// strolled is how many archives are looked at with one query.
	strolled = 200
)

// An expiry remembers how far Expire has got with the archives of each domain.
type expiry struct {
	mu   sync.Mutex // held over calls, so that there is one at a time; a leaf
	upto map[string]int64
}

// A tail is the part of an archive that is to go: n rows, up to an id.
type tail struct {
	owner, upto int64
	n           int
}

// Expire is history.Store's. It goes through the archives in the order of their owners' numbers, and goes on where the last call stopped;
// one that deletes less than limit has come to the end, and the next begins anew.
func (s *Store) Expire(ctx context.Context, domain string, before int64, limit int) (n int, err error) {
	s.expiry.mu.Lock()
	defer s.expiry.mu.Unlock()
	at := s.expiry.upto[domain]
	for end := false; n < limit && !end; {
		var tails []tail
		tails, at, end, err = s.tails(ctx, oldRows{domain, before, min(bite, limit-n)}, at)
		if err != nil {
			return n, fmt.Errorf("store: expire: %w", err)
		}
		if err := s.cut(ctx, tails); err != nil {
			return n, fmt.Errorf("store: expire: %w", err)
		}
		for _, t := range tails {
			n += t.n
		}
		if end {
			at = 0
		}
	}
	s.expiry.upto[domain] = at
	return n, nil
}

// oldRows are what Expire looks for.
type oldRows struct {
	domain string
	before int64
	limit  int
}

const selectArchives = `WITH RECURSIVE o (owner, n) AS (
		SELECT (SELECT a.owner FROM archive a WHERE a.owner > $1 ORDER BY a.owner LIMIT 1), 1
		UNION ALL
		SELECT (SELECT a.owner FROM archive a WHERE a.owner > o.owner ORDER BY a.owner LIMIT 1), o.n + 1
		FROM o WHERE o.owner IS NOT NULL AND o.n < $2)
	SELECT o.owner, j.bare, (SELECT a.id FROM archive a WHERE a.owner = o.owner ORDER BY a.id LIMIT 1)
	FROM o JOIN jid j ON j.id = o.owner ORDER BY o.owner`

// tails finds old rows in archives above the number after. It gives where to go on, unless that is the end.
func (s *Store) tails(ctx context.Context, old oldRows, after int64) (tails []tail, next int64, end bool, err error) {
	var owners []int64
	seen := 0
	err = s.db.Query(ctx, func(scan scanner) error {
		var bare string
		var first int64
		if err := scan(&next, &bare, &first); err != nil {
			return err
		}
		seen++
		if jid, err := xmpp.ParseJID(bare); err == nil && jid.Domain() == old.domain && first < old.before {
			owners = append(owners, next)
		}
		return nil
	}, selectArchives, after, strolled)
	if err != nil {
		return nil, after, false, err
	}
	left := old.limit
	for _, owner := range owners {
		t := tail{owner: owner}
		err := s.db.Query(ctx, func(scan scanner) error {
			t.n++
			return scan(&t.upto)
		}, `SELECT id FROM archive WHERE owner = $1 AND id < $2 ORDER BY id LIMIT $3`, owner, old.before, left)
		if err != nil {
			return nil, after, false, err
		}
		tails = append(tails, t)
		if left -= t.n; left <= 0 {
			return tails, owner - 1, false, nil
		}
	}
	return tails, next, seen < strolled, nil
}

func (s *Store) cut(ctx context.Context, tails []tail) error {
	if len(tails) == 0 {
		return nil
	}
	return s.write(ctx, xmpp.JID{}, func(ctx context.Context, t *turn) error {
		for _, c := range tails {
			if err := t.Queue(ctx, `DELETE FROM archive WHERE owner = $1 AND id <= $2`, c.owner, c.upto); err != nil {
				return err
			}
		}
		return nil
	})
}
