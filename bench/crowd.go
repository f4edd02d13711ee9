package bench

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"palabre/xmpp"
)

// A crowd is connections that never log in. Each has a goroutine that waits until the server closes it.
type crowd struct {
	run *Run
	wg  sync.WaitGroup

	mu                  sync.Mutex // leaf
	conns               map[*tls.Conn]bool
	most, sent, refused int
	leaving             bool
	first               error         // why the first was refused
	empty               chan struct{} // closed when all have come and been sent away
}

func newCrowd(r *Run) *crowd {
	return &crowd{run: r, conns: make(map[*tls.Conn]bool, r.Connections), empty: make(chan struct{})}
}

// come adds one. That the server refuses it is counted, not an error.
func (c *crowd) come(ctx context.Context) error {
	conn, err := c.run.Dialer.knock(ctx, c.run.Users[0].JID)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if c.refused++; c.first == nil {
			c.first = err
		}
		c.checkLocked()
		return nil
	}
	c.conns[conn] = true
	c.most = max(c.most, len(c.conns))
	c.wg.Go(func() { c.stand(conn) })
	return nil
}

// stand reads until there is nothing more to read.
func (c *crowd) stand(conn *tls.Conn) {
	var err error
	for buf := make([]byte, 256); err == nil; {
		_, err = conn.Read(buf)
	}
	conn.NetConn().Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.conns, conn)
	if !c.leaving {
		c.sent++
		c.checkLocked()
	}
}

func (c *crowd) checkLocked() {
	if c.sent+c.refused == c.run.Connections {
		close(c.empty)
	}
}

// await waits until the server has closed them all, or so long.
func (c *crowd) await(ctx context.Context, most time.Duration) error {
	t := time.NewTimer(most)
	defer t.Stop()
	select {
	case <-c.empty:
	case <-t.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.most == 0 {
		return fmt.Errorf("bench: the server lets nobody in: %w", c.first)
	}
	return nil
}

// leave closes those that are left, and waits for all.
func (c *crowd) leave() error {
	c.mu.Lock()
	c.leaving = true
	var errs []error
	for conn := range c.conns {
		if err := conn.NetConn().Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	c.mu.Unlock()
	c.wg.Wait()
	return summary(errs)
}

func (c *crowd) figures() (most, sent, refused int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.most, c.sent, c.refused
}

// knock opens a connection, TLS and a stream to a user's domain, and goes no further.
func (d *Dialer) knock(ctx context.Context, user xmpp.JID) (*tls.Conn, error) {
	raw, err := d.dial(ctx)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	defer stop()
	n, err := d.encrypt(ctx, raw, User{JID: user})
	if err == nil {
		_, err = n.open()
	}
	if n != nil {
		n.in.Release()
	}
	if err != nil {
		raw.Close()
		return nil, err
	}
	return n.conn.(*tls.Conn), nil
}
