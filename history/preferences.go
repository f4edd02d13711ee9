package history

import (
	"context"
	"fmt"

	"palabre/server"
	"palabre/xmpp"
)

// A policy says what is archived of those whom the lists do not name (XEP-0441 §2.1.1).
type policy string

const (
	always policy = "always"
	never  policy = "never"
	roster policy = "roster" // what concerns those who are in the user's roster
)

// preferences are what a user wants archived. They are not changed.
type preferences struct {
	other         policy
	always, never map[xmpp.JID]bool
}

// usual are those of a user who has not said anything.
var usual = &preferences{other: always}

// archives tells whether what passes between an account and somebody goes into the account's archive.
func (m *Module) archives(ctx context.Context, a *server.Account, who xmpp.JID) (bool, error) {
	if !m.has(a.JID.Domain()) {
		return false, nil
	}
	p, err := m.preferencesOf(ctx, a)
	if err != nil {
		return false, err
	}
	switch p.of(who) {
	case always:
		return true, nil
	case roster:
		return m.opts.Contacts.Lists(ctx, a.JID, who.Bare())
	}
	return false, nil
}

// of is what the preferences say of an address (XEP-0441 §2.3.1). Who is in both lists is not archived.
func (p *preferences) of(who xmpp.JID) policy {
	switch {
	case p.never[who], p.never[who.Bare()]:
		return never
	case p.always[who], p.always[who.Bare()]:
		return always
	}
	return p.other
}

// Where preferences are kept, in the Store's terms.
const (
	dataKind = "history"
	dataKey  = "prefs"
)

// preferencesOf gives an account's preferences, loaded if need be.
func (m *Module) preferencesOf(ctx context.Context, a *server.Account) (*preferences, error) {
	var slot *loaded
	if len(a.Sessions()) > 0 {
		slot = m.known.Get(a)
		if p := slot.Load(); p != nil {
			return p, nil
		}
	}
	p, at := m.prefs.get(a.JID)
	if p == nil {
		var err error
		if p, err = m.loadPreferences(ctx, a.JID); err != nil {
			return nil, fmt.Errorf("history: preferences: %w", err)
		}
	}
	m.prefs.put(a.JID, slot, p, at)
	return p, nil
}

func (m *Module) loadPreferences(ctx context.Context, owner xmpp.JID) (*preferences, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	text, err := m.store.Datum(ctx, owner, dataKind, dataKey)
	if err != nil || text == "" {
		return usual, err
	}
	e, err := xmpp.Parse(text, "")
	if err != nil {
		return nil, err
	}
	return parsePreferences(e)
}

// opened does not trust what was remembered while nobody was there: a message may have had it read between erased and the account's end, and this
// may be another account of the same name.
func (m *Module) opened(_ context.Context, s *server.Session) {
	if len(s.Account.Sessions()) == 1 {
		m.prefs.drop(s.Account.JID)
	}
}

func (m *Module) erased(_ context.Context, account xmpp.JID) error {
	a, release := m.host.Account(account)
	defer release()
	m.prefs.forget(account, m.known.Get(a))
	m.offline.erased.add(account, m.host.Now())
	return nil
}
