package pubsub

import (
	"context"
	"iter"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

// A Node is what an account keeps under one name.
type Node struct {
	Name    string
	Config  Config
	Created int64  // in microseconds since 1970
	Last    int64  // the Seq of the item that was published last; 0: there is none
	Items   int    // how many there are
	Bytes   int    // of all of them, and of what is kept beside them
	Peers   []Peer // those with an affiliation or a subscription
}

// A Peer is what somebody is to a node.
type Peer struct {
	JID         xmpp.JID // bare for affiliations; as it was subscribed for subscriptions
	Affiliation Affiliation
	Subscribed  bool
}

// Affiliation is what an entity may do with a node (XEP-0060 §4.1). That of the owner is not kept.
type Affiliation uint8

// The affiliations that are kept.
const (
	None Affiliation = iota
	Member
	Outcast
)

var affiliationNames = [...]string{"none", "member", "outcast"}

func (a Affiliation) String() string { return affiliationNames[a] }

// An Item is a published item.
type Item struct {
	ID      string
	Seq     int64  // rises with each publication of the account's: the time of it, in microseconds since 1970, or a little more
	Payload string // one element, as XML that declares its namespaces; empty: none
	Length  int    // of Payload, also where that was not asked for
}

// At is when the item was published.
func (i Item) At() time.Time { return time.UnixMicro(i.Seq).UTC() }

// size is what an item counts.
func (i Item) size() int { return len(i.ID) + i.Length }

// A Query asks for items of a node, in the order in which they were published.
type Query struct {
	Owner xmpp.JID
	Node  string
	IDs   []string // if not nil: only these, as many as there are
	// Exclusive bounds; 0 is none.
	After, Before int64
	Limit         int
	Backwards     bool // the last ones and not the first ones; items come in rising order either way
	Bare          bool // without their payloads
}

// A Shown item is the one that was published last to a node, for somebody who has come.
type Shown struct {
	Owner       xmpp.JID
	Node        Node        // without Peers
	Affiliation Affiliation // of the one who has come
	Item        Item
}

// A Change is what a request does to the nodes of an account, in this order. For an account that is not there any more the commit fails.
type Change struct {
	Account xmpp.JID
	Edits   []Edit
}

// Owner is part of server.Write.
func (c *Change) Owner() xmpp.JID { return c.Account }

// An Edit is one step of a Change; what is not set is not done.
type Edit struct {
	Node string
	Drop bool     // the node goes, with all that it has
	Put  *Node    // the node is made, or its row changed; its Peers stay
	Gone []string // these items go
	All  bool     // all of them do
	Item *Item    // this one comes, in place of the one of its id
	Peer *Peer    // what somebody is from now on; nothing, if it is neither affiliated nor subscribed
}

// Totals are what an account keeps in all.
type Totals struct{ Nodes, Bytes int }

// A Store keeps nodes. Its errors are server.ErrAway, or what is to be logged.
type Store interface {
	server.Committer
	// Node gives a node with its Peers; nil if there is none.
	Node(ctx context.Context, owner xmpp.JID, name string) (*Node, error)
	// Nodes lists an account's nodes with their Peers, by name.
	Nodes(ctx context.Context, owner xmpp.JID) ([]Node, error)
	// Totals counts.
	Totals(ctx context.Context, owner xmpp.JID) (Totals, error)
	// Items gives what a Query asks for.
	Items(ctx context.Context, q Query) ([]Item, error)
	// Shown gives the last items of the nodes of these names that watcher's contacts have; of those contacts to whom both rosters let it see presence, and
	// 2,000 at most. Payloads of more than 2 KiB are left out. An owner asks for one contact alone: zero means all. If it is the watcher itself, no roster is asked.
	Shown(ctx context.Context, watcher, owner xmpp.JID, names []string) ([]Shown, error)
}

// Contacts knows who is in whose roster. Package roster provides it.
type Contacts interface {
	// Subscribers lists those who see an account's presence, when the list is gone through.
	Subscribers(ctx context.Context, a *server.Account) (iter.Seq[xmpp.JID], error)
	// Groups are those that owner has put contact into.
	Groups(ctx context.Context, owner, contact xmpp.JID) ([]string, error)
}

// Interests knows what a session's client is known to want (XEP-0115). Package xep provides it.
type Interests interface {
	// Features lists what the client can do, sorted; nil while that is not known.
	Features(s *server.Session) []string
}
