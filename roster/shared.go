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

	since   string     // the tag of what was before
	changed []xmpp.JID // the contacts that looked otherwise then
}

type sharedItem struct {
	name   string
	groups []string
	drawn  [2]xmpp.Element // the item of those who have put nothing beside it: others, members
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
	for j, x := range s.who {
		it := Item{JID: j, Name: x.name, Groups: x.groups, Subscription: To}
		x.drawn[0] = xmpp.Raw(string(it.element().AppendXML(nil, ns)))
		it.Subscription = Both
		x.drawn[1] = xmpp.Raw(string(it.element().AppendXML(nil, ns)))
	}
	s.tag = hex.EncodeToString(sum.Sum(nil)[:8])
	return s
}

// follows notes what is otherwise than before.
func (s *shared) follows(before *shared) {
	s.since = before.name()
	s.changed = before.changes(s)
}

func (s *shared) name() string {
	if s == nil {
		return ""
	}
	return s.tag
}

// changes are the members whose items look otherwise under next, whoever looks.
func (s *shared) changes(next *shared) []xmpp.JID {
	var out []xmpp.JID
	for _, j := range s.members() {
		if s.who[j].differs(next.who[j]) {
			out = append(out, j)
		}
	}
	for _, j := range next.members() {
		if !s.has(j) {
			out = append(out, j)
		}
	}
	return out
}

func (x *sharedItem) differs(y *sharedItem) bool {
	return (x == nil) != (y == nil) || x != nil && (x.name != y.name || !slices.Equal(x.groups, y.groups))
}

func (s *shared) members() []xmpp.JID {
	if s == nil {
		return nil
	}
	return s.order
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

// elements is a roster as clients see it, with those whom nobody has put there at the end.
func (s *shared) elements(owner xmpp.JID, own []Item) []xmpp.Element {
	out := make([]xmpp.Element, 0, len(own)+len(s.members()))
	has := make(map[xmpp.JID]bool, len(own)+1)
	has[owner] = true
	for _, it := range own {
		has[it.JID] = true
		if it = s.with(owner, it); it.Listed {
			out = append(out, it.element())
		}
	}
	kind := 0
	if s.has(owner) {
		kind = 1
	}
	for _, j := range s.members() {
		if !has[j] {
			out = append(out, s.who[j].drawn[kind])
		}
	}
	return out
}

// contacts are the members but the owner.
func (s *shared) contacts(owner xmpp.JID) iter.Seq[xmpp.JID] {
	return func(yield func(xmpp.JID) bool) {
		for _, j := range s.members() {
			if j != owner && !yield(j) {
				return
			}
		}
	}
}

// differ tells whether the item of a contact looks otherwise under next, whatever the owner has put there.
func (s *shared) differ(next *shared, owner, contact xmpp.JID) bool {
	return s.flags(owner, contact) != next.flags(owner, contact) || s.item(owner, contact).differs(next.item(owner, contact))
}

// has tells whether an account is a member.
func (s *shared) has(account xmpp.JID) bool { return s != nil && s.who[account] != nil }
