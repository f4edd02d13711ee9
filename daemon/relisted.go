package daemon

import (
	"context"

	"palabre/directory"
	"palabre/xmpp"
)

// relisted has those who are on-line see what has changed in the directory. Nobody else needs to be told: what is there is asked anew each time.
func (d *Daemon) relisted(ctx context.Context, _ string, changed []directory.Outcome) {
	for _, o := range changed {
		for _, account := range accountsOf(o) {
			if err := d.nodes.Relisted(ctx, account); err != nil {
				d.Log.Error("a new picture was not shown", "jid", account.String(), "module", "directory", "err", err)
			}
		}
	}
}

// accountsOf are those of a person, before and after.
func accountsOf(o directory.Outcome) []xmpp.JID {
	var out []xmpp.JID
	if !o.Before.IsZero() {
		out = append(out, o.Before)
	}
	if !o.After.IsZero() && o.After != o.Before {
		out = append(out, o.After)
	}
	return out
}
