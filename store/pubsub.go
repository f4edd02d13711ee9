package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"palabre/pubsub"
	"palabre/xmpp"
)

// Rows come in any order: PostgreSQL is not to sort (see useIndexes), and here it would have to.
const (
	selectAllNodes = `SELECT n.node, n.config, n.created, n.last, n.items, n.bytes,
		COALESCE(k.bare, ''), COALESCE(p.resource, ''), COALESCE(p.affiliation, 0), COALESCE(p.subscribed, 0)
		FROM jid j JOIN pubsub_node n ON n.owner = j.id
		LEFT JOIN pubsub_peer p ON p.owner = n.owner AND p.node = n.node LEFT JOIN jid k ON k.id = p.peer WHERE j.bare = $1`
	selectNode = selectAllNodes + ` AND n.node = $2`
)

// Node is pubsub.Store's.
func (s *Store) Node(ctx context.Context, owner xmpp.JID, name string) (*pubsub.Node, error) {
	all, err := s.nodes(ctx, selectNode, owner.String(), name)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}

// Nodes is pubsub.Store's.
func (s *Store) Nodes(ctx context.Context, owner xmpp.JID) ([]pubsub.Node, error) {
	return s.nodes(ctx, selectAllNodes, owner.String())
}

func (s *Store) nodes(ctx context.Context, query string, args ...any) ([]pubsub.Node, error) {
	found := map[string]*pubsub.Node{}
	err := s.db.Query(ctx, func(scan scanner) error {
		var n pubsub.Node
		var config, bare, resource string
		var affiliation, subscribed int64
		if err := scan(&n.Name, &config, &n.Created, &n.Last, &n.Items, &n.Bytes, &bare, &resource, &affiliation, &subscribed); err != nil {
			return err
		}
		if found[n.Name] == nil {
			if err := json.Unmarshal([]byte(config), &n.Config); err != nil {
				return fmt.Errorf("configuration of %q: %w", n.Name, err)
			}
			found[n.Name] = &n
		}
		if bare == "" {
			return nil
		}
		jid, err := peerJID(bare, resource)
		if err != nil {
			return err
		}
		of := found[n.Name]
		of.Peers = append(of.Peers, pubsub.Peer{JID: jid, Affiliation: pubsub.Affiliation(affiliation), Subscribed: subscribed != 0})
		return nil
	}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("store: nodes: %w", err)
	}
	var out []pubsub.Node
	for _, name := range slices.Sorted(maps.Keys(found)) {
		n := found[name]
		slices.SortFunc(n.Peers, func(a, b pubsub.Peer) int { return strings.Compare(a.JID.String(), b.JID.String()) })
		out = append(out, *n)
	}
	return out, nil
}

func peerJID(bare, resource string) (xmpp.JID, error) {
	if resource != "" {
		bare += "/" + resource
	}
	jid, err := xmpp.ParseJID(bare)
	if err != nil {
		return jid, fmt.Errorf("peer %q: %w", bare, err)
	}
	return jid, nil
}

// Totals is pubsub.Store's.
func (s *Store) Totals(ctx context.Context, owner xmpp.JID) (t pubsub.Totals, err error) {
	err = s.db.QueryRow(ctx, []any{&t.Nodes, &t.Bytes}, `SELECT COUNT(*), CAST(COALESCE(SUM(n.bytes), 0) AS BIGINT)
		FROM jid j JOIN pubsub_node n ON n.owner = j.id WHERE j.bare = $1`, owner.String())
	if err != nil {
		return t, fmt.Errorf("store: nodes: %w", err)
	}
	return t, nil
}

// itemsBetween has nothing in the place of payloads where $6 says so.
const itemsBetween = `SELECT i.item, i.seq, i.length, CASE WHEN $6 = 1 THEN '' ELSE i.payload END
	FROM pubsub_item i WHERE i.owner = (SELECT id FROM jid WHERE bare = $1) AND i.node = $2 AND i.seq > $3 AND i.seq < $4 `

const (
	selectFirstItems = itemsBetween + `ORDER BY i.owner, i.node, i.seq LIMIT $5`
	selectLastItems  = itemsBetween + `ORDER BY i.owner DESC, i.node DESC, i.seq DESC LIMIT $5`
	selectOneItem    = itemsBetween + `AND i.item = $7 LIMIT $5`
)

// Items is pubsub.Store's.
func (s *Store) Items(ctx context.Context, q pubsub.Query) ([]pubsub.Item, error) {
	before := q.Before
	if before == 0 {
		before = math.MaxInt64
	}
	args := []any{q.Owner.String(), q.Node, q.After, before, int64(q.Limit), bit(q.Bare)}
	var out []pubsub.Item
	row := func(scan scanner) error {
		var it pubsub.Item
		err := scan(&it.ID, &it.Seq, &it.Length, &it.Payload)
		out = append(out, it)
		return err
	}
	var err error
	switch {
	case q.IDs != nil:
		for i := 0; err == nil && i < len(q.IDs); i++ {
			err = s.db.Query(ctx, row, selectOneItem, append(args[:6:6], q.IDs[i])...)
		}
	case q.Backwards:
		if err = s.db.Query(ctx, row, selectLastItems, args...); err == nil {
			slices.Reverse(out)
		}
	default:
		err = s.db.Query(ctx, row, selectFirstItems, args...)
	}
	if err != nil {
		return nil, fmt.Errorf("store: items: %w", err)
	}
	return out, nil
}

// The last items of nodes whose names are in $2, each between two line feeds, which no name has: REPLACE finds them in both engines.
const (
	shownColumns = `SELECT k.bare, n.node, n.config, n.created, n.last, n.items, n.bytes, COALESCE(p.affiliation, 0), i.item, i.seq, i.length,
		CASE WHEN i.length <= 2048 THEN i.payload ELSE '' END `
	shownNodes = `JOIN pubsub_node n ON n.owner = k.id AND REPLACE($2, $3 || n.node || $3, '') <> $2
		JOIN pubsub_item i ON i.owner = n.owner AND i.node = n.node AND i.seq = n.last
		LEFT JOIN pubsub_peer p ON p.owner = n.owner AND p.node = n.node AND p.resource = '' AND p.peer = (SELECT id FROM jid WHERE bare = $1) `

	// Both rosters have to say that the watcher sees the contact: flags 1 (to) of its own, 2 (from) of the other's.
	selectShownAll = shownColumns + `FROM jid w JOIN roster r ON r.owner = w.id AND (r.subscription & 1) <> 0
		JOIN roster b ON b.owner = r.contact AND b.contact = w.id AND (b.subscription & 2) <> 0
		JOIN jid k ON k.id = r.contact ` + shownNodes + `WHERE w.bare = $1 LIMIT 2000`
	selectShownOne = shownColumns + `FROM jid w JOIN roster r ON r.owner = w.id AND (r.subscription & 1) <> 0
		JOIN roster b ON b.owner = r.contact AND b.contact = w.id AND (b.subscription & 2) <> 0
		JOIN jid k ON k.id = r.contact ` + shownNodes + `WHERE w.bare = $1 AND k.bare = $4 LIMIT 2000`
	selectShownOwn = shownColumns + `FROM jid k ` + shownNodes + `WHERE k.bare = $1 LIMIT 2000`
)

// Shown is pubsub.Store's.
func (s *Store) Shown(ctx context.Context, watcher, owner xmpp.JID, names []string) ([]pubsub.Shown, error) {
	list := "\n"
	for _, name := range names {
		list += name + "\n\n"
	}
	query, args := selectShownAll, []any{watcher.String(), list, "\n"}
	switch {
	case owner == watcher:
		query = selectShownOwn
	case !owner.IsZero():
		query, args = selectShownOne, append(args, owner.String())
	}
	var out []pubsub.Shown
	err := s.db.Query(ctx, func(scan scanner) error {
		var x pubsub.Shown
		var bare, config string
		var affiliation int64
		n, it := &x.Node, &x.Item
		err := scan(&bare, &n.Name, &config, &n.Created, &n.Last, &n.Items, &n.Bytes, &affiliation, &it.ID, &it.Seq, &it.Length, &it.Payload)
		if err != nil {
			return err
		}
		x.Affiliation = pubsub.Affiliation(affiliation)
		if x.Owner, err = xmpp.ParseJID(bare); err != nil {
			return fmt.Errorf("owner %q: %w", bare, err)
		}
		out = append(out, x)
		return json.Unmarshal([]byte(config), &out[len(out)-1].Node.Config)
	}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("store: last items: %w", err)
	}
	return out, nil
}

// changeNodes carries out a change of an account's nodes. For an account that is not there the error is account.ErrUnknown.
func changeNodes(ctx context.Context, t *turn, c *pubsub.Change) error {
	owner, err := t.owner(ctx, c.Account)
	if err != nil {
		return err
	}
	for i := range c.Edits {
		e := &c.Edits[i]
		for _, step := range editSteps {
			if err := step(ctx, t, owner, e); err != nil {
				return err
			}
		}
	}
	return nil
}

var editSteps = []func(ctx context.Context, t *turn, owner int64, e *pubsub.Edit) error{dropNode, putNode, dropItems, putNodeItem, putPeer}

func dropNode(ctx context.Context, t *turn, owner int64, e *pubsub.Edit) error {
	if !e.Drop {
		return nil
	}
	return errors.Join(
		t.Queue(ctx, `DELETE FROM pubsub_item WHERE owner = $1 AND node = $2`, owner, e.Node),
		t.Queue(ctx, `DELETE FROM pubsub_peer WHERE owner = $1 AND node = $2`, owner, e.Node),
		t.Queue(ctx, `DELETE FROM pubsub_node WHERE owner = $1 AND node = $2`, owner, e.Node))
}

func putNode(ctx context.Context, t *turn, owner int64, e *pubsub.Edit) error {
	n := e.Put
	if n == nil {
		return nil
	}
	config, err := json.Marshal(n.Config)
	if err != nil {
		return err
	}
	return t.Queue(ctx, `INSERT INTO pubsub_node (owner, node, config, created, last, items, bytes) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (owner, node) DO UPDATE SET config = excluded.config, last = excluded.last, items = excluded.items, bytes = excluded.bytes`,
		owner, n.Name, string(config), n.Created, n.Last, int64(n.Items), int64(n.Bytes))
}

func dropItems(ctx context.Context, t *turn, owner int64, e *pubsub.Edit) error {
	if e.All {
		return t.Queue(ctx, `DELETE FROM pubsub_item WHERE owner = $1 AND node = $2`, owner, e.Node)
	}
	for _, id := range e.Gone {
		if err := t.Queue(ctx, `DELETE FROM pubsub_item WHERE owner = $1 AND node = $2 AND item = $3`, owner, e.Node, id); err != nil {
			return err
		}
	}
	return nil
}

func putNodeItem(ctx context.Context, t *turn, owner int64, e *pubsub.Edit) error {
	it := e.Item
	if it == nil {
		return nil
	}
	return t.Queue(ctx, `INSERT INTO pubsub_item (owner, node, item, seq, length, payload) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (owner, node, item) DO UPDATE SET seq = excluded.seq, length = excluded.length, payload = excluded.payload`,
		owner, e.Node, it.ID, it.Seq, int64(len(it.Payload)), it.Payload)
}

func putPeer(ctx context.Context, t *turn, owner int64, e *pubsub.Edit) error {
	p := e.Peer
	if p == nil {
		return nil
	}
	peer, err := t.id(ctx, p.JID.Bare())
	if err != nil {
		return err
	}
	if p.Affiliation == pubsub.None && !p.Subscribed {
		return t.Queue(ctx, `DELETE FROM pubsub_peer WHERE owner = $1 AND node = $2 AND peer = $3 AND resource = $4`, owner, e.Node, peer, p.JID.Resource())
	}
	return t.Queue(ctx, `INSERT INTO pubsub_peer (owner, node, peer, resource, affiliation, subscribed) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (owner, node, peer, resource) DO UPDATE SET affiliation = excluded.affiliation, subscribed = excluded.subscribed`,
		owner, e.Node, peer, p.JID.Resource(), int64(p.Affiliation), bit(p.Subscribed))
}
