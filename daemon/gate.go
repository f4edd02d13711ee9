package daemon

import (
	"container/list"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// How many connections the HTTPS port holds that are not WebSockets: those in a handshake, in a request or waiting for one, in all and of one
// address (an IPv4 address, an IPv6 /64).
const (
	mostHTTPS     = 8192
	mostHTTPSEach = 4096
)

// A gate is a listener that bounds how many of its connections belong to HTTP. The one that has been there the longest gives way. Who has become a WebSocket
// is no longer counted here, but among those who log in.
type gate struct {
	net.Listener
	most, mostEach int

	mu   sync.Mutex // leaf
	all  list.List  // of *gated, the oldest first
	each map[netip.Prefix]*list.List
}

// gated is a connection that has come through a gate.
type gated struct {
	net.Conn
	from     netip.Prefix
	all, own *list.Element // guarded by the gate; nil once it is not counted
}

func newGate(ln net.Listener, most, mostEach int) *gate {
	return &gate{Listener: ln, most: most, mostEach: mostEach, each: map[netip.Prefix]*list.List{}}
}

// Accept is net.Listener's.
func (g *gate) Accept() (net.Conn, error) {
	nc, err := g.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &gated{Conn: nc, from: prefixOf(nc.RemoteAddr())}
	if t, ok := nc.(*net.TCPConn); ok {
		_ = t.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: 5 * time.Minute, Interval: 30 * time.Second, Count: 4})
	}
	if out := g.enter(c); out != nil {
		_ = out.Close()
	}
	return c, nil
}

// enter counts a connection, and gives the one that has to go for it.
func (g *gate) enter(c *gated) (out *gated) {
	g.mu.Lock()
	defer g.mu.Unlock()
	own := g.each[c.from]
	if own == nil {
		own = list.New()
		g.each[c.from] = own
	}
	c.all, c.own = g.all.PushBack(c), own.PushBack(c)
	switch {
	case g.mostEach > 0 && own.Len() > g.mostEach:
		out = own.Front().Value.(*gated)
	case g.most > 0 && g.all.Len() > g.most:
		out = g.all.Front().Value.(*gated)
	default:
		return nil
	}
	g.leaveLocked(out)
	return out
}

// state is for http.Server: it lets those go that are closed, or no longer HTTP.
func (g *gate) state(nc net.Conn, s http.ConnState) {
	if s != http.StateClosed && s != http.StateHijacked {
		return
	}
	if t, ok := nc.(interface{ NetConn() net.Conn }); ok {
		nc = t.NetConn()
	}
	if c, ok := nc.(*gated); ok {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.leaveLocked(c)
	}
}

func (g *gate) leaveLocked(c *gated) {
	if c.all == nil {
		return
	}
	own := g.each[c.from]
	own.Remove(c.own)
	if own.Len() == 0 {
		delete(g.each, c.from)
	}
	g.all.Remove(c.all)
	c.all, c.own = nil, nil
}

// prefixOf is what counts as one address: whoever has an IPv6 address has the whole /64.
func prefixOf(addr net.Addr) netip.Prefix {
	a, ok := addr.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	ip := a.AddrPort().Addr().Unmap().WithZone("")
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
