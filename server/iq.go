package server

import (
	"context"
	"fmt"

	"palabre/xmpp"
)

// A Target is what kind of address a request is for.
type Target uint8

// The targets of requests.
const (
	ToDomain  Target = iota // a domain of accounts
	ToAccount               // the bare JID of an account that exists; without an address, the sender's own
	ToRoom                  // a room: its service calls ServeIQ
	ToService               // a service that is a domain of its own, such as that of rooms; it calls ServeIQ

	targets int = iota // how many there are
)

// A Request is an IQ of type get or set.
type Request struct {
	*xmpp.Stanza
	Payload xmpp.Element
	Session *Session // the local session that asks; nil for others
	Account *Account // ToAccount: whose
	Own     bool     // the account asks for itself
}

// IsSet tells a set from a get.
func (r *Request) IsSet() bool { return r.Type == xmpp.TypeSet }

// An IQHandler answers a request: with the payload of the result, which may be empty, or with an error, an *xmpp.Error or one that
// is logged and becomes internal-server-error. One that takes long returns Later.
type IQHandler func(ctx context.Context, r *Request) (xmpp.Element, error)

// ErrAnswered, returned by a handler, says that it has answered by itself.
var ErrAnswered = fmt.Errorf("answered")

type iqKey struct {
	target Target
	name   xmpp.Name
}

// HandleIQ says who answers requests with this payload.
func (h *Host) HandleIQ(t Target, space, local string, fn IQHandler) {
	key := iqKey{t, xmpp.Name{Space: space, Local: local}}
	if h.iq[key] != nil {
		panic("server: request handled twice: " + space + " " + local)
	}
	h.iq[key] = fn
}

// Requests lists the payloads that HandleIQ has been told of, in no order.
func (h *Host) Requests(t Target) []xmpp.Name {
	var out []xmpp.Name
	for k := range h.iq {
		if k.target == t {
			out = append(out, k.name)
		}
	}
	return out
}

// OwnOnly makes a handler for what an account may ask of itself alone. To others it is as if nothing were there.
func OwnOnly(fn IQHandler) IQHandler {
	return func(ctx context.Context, r *Request) (xmpp.Element, error) {
		if !r.Own {
			return xmpp.Element{}, xmpp.ErrServiceUnavailable
		}
		return fn(ctx, r)
	}
}

// ServeIQ answers a request by the handler that is registered for its payload.
func (h *Host) ServeIQ(ctx context.Context, t Target, p *Passage) error {
	fn := h.iq[iqKey{t, p.Stanza.Children[0].Name}]
	if fn == nil {
		return xmpp.ErrServiceUnavailable // RFC 6120 §8.3.3.19
	}
	return h.ServeBy(ctx, fn, p)
}

// ServeBy answers a request by a handler that is registered nowhere: for a service that has requests of its own, whatever other services have.
func (h *Host) ServeBy(ctx context.Context, fn IQHandler, p *Passage) error {
	payload, _ := p.Stanza.First()
	r := &Request{Stanza: p.Stanza, Payload: payload, Session: p.Session, Account: p.Recipient}
	r.Own = r.Account != nil && p.Sender() == r.Account.JID
	result, err := fn(ctx, r)
	switch l := err.(type) {
	case nil:
		h.Answer(ctx, p.Stanza.Result(result))
		return nil
	case *later:
		return h.runLater(p, l)
	}
	if err == ErrAnswered {
		return nil
	}
	return err
}
