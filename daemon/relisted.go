package daemon

import (
	"context"
	"errors"
	"slices"

	"palabre/directory"
	"palabre/store"
	"palabre/xmpp"
)

// relisted has those who are on-line see what has changed in the directory, and ends the sessions of those to whom chat is not granted any more. Nobody else needs
// to be told: what is there is asked anew each time.
func (d *Daemon) relisted(ctx context.Context, domain string, changed []directory.Outcome) {
	ctx = context.WithoutCancel(ctx) // it is durable, whoever has asked for it
	d.shares.follow(ctx, domain, changed)
	all := false
	for _, o := range changed {
		for _, account := range d.accountsOf(ctx, domain, o) {
			if err := d.nodes.Relisted(ctx, account); err != nil {
				d.Log.Error("a new picture was not shown", "jid", account.String(), "module", "directory", "err", err)
			}
			d.reconsiderOne(ctx, account)
		}
		all = all || o.Kind == directory.Group && (o.Did == directory.Changed || o.Did == directory.Deleted)
	}
	if all { // whoever is, or was, in the group
		d.reconsider(ctx, domain)
	}
}

// accountsOf are those of a person, before and after.
func (d *Daemon) accountsOf(ctx context.Context, domain string, o directory.Outcome) []xmpp.JID {
	if o.Kind != directory.Person {
		return nil
	}
	if o.Before.IsZero() && o.After.IsZero() && o.Did != directory.Deleted { // it came into a group, or went
		e, err := d.Store.Find(ctx, domain, o.ID)
		if err != nil && !errors.Is(err, directory.ErrUnknown) {
			d.Log.Error("it is not known who has changed", "id", o.ID, "module", "directory", "err", err)
		}
		o.After = e.Account
	}
	return slices.DeleteFunc(slices.Compact([]xmpp.JID{o.Before, o.After}), xmpp.JID.IsZero)
}

// grants tells the registry who may use chat; nil where everybody may.
func grants(cfg Config, st *store.Store) func(ctx context.Context, account xmpp.JID) (bool, error) {
	everybody := func(domain string) bool { return cfg.DirectoryOf(domain).Chat != chatGranted }
	if !slices.ContainsFunc(cfg.Domains, func(domain string) bool { return !everybody(domain) }) {
		return nil
	}
	return func(ctx context.Context, account xmpp.JID) (bool, error) {
		if everybody(account.Domain()) {
			return true, nil
		}
		return directory.Granted(ctx, st, account)
	}
}

// reconsider looks at everybody who is on-line at these domains.
func (d *Daemon) reconsider(ctx context.Context, domains ...string) {
	seen := map[xmpp.JID]bool{}
	for _, s := range d.Host.Sessions() {
		account := s.JID.Bare()
		domain := account.Domain()
		if !slices.Contains(domains, domain) || d.Config.DirectoryOf(domain).Chat != chatGranted || seen[account] {
			continue
		}
		seen[account] = true
		d.reconsiderOne(ctx, account)
	}
}

func (d *Daemon) reconsiderOne(ctx context.Context, account xmpp.JID) {
	if err := d.Accounts.Reconsider(ctx, account); err != nil {
		d.Log.Error("it is not known whether chat is still granted", "jid", account.String(), "module", "directory", "err", err)
	}
}
