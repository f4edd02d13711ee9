package history

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"palabre/server"
	"palabre/xmpp"
)

// mostNamed bounds the addresses in both lists together.
const mostNamed = 1000

// servePreferences answers requests for one's own preferences (XEP-0441 §2.1).
func (m *Module) servePreferences(ctx context.Context, r *server.Request) (xmpp.Element, error) {
	if !r.IsSet() {
		p, err := m.preferencesOf(ctx, r.Account)
		if err != nil {
			return xmpp.Element{}, err
		}
		return p.element(), nil
	}
	p, err := parsePreferences(r.Payload)
	if err != nil {
		return xmpp.Element{}, err
	}
	text := p.element().String()
	if p.other == usual.other && len(p.always)+len(p.never) == 0 {
		text = ""
	}
	if err := m.store.SetData(ctx, r.Account.JID, dataKind, map[string]string{dataKey: text}); err != nil {
		return xmpp.Element{}, fmt.Errorf("history: preferences: %w", err)
	}
	m.prefs.forget(r.Account.JID, m.known.Get(r.Account))
	return p.element(), nil
}

// parsePreferences reads a <prefs/>. The error is an *xmpp.Error.
func parsePreferences(e xmpp.Element) (*preferences, error) {
	p := &preferences{other: policy(e.Attr("default"))}
	switch p.other {
	case always, never, roster:
	default:
		return nil, xmpp.ErrBadRequest.With("The default is 'always', 'never' or 'roster'.") // XEP-0441 §2.1.1
	}
	for _, c := range e.Elements() {
		list := &p.always
		switch c.Name {
		case xmpp.Name{Space: ns, Local: "always"}:
		case xmpp.Name{Space: ns, Local: "never"}:
			list = &p.never
		default:
			continue
		}
		if *list != nil {
			return nil, xmpp.ErrBadRequest.With("There is more than one list of those whom to archive " + c.Name.Local + ".")
		}
		var err error
		if *list, err = parseAddresses(c); err != nil {
			return nil, err
		}
	}
	if len(p.always)+len(p.never) > mostNamed {
		return nil, xmpp.ErrPolicyViolation.With(fmt.Sprintf("The lists hold at most %d addresses together.", mostNamed))
	}
	return p, nil
}

func parseAddresses(list xmpp.Element) (map[xmpp.JID]bool, error) {
	out := map[xmpp.JID]bool{}
	for _, c := range list.Elements() {
		if !c.Is(ns, "jid") {
			return nil, xmpp.ErrBadRequest.With("A list of addresses holds <jid/> elements.")
		}
		j, err := xmpp.ParseJID(c.Content())
		if err != nil {
			return nil, xmpp.ErrJIDMalformed.With("An address in a list is none.")
		}
		out[j] = true
	}
	return out, nil
}

func (p *preferences) element() xmpp.Element {
	e := xmpp.New(ns, "prefs").With("default", string(p.other))
	for _, list := range []struct {
		name string
		of   map[xmpp.JID]bool
	}{{"always", p.always}, {"never", p.never}} {
		var items []xmpp.Element
		for _, j := range slices.SortedFunc(maps.Keys(list.of), byAddress) {
			items = append(items, xmpp.New(ns, "jid", xmpp.Text(j.String())))
		}
		e = e.Add(xmpp.New(ns, list.name, items...))
	}
	return e
}

func byAddress(a, b xmpp.JID) int { return strings.Compare(a.String(), b.String()) }
