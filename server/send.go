package server

import (
	"context"

	"palabre/xmpp"
)

// Route sends a stanza that a module makes in the name of st.From, which need not be online: it is decided by the recipient, committed and told
// before Route returns. An error has been answered to st.From where that makes sense.
func (h *Host) Route(ctx context.Context, st *xmpp.Stanza) {
	f := &flow{host: h}
	h.receive(ctx, f, &Passage{Stanza: st})
	f.settle()
}

// Append commits writes that no stanza carries, and waits. If it is the context that ends, they may become durable nevertheless.
func (h *Host) Append(ctx context.Context, writes ...Write) error {
	done := make(chan error, 1)
	h.opts.Store.Commit(writes, func(err error) {
		if err == nil {
			noteAll(writes)
		}
		done <- err
	})
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// RouteTogether is Route for several stanzas: what their recipients decide to write and these writes are one append. committed, which may be
// nil, is called between the commit and the telling. An error means that nothing was written and nobody is told; it is not an *xmpp.Error.
func (h *Host) RouteTogether(ctx context.Context, writes []Write, committed func(), sts ...*xmpp.Stanza) error {
	f := &flow{host: h}
	all, ps, err := h.decideTogether(ctx, f, writes, sts)
	ctx = context.WithoutCancel(ctx) // who gave up a commit that is under way would not know what to take back
	if err == nil && len(all) > 0 {
		err = h.Append(ctx, all...)
	}
	if err != nil {
		for _, p := range ps {
			h.end(ctx, p)
		}
		return err
	}
	if committed != nil {
		committed()
	}
	for _, p := range ps {
		p.writes = nil
		f.run(ctx, p)
	}
	f.settle()
	return nil
}

func (h *Host) decideTogether(ctx context.Context, f *flow, all []Write, sts []*xmpp.Stanza) ([]Write, []*Passage, error) {
	all = append([]Write(nil), all...)
	ps := make([]*Passage, 0, len(sts))
	for _, st := range sts {
		p := &Passage{Stanza: st, flow: f}
		ps = append(ps, p)
		h.decideOn(ctx, p)
		if p.err != nil && !isRefusal(p.err) {
			return nil, ps, p.err
		}
		all = append(all, p.writes...)
	}
	return all, ps, nil
}
