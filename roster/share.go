package roster

import (
	"context"
	"iter"
	"slices"
	"sync"

	"palabre/server"
	"palabre/xmpp"
)

// Presence shows accounts to those who see them from now on, and has them leave for those who no longer do. Package presence provides it.
type Presence interface {
	Appear(ctx context.Context, a *server.Account, to iter.Seq[xmpp.JID])
	Vanish(ctx context.Context, a *server.Account, to iter.Seq[xmpp.JID])
}

// sharing is what all accounts of each domain share.
type sharing struct {
	mu sync.RWMutex // leaf
	of map[string]*shared
}

func (x *sharing) get(domain string) *shared {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.of[domain]
}

func (x *sharing) set(domain string, next *shared) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.of == nil {
		x.of = map[string]*shared{}
	}
	x.of[domain] = next
}

func (m *Module) shared(account xmpp.JID) *shared { return m.sharing.get(account.Domain()) }

// Share says what groups all accounts of a domain have in their rosters. Those who are on-line are told what has changed. It is for one goroutine at a time.
func (m *Module) Share(ctx context.Context, domain string, groups []SharedGroup, p Presence) {
	next, before := newShared(groups), m.sharing.get(domain)
	if before != nil && before.tag == next.tag {
		return
	}
	next.follows(before)
	m.sharing.set(domain, next)
	for a := range m.online(domain) {
		if before.has(a.JID) && !next.has(a.JID) {
			p.Vanish(ctx, a, m.strangers(ctx, a))
		}
	}
	for a := range m.online(domain) {
		if err := m.follow(ctx, a); err != nil {
			m.host.Log().Error("a client was not told of shared contacts", "jid", a.JID.String(), "module", "roster", "err", err)
		}
	}
	for a := range m.online(domain) {
		if !before.has(a.JID) && next.has(a.JID) {
			p.Appear(ctx, a, m.strangers(ctx, a))
		}
	}
}

// online are the accounts of a domain that have sessions.
func (m *Module) online(domain string) iter.Seq[*server.Account] {
	return func(yield func(*server.Account) bool) {
		var last *server.Account // the sessions of one account stand together
		for _, s := range m.host.Sessions() {
			if s.Account == last {
				continue
			}
			if last = s.Account; last.JID.Domain() == domain && !yield(last) {
				return
			}
		}
	}
}

// strangers are the accounts of the domain that are on-line and do not see an account by its own roster.
func (m *Module) strangers(ctx context.Context, a *server.Account) iter.Seq[xmpp.JID] {
	return func(yield func(xmpp.JID) bool) {
		l, err := m.contacts(ctx, a)
		if err != nil {
			m.host.Log().Error("contacts not known", "jid", a.JID.String(), "module", "roster", "err", err)
			return
		}
		own := map[xmpp.JID]bool{a.JID: true}
		for j := range l.all(fFrom) {
			own[j] = true
		}
		for x := range m.online(a.JID.Domain()) {
			if !own[x.JID] && !yield(x.JID) {
				return
			}
		}
	}
}

// follow brings what an account's clients know of what is shared up to date, by pushes.
func (m *Module) follow(ctx context.Context, a *server.Account) error {
	b := m.books.Get(a)
	for {
		next := m.shared(a.JID)
		before, idle := b.catchUp(next)
		if before == next || idle {
			return nil
		}
		l, err := m.contacts(ctx, a)
		if err != nil {
			return err
		}
		who, ver, items := suspects(before, next, a.JID), l.ver, []Item(nil)
		if before.has(a.JID) != next.has(a.JID) || slices.ContainsFunc(who, func(j xmpp.JID) bool { return l.of(j) != 0 }) {
			if items, ver, err = m.read(ctx, a); err != nil {
				return err
			}
		}
		if m.pushShared(b, a, differences(before, next, a.JID, who, items), ver, [2]*shared{before, next}) {
			m.send(b)
			return nil
		}
	}
}

// catchUp notes what is shared where no client is to be told.
func (b *book) catchUp(next *shared) (before *shared, idle bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.interested) == 0 {
		b.shared, idle = next, true
	}
	return b.shared, idle
}

// suspects are the members whose items may look otherwise to an account.
func suspects(before, next *shared, owner xmpp.JID) []xmpp.JID {
	switch {
	case before.has(owner) != next.has(owner):
		return slices.Concat(before.members(), next.members())
	case before.name() == next.since:
		return next.changed
	}
	return before.changes(next)
}

// differences are the items that look otherwise, as they look now; those that have gone are not listed. own are the account's, if any of them may be among these.
func differences(before, next *shared, owner xmpp.JID, who []xmpp.JID, own []Item) []Item {
	var out []Item
	seen := map[xmpp.JID]bool{owner: true}
	add := func(it Item) {
		if !seen[it.JID] && before.differ(next, owner, it.JID) {
			was, is := before.with(owner, it), next.with(owner, it)
			if was.Listed || is.Listed {
				out = append(out, is)
			}
		}
		seen[it.JID] = true
	}
	for _, it := range own {
		add(it)
	}
	for _, j := range who {
		add(Item{JID: j})
	}
	return out
}

// pushShared queues pushes of items, unless the roster has moved on. Until the last of them a client that goes has no version that is anybody's: it
// gets the whole roster when it comes back.
func (m *Module) pushShared(b *book, a *server.Account, items []Item, ver int64, from [2]*shared) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shared != from[0] || b.list == nil || b.list.ver != ver {
		return false
	}
	b.shared = from[1]
	for i, it := range items {
		v := version(ver, from[1])
		if i < len(items)-1 {
			v += "-" + m.host.NewID()
		}
		w := b.busyLocked()
		w.outbox = append(w.outbox, outgoing{stanza: push(a.JID, v, itemOrEnd(it)), ready: true})
	}
	return true
}

// sharedOnly refuses to take out of a roster what nobody has put there.
func (m *Module) sharedOnly(a *server.Account, contact xmpp.JID) error {
	x := m.shared(a.JID).item(a.JID, contact)
	if x == nil {
		return nil
	}
	return xmpp.ErrNotAllowed.With("This contact is in everybody's list, in the group '" + x.groups[0] + "'. Only the administrator of the server can take it out.")
}

// without is what an account puts into its roster by itself, of what a client sends: clients send the whole item. none tells that it is nothing.
func (s *shared) without(owner, contact xmpp.JID, name string, groups []string) (ownName string, own []string, none bool) {
	x := s.item(owner, contact)
	if x == nil {
		return name, groups, false
	}
	if name == x.name {
		name = ""
	}
	own = slices.DeleteFunc(slices.Clone(groups), func(g string) bool { return slices.Contains(x.groups, g) })
	return name, own, name == "" && len(own) == 0
}
