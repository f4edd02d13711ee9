package server

import (
	"context"

	"palabre/xmpp"
)

// A Link is a stream that is not a client's: of a component, or of another server. Many addresses speak on it; the transport has checked that each
// stanza's from is one of them. What is sent to them goes to the handler of their domain.
type Link struct{ flow flow }

// NewLink makes one.
func (h *Host) NewLink() *Link { return &Link{flow{host: h}} }

// Receive takes a stanza, as Session.Receive does. It is called by the stream's reader, one stanza after the other. The stanza is the kernel's from now on.
func (l *Link) Receive(ctx context.Context, st *xmpp.Stanza) {
	h := l.flow.host
	h.Stats.in[st.Kind].Add(1)
	h.receive(ctx, &l.flow, &Passage{Stanza: st})
}

// Closed waits until all that came has been told. It is called when nothing more can come.
func (l *Link) Closed() { l.flow.settle() }
