package mail

import (
	"context"
	"errors"
)

// groups are the recipients who wait, those together who can have the same transaction.
func groups(m *Mail) (out [][]*Delivery) {
	var plain, international []*Delivery
	for i := range m.To {
		switch d := &m.To[i]; {
		case d.State != Pending:
		case d.Address.International():
			international = append(international, d)
		default:
			plain = append(plain, d)
		}
	}
	for _, g := range [][]*Delivery{plain, international} {
		if len(g) > 0 {
			out = append(out, g)
		}
	}
	return out
}

// attempt tries to send a mail. The connection that it gives, which may be nil, is for the next one. The error is a *RelayError.
func (o *Outbox) attempt(ctx context.Context, c *conn, m *Mail) (*conn, error) {
	m.Problem = ""
	left := groups(m)
	for i, to := range left {
		var err error
		if c, err = o.transact(ctx, c, m, to); err != nil {
			m.Due = o.opts.Now()
			o.tellOf(ctx, m) // of those whom the transaction before was about
			return c, err
		}
		ends := ctx.Err() != nil // of the server: who was not reached is tried after its next start
		if ends || i < len(left)-1 {
			m.Due = o.opts.Now()
			o.keep(ctx, m)
		}
		if ends {
			return c, nil
		}
	}
	o.settle(ctx, m)
	return c, nil
}

// transact sends a mail to some of its recipients, and leaves in them what came of it.
func (o *Outbox) transact(ctx context.Context, c *conn, m *Mail, to []*Delivery) (*conn, error) {
	fresh := c == nil
	if fresh {
		var err error
		if c, err = o.connect(ctx); err != nil {
			return nil, err
		}
	}
	err := c.converse(ctx, o, m, to)
	var relay *RelayError
	if errors.As(err, &relay) {
		c.close()
		return nil, relay
	}
	o.back()
	if err == nil {
		return c, nil
	}
	c.close()
	if !fresh && !c.begun && ctx.Err() == nil {
		// The relay has had enough of a connection that was used before: that is no fault of this mail.
		for _, d := range to {
			d.Answer = ""
		}
		return o.transact(ctx, nil, m, to)
	}
	return nil, nil
}
