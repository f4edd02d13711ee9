package websocket

import (
	"context"
	"sync"
	"time"
)

// A pinger pings a client that has said nothing for a while, and gives it up if it does not answer (RFC 7395 §3.8). Between two pings it is a timer.
type pinger struct {
	s      *Server
	c      *conn
	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex // leaf
	stopped bool
	timer   *time.Timer
}

// watch begins to look after a connection.
func (s *Server) watch(c *conn) *pinger {
	p := &pinger{s: s, c: c}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer = time.AfterFunc(s.opts.Idle, p.look)
	return p
}

func (p *pinger) stop() {
	p.cancel()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	p.timer.Stop()
}

// look is what the timer calls.
func (p *pinger) look() {
	p.mu.Lock()
	if p.stopped {
		p.mu.Unlock()
		return
	}
	p.s.running.Add(1) // the connection's own is still held
	p.mu.Unlock()
	defer p.s.running.Done()
	next := p.s.opts.Idle
	if at := p.c.heard.Load(); at != 0 { // else it sends, and waits for us
		quiet := p.s.opts.Now().Sub(time.Unix(0, at))
		if quiet >= next {
			p.ping()
		} else {
			next -= max(quiet, 0)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stopped {
		p.timer.Reset(next)
	}
}

// ping gives the connection up unless the client answers, or has said something else, in time.
func (p *pinger) ping() {
	before := p.c.heard.Load()
	ctx, cancel := context.WithTimeout(p.ctx, p.s.opts.PongTime)
	defer cancel()
	if err := p.c.ws.Ping(ctx); err == nil || p.c.heard.Load() != before {
		return
	}
	p.c.cut() // whoever reads learns of it
}
