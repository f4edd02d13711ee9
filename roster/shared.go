package roster

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"

	"palabre/xmpp"
)

// A SharedGroup is one whose members all accounts of their domain have in their rosters, in a group of that name. The members have each other with the subscription
// both; everybody else has them with to: a member is not shown the presence of all others. Nothing of it is stored; what an account has put into its roster by
// itself stands beside it.
type SharedGroup struct {
	Name    string
	Members []SharedContact
}

// A SharedContact is a member of a SharedGroup, by what the others call it unless they have given it a name themselves.
type SharedContact struct {
	JID  xmpp.JID // bare, of the domain
	Name string
}

// A shared is what all accounts of a domain have without having put it there. It is immutable; nil is nothing.
type shared struct {
	tag   string // names it in versions of rosters: it is the same as long as the rest is
	order []xmpp.JID
	who   map[xmpp.JID]*sharedItem
}

type sharedItem struct {
	name   string
	groups []string
}

func newShared(groups []SharedGroup) *shared {
	s, sum := &shared{who: map[xmpp.JID]*sharedItem{}}, sha256.New()
	for _, g := range groups {
		for _, c := range g.Members {
			fmt.Fprintf(sum, "%q %q %q\n", g.Name, c.JID, c.Name)
			x := s.who[c.JID]
			if x == nil {
				x = &sharedItem{name: c.Name}
				s.who[c.JID], s.order = x, append(s.order, c.JID)
			}
			if !slices.Contains(x.groups, g.Name) {
				x.groups = append(x.groups, g.Name)
			}
		}
	}
	s.tag = hex.EncodeToString(sum.Sum(nil)[:8])
	return s
}

// item is what is shared of a contact; nil if it is no member, or the owner itself.
func (s *shared) item(owner, contact xmpp.JID) *sharedItem {
	if s == nil || owner == contact {
		return nil
	}
	return s.who[contact]
}

// flags are what a roster has of a contact by this alone.
func (s *shared) flags(owner, contact xmpp.JID) flags {
	if s == nil || owner == contact || contact.Local() == "" || contact.Domain() != owner.Domain() {
		return 0
	}
	var f flags
	if s.who[contact] != nil {
		f |= fTo | fListed
	}
	if s.who[owner] != nil {
		f |= fFrom
	}
	return f
}

// with gives an item as the owner's clients see it.
func (s *shared) with(owner xmpp.JID, it Item) Item {
	f := s.flags(owner, it.JID)
	it.Subscription |= Subscription(f & (fTo | fFrom))
	it.Ask = it.Ask && it.Subscription&To == 0
	if x := s.item(owner, it.JID); x != nil {
		it.Listed = true
		if it.Name == "" {
			it.Name = x.name
		}
		it.Groups = slices.Clone(it.Groups)
		for _, g := range x.groups {
			if !slices.Contains(it.Groups, g) {
				it.Groups = append(it.Groups, g)
			}
		}
	}
	return it
}

// all gives the items of a roster as clients see them, those that nobody has put there at the end.
func (s *shared) all(owner xmpp.JID, own []Item) []Item {
	if s == nil {
		return own
	}
	out := make([]Item, 0, len(own)+len(s.order))
	has := make(map[xmpp.JID]bool, len(own))
	for _, it := range own {
		has[it.JID] = true
		out = append(out, s.with(owner, it))
	}
	for _, j := range s.order {
		if j != owner && !has[j] {
			out = append(out, s.with(owner, Item{JID: j}))
		}
	}
	return out
}

// contacts are the members but the owner.
func (s *shared) contacts(owner xmpp.JID) iter.Seq[xmpp.JID] {
	return func(yield func(xmpp.JID) bool) {
		if s == nil {
			return
		}
		for _, j := range s.order {
			if j != owner && !yield(j) {
				return
			}
		}
	}
}

// differ tells whether the item of a contact looks otherwise under next, whatever the owner has put there.
func (s *shared) differ(next *shared, owner, contact xmpp.JID) bool {
	if s.flags(owner, contact) != next.flags(owner, contact) {
		return true
	}
	a, b := s.item(owner, contact), next.item(owner, contact)
	return a != b && (a == nil || b == nil || a.name != b.name || !slices.Equal(a.groups, b.groups))
}

// has tells whether an account is a member.
func (s *shared) has(account xmpp.JID) bool { return s != nil && s.who[account] != nil }
