package pubsub

import (
	"context"
	"errors"
	"slices"
	"unicode/utf8"

	"palabre/xmpp"
)

func isStanzaError(err error) bool {
	var e *xmpp.Error
	return errors.As(err, &e)
}

// isName tells whether a text may name a node or an item: what can be written down, and kept.
func isName(s string, most int) bool {
	if s == "" || len(s) > most || !utf8.ValidString(s) {
		return false
	}
	return !slices.ContainsFunc([]rune(s), func(r rune) bool { return r < ' ' || r == 0x7f })
}

// affiliation is what a bare address is to a node.
func (n *Node) affiliation(bare xmpp.JID) Affiliation {
	for _, p := range n.Peers {
		if p.Affiliation != None && p.JID == bare {
			return p.Affiliation
		}
	}
	return None
}

// A reader is somebody who wants to see a node.
type reader struct {
	owner, bare xmpp.JID
	sees        bool // the owner's presence
}

// allows tells whether somebody may subscribe to a node and see its items (XEP-0060 §4.5); if not, the error says why (§6.1.3, §6.5.9).
func (m *Module) allows(ctx context.Context, r reader, c *Config, is Affiliation) error {
	switch {
	case r.bare == r.owner:
		return nil
	case is == Outcast:
		return errOutcast
	case c.Access == Open, is == Member && c.Access == AccessWhitelist:
		return nil
	case c.Access == AccessWhitelist:
		return errNotOnList
	case !r.sees:
		return errNotSeeing
	case c.Access == AccessRoster:
		groups, err := m.opts.Contacts.Groups(ctx, r.owner, r.bare)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(groups, func(g string) bool { return slices.Contains(c.Groups, g) }) {
			return errNotInGroup
		}
	}
	return nil
}

// open gives the node that a request is about, if whoever asks may see it.
func (m *Module) open(ctx context.Context, q *request) (*Node, error) {
	if q.node == "" {
		return nil, errNodeNeeded
	}
	n, err := m.node(ctx, q.Account.JID, q.node)
	if err != nil {
		return nil, err
	}
	if n == nil {
		return nil, errNoNode
	}
	bare := q.From.Bare()
	if err := m.allows(ctx, reader{q.Account.JID, bare, q.known}, &n.Config, n.affiliation(bare)); err != nil {
		return nil, err
	}
	q.granted = true
	return n, nil
}

func (m *Module) node(ctx context.Context, owner xmpp.JID, name string) (*Node, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return m.store.Node(ctx, owner, name)
}

func (m *Module) fetch(ctx context.Context, q Query) ([]Item, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return m.store.Items(ctx, q)
}
