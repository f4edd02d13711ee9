package history

import (
	"context"

	"palabre/server"
	"palabre/xmpp"
)

// advertise says what there is, where it is (XEP-0313 §7).
func (m *Module) advertise(h *server.Host) {
	h.FeatureWhere(server.ToAccount, m.has, ns, ns+"#extended", ns+"#groupchat-field", xmpp.NSRSM, nsRetract+"#tombstone")
	for _, t := range []server.Target{server.ToDomain, server.ToAccount} {
		h.Feature(t, nsStanzaID, nsRetract) // XEP-0359 §5, XEP-0424 §2
	}
}

// serve takes the requests.
func (m *Module) serve(h *server.Host) {
	h.HandleIQ(server.ToAccount, ns, "query", m.own(m.serveQuery))
	h.HandleIQ(server.ToAccount, ns, "metadata", m.own(m.serveMetadata))
	h.HandleIQ(server.ToAccount, ns, "prefs", m.own(m.servePreferences))
	h.TellBound(m.bound)
}

// own lets nobody but the account itself ask, where there are archives. To those who may not know that there is such an account, it is as if there were none;
// others hear what XEP-0313 §8.1 says.
func (m *Module) own(fn server.IQHandler) server.IQHandler {
	return func(ctx context.Context, r *server.Request) (xmpp.Element, error) {
		switch {
		case !m.has(r.Account.JID.Domain()):
			return xmpp.Element{}, xmpp.ErrServiceUnavailable
		case r.Own:
			return fn(ctx, r)
		}
		sees, err := m.host.Sees(ctx, r.From, r.Account.JID)
		if err == nil {
			err = xmpp.ErrServiceUnavailable
			if sees {
				err = xmpp.ErrForbidden
			}
		}
		return xmpp.Element{}, err
	}
}

// formElement says which filters there are, those that every archive has and more. What ids there are is not said (XEP-0313 §4.1.5).
func formElement(more ...xmpp.Element) xmpp.Element {
	const validate = "http://jabber.org/protocol/xdata-validate" // XEP-0122
	open := xmpp.New(validate, "validate", xmpp.New(validate, "open")).With("datatype", "xs:string")
	return xmpp.New(ns, "query", xmpp.NewForm(xmpp.FormForm, ns).Element().Add(
		filter(xmpp.FieldJIDSingle, "with"),
		filter(xmpp.FieldTextSingle, "start"),
		filter(xmpp.FieldTextSingle, "end"),
		filter(xmpp.FieldTextSingle, "before-id"),
		filter(xmpp.FieldTextSingle, "after-id"),
		filter(xmpp.FieldListMulti, "ids").Add(open),
	).Add(more...))
}

func filter(typ, name string) xmpp.Element {
	return xmpp.New(xmpp.NSData, "field").With("type", typ).With("var", name)
}
