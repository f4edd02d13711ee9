package roster

import (
	"context"
	"iter"
	"slices"
	"sync"
	"unique"

	"palabre/server"
	"palabre/xmpp"
)

// A book is what an account that is on-line has in memory of its roster. It follows the order of commits.
type book struct {
	mu         sync.Mutex        // tier 4
	list       *list             // nil until it is loaded
	interested []*server.Session // those that asked for the roster (RFC 6121 §2.2); replaced, never changed
	shared     *shared           // what they know to be shared
	busy       *busy             // nil most of the time
}

// busy is what a book needs only while something is under way.
type busy struct {
	loading chan struct{} // closed when the one who loads is through
	late    []*Change     // committed meanwhile
	outbox  []outgoing    // what is to be sent, in its order
	sending bool          // somebody is sending it
}

// A list is a roster without what only clients need. It is immutable. Contacts are interned: those of many accounts are the same people.
type list struct {
	ver   int64
	who   []unique.Handle[xmpp.JID]
	flags []flags
}

// flags are what is kept in memory of an item.
type flags uint8

const (
	fTo, fFrom flags = flags(To), flags(From)
	fAsk       flags = 1 << (iota + 1)
	fIn
	fApproved
	fListed
)

func flagsOf(it Item) flags {
	f := flags(it.Subscription)
	for _, b := range [...]struct {
		set bool
		bit flags
	}{{it.Ask, fAsk}, {it.In, fIn}, {it.Approved, fApproved}, {it.Listed, fListed}} {
		if b.set {
			f |= b.bit
		}
	}
	return f
}

// item is what the flags say of one, without its names.
func (f flags) item(contact xmpp.JID) Item {
	return Item{
		JID: contact, Subscription: Subscription(f & (fTo | fFrom)),
		Ask: f&fAsk != 0, In: f&fIn != 0, Approved: f&fApproved != 0, Listed: f&fListed != 0,
	}
}

func newList(items []Item, ver int64) *list {
	l := &list{ver: ver, who: make([]unique.Handle[xmpp.JID], len(items)), flags: make([]flags, len(items))}
	for i, it := range items {
		l.who[i], l.flags[i] = unique.Make(it.JID), flagsOf(it)
	}
	return l
}

// with gives the list after a change.
func (l *list) with(c *Change) *list {
	f, who := flagsOf(c.After), unique.Make(c.Contact)
	out := &list{ver: c.Ver, who: l.who, flags: slices.Clone(l.flags)}
	i := slices.Index(l.who, who)
	switch {
	case i >= 0 && f == 0:
		out.who = slices.Delete(slices.Clone(l.who), i, i+1)
		out.flags = slices.Delete(out.flags, i, i+1)
	case i >= 0:
		out.flags[i] = f
	case f != 0:
		out.who = append(l.who[:len(l.who):len(l.who)], who)
		out.flags = append(out.flags, f)
	}
	return out
}

// of is what is known of a contact.
func (l *list) of(contact xmpp.JID) flags {
	if i := slices.Index(l.who, unique.Make(contact)); i >= 0 {
		return l.flags[i]
	}
	return 0
}

// all lists the contacts that have one of these flags.
func (l *list) all(any flags) iter.Seq[xmpp.JID] {
	return func(yield func(xmpp.JID) bool) {
		for i, f := range l.flags {
			if f&any != 0 && !yield(l.who[i].Value()) {
				return
			}
		}
	}
}

func (l *list) count(any flags) int {
	n := 0
	for _, f := range l.flags {
		if f&any != 0 {
			n++
		}
	}
	return n
}

// busyLocked gives the part that is there only at times.
func (b *book) busyLocked() *busy {
	if b.busy == nil {
		b.busy = &busy{}
	}
	return b.busy
}

func (b *book) restLocked() {
	if w := b.busy; w != nil && w.loading == nil && len(w.outbox) == 0 && !w.sending {
		b.busy = nil
	}
}

// contacts gives the list of an account that is on-line, loaded if need be.
func (m *Module) contacts(ctx context.Context, a *server.Account) (*list, error) {
	b := m.books.Get(a)
	for {
		l, waiting := b.look()
		if l != nil {
			return l, nil
		}
		if waiting == nil {
			if _, _, err := m.read(ctx, a); err != nil {
				return nil, err
			}
			continue
		}
		select {
		case <-waiting:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// loaded is the list, or nil if nobody has needed it yet.
func (b *book) loaded() *list {
	l, _ := b.look()
	return l
}

// look gives the list, or what to wait for if it is being loaded.
func (b *book) look() (*list, chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.busy == nil {
		return b.list, nil
	}
	return b.list, b.busy.loading
}

// read reads the whole roster from the store, and fills the book if that has not been done.
func (m *Module) read(ctx context.Context, a *server.Account) ([]Item, int64, error) {
	b := m.books.Get(a)
	loads := b.begin()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	items, ver, err := m.store.Roster(ctx, a.JID)
	if loads {
		b.fill(items, ver, err)
	}
	return items, ver, err
}

// begin tells whether the caller is the one who loads; from now on commits are remembered.
func (b *book) begin() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.list != nil || b.busy != nil && b.busy.loading != nil {
		return false
	}
	b.busyLocked().loading = make(chan struct{})
	return true
}

func (b *book) fill(items []Item, ver int64, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.busy
	if err == nil {
		b.list = newList(items, ver)
		for _, c := range w.late {
			b.applyLocked(c)
		}
	}
	close(w.loading)
	w.loading, w.late = nil, nil
	b.restLocked()
}

// applyLocked brings a commit into the list, unless the list was read after it.
func (b *book) applyLocked(c *Change) {
	switch {
	case b.list != nil && c.Ver > b.list.ver:
		b.list = b.list.with(c)
	case b.list == nil && b.busy != nil && b.busy.loading != nil:
		b.busy.late = append(b.busy.late, c)
	}
}
