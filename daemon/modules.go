package daemon

import (
	"context"
	"time"

	"palabre/courier"
	"palabre/history"
	"palabre/muc"
	"palabre/presence"
	"palabre/pubsub"
	"palabre/resumption"
	"palabre/roster"
	"palabre/server"
	"palabre/server/c2s"
	"palabre/xep"
)

// modules is the one ordered list of modules. Inside a stage, hooks run in this order: those that refuse come before those that
// remember, and what is shown to clients comes last.
func (d *Daemon) modules(ctx context.Context) ([]server.Module, error) {
	contacts := roster.New(d.Store, roster.Limits{})
	seen := presence.New(contacts, d.Store)
	d.shares = &shares{config: &d.Config, people: d.Store, contacts: contacts, presence: seen, log: d.Log}
	people := d.lookups()
	published := d.published(contacts, people)
	past, err := d.history(ctx, contacts)
	if err != nil {
		return nil, err
	}
	desk, err := d.desk(past)
	if err != nil {
		return nil, err
	}
	if d.Rooms, err = d.rooms(ctx, past, desk); err != nil {
		return nil, err
	}
	sessions := d.Config.Sessions
	d.resumption = resumption.New(resumption.Options{Store: d.Store, Time: time.Duration(sessions.Resume), Location: sessions.Location})
	return []server.Module{
		d.Accounts,
		&xep.Blocking{Store: d.Store},
		contacts,
		seen,
		pubsub.Displayed{Nodes: published.nodes}, // it cuts something out of messages that nobody is to copy or keep
		&xep.Carbons{},
		past, // after all that refuse a message, or cut something out of it
		d.Rooms,
		d.resumption,
		&xep.ClientState{},
		xep.Ping{},
		xep.Version{Version: d.version},
		xep.Time{},
		&xep.Last{Store: d.Store},
		published.cards,
		published.private,
		d.contacts(),
		published.caps,
		published.nodes, // after the capabilities, which say who is interested
		people,
		desk,
	}, nil
}

// history is the archive. Its key is in the database: the names of messages are what they were when that is restored from a copy.
func (d *Daemon) history(ctx context.Context, contacts history.Contacts) (*history.Module, error) {
	key, err := d.Store.Secret(ctx, "archive-ids")
	if err != nil {
		return nil, err
	}
	off := d.Config.withoutHistory()
	return history.New(history.Options{
		Store: d.Store, Contacts: contacts, Key: key,
		Off: func(domain string) bool { return off[domain] },
	})
}

// rooms are those of every domain, each at a domain of its own. Their key, too, is in the database: who somebody is in a room must not change.
func (d *Daemon) rooms(ctx context.Context, past *history.Module, desk *courier.Desk) (*muc.Service, error) {
	key, err := d.Store.Secret(ctx, "occupant-ids")
	if err != nil {
		return nil, err
	}
	of := d.Config.roomServices()
	return muc.New(muc.Options{
		Store: d.Store, Archive: roomArchive{past}, Courier: roomCourier{desk}, Key: key, Rooms: of,
		New:    func(service string) string { return d.Config.RoomsOf(of[service]).New },
		Return: time.Duration(d.Config.Sessions.Resume), Idle: d.Config.Tuning.RoomIdle,
		Limits: muc.Limits{Off: d.Config.Limits.Off},
	}), nil
}

// contacts are the addresses that the configuration names (XEP-0157).
func (d *Daemon) contacts() xep.Contacts {
	c := xep.Contacts{All: xep.Addresses(d.Config.Contact), Of: map[string]xep.Addresses{}}
	for name, own := range d.Config.Domain {
		if own.Contact != nil {
			c.Of[name] = xep.Addresses(*own.Contact)
		}
	}
	return c
}

// openCertificates gathers the certificates that the configuration names.
func (d *Daemon) openCertificates() (*c2s.Certificates, error) {
	o := c2s.CertificateOptions{Dir: d.Config.DataDir, Domains: d.Config.Domains, Log: d.Log}
	if d.Config.TLS.Cert != "" {
		o.Pairs = append(o.Pairs, c2s.KeyPair{Cert: d.Config.TLS.Cert, Key: d.Config.TLS.Key})
	}
	for name, c := range d.Config.Domain {
		if c.TLS.Cert != "" {
			o.Pairs = append(o.Pairs, c2s.KeyPair{Domain: name, Cert: c.TLS.Cert, Key: c.TLS.Key})
		}
	}
	return c2s.OpenCertificates(o)
}
