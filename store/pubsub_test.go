package store

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"palabre/account"
	"palabre/pubsub"
	"palabre/roster"
	"palabre/xep"
	"palabre/xmpp"
)

const tune = "http://jabber.org/protocol/tune"

// published is a change that makes a node with items, whose Seq rise from 1.
func published(owner xmpp.JID, node string, ids ...string) *pubsub.Change {
	n := &pubsub.Node{Name: node, Config: pubsub.Default(), Created: 7, Last: int64(len(ids)), Items: len(ids), Bytes: 10}
	c := &pubsub.Change{Account: owner, Edits: []pubsub.Edit{{Node: node, Put: n}}}
	for i, id := range ids {
		payload := fmt.Sprintf("<x xmlns='urn:é'>%s</x>", id)
		c.Edits = append(c.Edits, pubsub.Edit{Node: node, Item: &pubsub.Item{ID: id, Seq: int64(i + 1), Payload: payload, Length: len(payload)}})
	}
	return c
}

func idsOf(items []pubsub.Item) (out []string) {
	for _, it := range items {
		out = append(out, it.ID)
	}
	return out
}

func TestNodes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		addAccounts(t, s, romeo, juliet)
		if n, err := s.Node(ctx, romeo, tune); n != nil || err != nil {
			t.Fatalf("before: %+v, %v", n, err)
		}
		c := published(romeo, tune, "b", "a")
		c.Edits[0].Put.Config.Groups = []string{"Friends, \"old\"", "é"}
		phone := xmpp.MustParseJID("juliet@example.org/phone")
		c.Edits = append(c.Edits, pubsub.Edit{Node: tune, Peer: &pubsub.Peer{JID: juliet, Affiliation: pubsub.Member}},
			pubsub.Edit{Node: tune, Peer: &pubsub.Peer{JID: phone, Subscribed: true}},
			pubsub.Edit{Node: tune, Peer: &pubsub.Peer{JID: xmpp.MustParseJID("paris@example.net"), Affiliation: pubsub.Outcast, Subscribed: true}})
		must(t, commit(s, c, &xep.DataChange{Account: romeo, Kind: "vcard", Texts: map[string]string{"": "<x/>"}}))
		must(t, commit(s, published(juliet, tune, "hers")))
		must(t, commit(s, published(romeo, "empty")))

		n, err := s.Node(ctx, romeo, tune)
		must(t, err)
		want := *c.Edits[0].Put
		want.Peers = []pubsub.Peer{{JID: juliet, Affiliation: pubsub.Member}, {JID: phone, Subscribed: true},
			{JID: xmpp.MustParseJID("paris@example.net"), Affiliation: pubsub.Outcast, Subscribed: true}}
		if !reflect.DeepEqual(*n, want) {
			t.Errorf("node: %+v\nwant %+v", *n, want)
		}
		all, err := s.Nodes(ctx, romeo)
		must(t, err)
		if len(all) != 2 || all[0].Name != "empty" || !reflect.DeepEqual(all[1], want) {
			t.Errorf("nodes: %+v", all)
		}
		if tot, err := s.Totals(ctx, romeo); err != nil || tot != (pubsub.Totals{Nodes: 2, Bytes: 20}) {
			t.Errorf("totals: %+v, %v", tot, err)
		}
		if text, err := s.Datum(ctx, romeo, "vcard", ""); text != "<x/>" || err != nil {
			t.Errorf("in the same commit: %q, %v", text, err)
		}

		must(t, commit(s, &pubsub.Change{Account: romeo, Edits: []pubsub.Edit{
			{Node: tune, Gone: []string{"b", "never"}}, {Node: tune, Peer: &pubsub.Peer{JID: juliet}}, {Node: "empty", Drop: true},
		}}))
		n, err = s.Node(ctx, romeo, tune)
		must(t, err)
		if len(n.Peers) != 2 {
			t.Errorf("peers: %+v", n.Peers)
		}
		items, err := s.Items(ctx, pubsub.Query{Owner: romeo, Node: tune, Limit: 9})
		if !slices.Equal(idsOf(items), []string{"a"}) || err != nil {
			t.Errorf("items: %+v, %v", items, err)
		}
		must(t, commit(s, &pubsub.Change{Account: romeo, Edits: []pubsub.Edit{{Node: tune, Drop: true}}}))
		all, err = s.Nodes(ctx, romeo)
		if len(all) != 0 || err != nil {
			t.Errorf("dropped: %+v, %v", all, err)
		}
		if items, err := s.Items(ctx, pubsub.Query{Owner: juliet, Node: tune, Limit: 9}); len(items) != 1 || err != nil {
			t.Errorf("another's: %+v, %v", items, err)
		}
	})
}

func TestNodeItems(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		addAccounts(t, s, romeo)
		must(t, commit(s, published(romeo, tune, "a", "b", "c", "d", "e"), published(romeo, "other", "x")))
		// published again, it is the last one
		must(t, commit(s, &pubsub.Change{Account: romeo, Edits: []pubsub.Edit{{Node: tune, Item: &pubsub.Item{ID: "b", Seq: 1 << 50, Payload: "<new/>"}}}}))
		for name, c := range map[string]struct {
			q    pubsub.Query
			want []string
		}{
			"all":       {pubsub.Query{Limit: 99}, []string{"a", "c", "d", "e", "b"}},
			"first":     {pubsub.Query{Limit: 2}, []string{"a", "c"}},
			"last":      {pubsub.Query{Limit: 2, Backwards: true}, []string{"e", "b"}},
			"between":   {pubsub.Query{Limit: 9, After: 1, Before: 5}, []string{"c", "d"}},
			"late":      {pubsub.Query{Limit: 9, After: 4, Before: 1<<50 + 1}, []string{"e", "b"}},
			"before":    {pubsub.Query{Limit: 2, Before: 5, Backwards: true}, []string{"c", "d"}},
			"by id":     {pubsub.Query{Limit: 1, IDs: []string{"e", "gone", "b"}}, []string{"e", "b"}},
			"by no id":  {pubsub.Query{Limit: 1, IDs: []string{}}, nil},
			"too early": {pubsub.Query{Limit: 1, IDs: []string{"a"}, After: 1}, nil},
		} {
			c.q.Owner, c.q.Node = romeo, tune
			items, err := s.Items(ctx, c.q)
			if !slices.Equal(idsOf(items), c.want) || err != nil {
				t.Errorf("%s: %v, %v; want %v", name, idsOf(items), err, c.want)
			}
			c.q.Bare = true
			bare, err := s.Items(ctx, c.q)
			must(t, err)
			for i, it := range bare {
				if it.Payload != "" || it.Length != len(items[i].Payload) || it.ID != items[i].ID {
					t.Errorf("%s, bare: %+v of %+v", name, it, items[i])
				}
			}
		}
		must(t, commit(s, &pubsub.Change{Account: romeo, Edits: []pubsub.Edit{{Node: tune, All: true}}}))
		if items, err := s.Items(ctx, pubsub.Query{Owner: romeo, Node: tune, Limit: 9}); len(items) != 0 || err != nil {
			t.Errorf("purged: %v, %v", items, err)
		}
	})
}

// Last items are those of contacts whom both rosters let the watcher see, and of the nodes that are asked for, to the letter.
func TestShown(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		mercutio, paris, nurse := xmpp.MustParseJID("mercutio@example.org"), xmpp.MustParseJID("paris@example.org"), xmpp.MustParseJID("nurse@example.org")
		addAccounts(t, s, romeo, juliet, mercutio, paris, nurse)
		for _, x := range []struct {
			owner, contact xmpp.JID
			is             roster.Subscription
		}{
			{romeo, juliet, roster.Both}, {juliet, romeo, roster.Both}, // both see each other
			{romeo, mercutio, roster.To}, {mercutio, romeo, roster.From}, // he sees mercutio
			{romeo, paris, roster.From}, {paris, romeo, roster.To}, // paris sees him
			{romeo, nurse, roster.To}, {nurse, romeo, roster.None}, // her roster says otherwise
		} {
			must(t, commit(s, set(x.owner, x.contact, roster.Item{Listed: true, Subscription: x.is})))
		}
		for _, j := range []xmpp.JID{romeo, juliet, mercutio, paris, nurse} {
			must(t, commit(s, published(j, tune, "old", "last of "+j.Local()), published(j, tune+"s", "no"), published(j, "100%_'", "odd"), published(j, "none")))
		}
		must(t, commit(s, &pubsub.Change{Account: juliet, Edits: []pubsub.Edit{{Node: tune, Peer: &pubsub.Peer{JID: romeo, Affiliation: pubsub.Member}},
			{Node: tune, Peer: &pubsub.Peer{JID: xmpp.MustParseJID("romeo@example.org/x"), Subscribed: true}}}}))
		for name, c := range map[string]struct {
			owner xmpp.JID
			names []string
			want  []string
		}{
			"all contacts": {xmpp.JID{}, []string{tune, "none"}, []string{"juliet last of juliet member", "mercutio last of mercutio none"}},
			"odd names":    {xmpp.JID{}, []string{"100%_'", "http://jabber.org/protocol/tun"}, []string{"juliet odd none", "mercutio odd none"}},
			"one":          {juliet, []string{tune, "100%_'"}, []string{"juliet last of juliet member", "juliet odd none"}},
			"not to see":   {paris, []string{tune}, nil},
			"not shown":    {nurse, []string{tune}, nil},
			"own":          {romeo, []string{tune}, []string{"romeo last of romeo none"}},
			"nothing":      {xmpp.JID{}, nil, nil},
		} {
			all, err := s.Shown(ctx, romeo, c.owner, c.names)
			must(t, err)
			var got []string
			for _, x := range all {
				got = append(got, fmt.Sprintf("%s %s %s", x.Owner.Local(), x.Item.ID, x.Affiliation))
				if x.Node.Config.Access != pubsub.AccessPresence || x.Item.Payload == "" {
					t.Errorf("%s: %+v", name, x)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, c.want) {
				t.Errorf("%s: %q, want %q", name, got, c.want)
			}
		}
	})
}

// Who has gone publishes nothing, and is on nobody's list when somebody else gets the name.
func TestNodesOfNobody(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		addAccounts(t, s, romeo, juliet)
		c := published(juliet, tune, "x")
		c.Edits = append(c.Edits, pubsub.Edit{Node: tune, Peer: &pubsub.Peer{JID: romeo, Affiliation: pubsub.Member}})
		must(t, commit(s, c, published(romeo, tune, "y")))
		must(t, s.Delete(ctx, romeo))
		if err := commit(s, published(romeo, tune, "z")); err != account.ErrUnknown {
			t.Errorf("published by nobody: %v", err)
		}
		addAccounts(t, s, romeo)
		all, err := s.Nodes(ctx, romeo)
		if len(all) != 0 || err != nil {
			t.Errorf("of the one before: %+v, %v", all, err)
		}
		n, err := s.Node(ctx, juliet, tune)
		must(t, err)
		if len(n.Peers) != 0 {
			t.Errorf("on the list: %+v", n.Peers)
		}
	})
}
