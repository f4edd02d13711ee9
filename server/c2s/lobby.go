package c2s

import (
	"container/list"
	"net/netip"
	"sync"

	"palabre/stream"
)

// A lobby holds the connections that have not logged in, and bounds how many there are: in all, and of one address, so that
// one address cannot take the places of all others. The one that has waited the longest gives way.
type lobby struct {
	most, mostEach int // zero: any number

	mu   sync.Mutex // leaf
	all  list.List  // of *conn, the oldest first
	each map[netip.Prefix]*list.List
}

// A seat is a connection's place in the lobby. The zero seat is none.
type seat struct {
	from netip.Prefix
	all  *list.Element
	own  *list.Element
}

func newLobby(most, mostEach int, off bool) lobby {
	if off {
		most, mostEach = 0, 0
	}
	return lobby{most: most, mostEach: mostEach, each: map[netip.Prefix]*list.List{}}
}

// enter gives a connection its place, and ends another for it if there is none left.
func (l *lobby) enter(c *conn) {
	l.mu.Lock()
	from := prefixOf(c.remote)
	own := l.each[from]
	if own == nil {
		own = list.New()
		l.each[from] = own
	}
	c.seat = seat{from, l.all.PushBack(c), own.PushBack(c)}
	var out *conn
	if l.mostEach > 0 && own.Len() > l.mostEach {
		out = own.Front().Value.(*conn)
	} else if l.most > 0 && l.all.Len() > l.most {
		out = l.all.Front().Value.(*conn)
	}
	if out != nil {
		l.leaveLocked(out)
	}
	l.mu.Unlock()
	if out != nil {
		out.evict()
	}
}

// evict ends the connection that has waited the longest, if there is one.
func (l *lobby) evict() {
	l.mu.Lock()
	var out *conn
	if e := l.all.Front(); e != nil {
		out = e.Value.(*conn)
		l.leaveLocked(out)
	}
	l.mu.Unlock()
	if out != nil {
		out.evict()
	}
}

// leave takes a connection out that has logged in, or is gone. It may be called again.
func (l *lobby) leave(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leaveLocked(c)
}

func (l *lobby) leaveLocked(c *conn) {
	if c.seat.all == nil {
		return
	}
	own := l.each[c.seat.from]
	own.Remove(c.seat.own)
	if own.Len() == 0 {
		delete(l.each, c.seat.from)
	}
	l.all.Remove(c.seat.all)
	c.seat = seat{}
}

// waiting is how many have not logged in.
func (l *lobby) waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Len()
}

// evict ends a connection for one that came later.
func (c *conn) evict() {
	c.srv.Stats.evicted.Add(1)
	c.end(&stream.Error{Condition: stream.ResourceConstraint, Text: "Too many clients are logging in at once. Try again in a minute."})
}

// prefixOf is what counts as one address: whoever has an IPv6 address has the whole /64.
func prefixOf(addr netip.Addr) netip.Prefix {
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // no address: a pipe
	}
	return p
}
