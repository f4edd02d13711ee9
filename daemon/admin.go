package daemon

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"time"

	"palabre/account"
	"palabre/admin"
	"palabre/directory"
	"palabre/store"
	"palabre/xmpp"
)

// api is what administrators may do with this daemon.
func (d *Daemon) api() *admin.API {
	return &admin.API{
		Accounts: d.Accounts, Domains: d.Config.Domains, Directory: d.Directory, Rooms: d.Rooms, RoomsOf: d.roomsOf, Outbox: d.Outbox, Host: d.Host, Reload: d.Reload, Status: d.status,
	}
}

func (d *Daemon) roomsOf(domain string) string { return d.Config.RoomsOf(domain).Service }

func (d *Daemon) status(ctx context.Context) admin.ServerStatus {
	s := admin.ServerStatus{
		Version: d.version, Domains: d.Config.Domains, Since: d.Started, Sessions: d.Host.Stats.Sessions(), Files: openFiles(),
		Database: admin.DatabaseStatus{Engine: d.Config.Engine()},
	}
	if db, err := d.Store.Durability(ctx); err != nil {
		s.Database.Error = err.Error()
	} else {
		s.Database = admin.DatabaseStatus{Engine: db.Engine, Version: db.Version, Durability: string(db.Level), Warnings: db.Warnings}
	}
	for _, b := range d.bound {
		s.Listen = append(s.Listen, admin.Endpoint{Service: b.Service, Address: b.Addr.String()})
	}
	return s
}

// Engine names the database.
func (c *Config) Engine() string {
	if c.Database.URL != "" {
		return "PostgreSQL"
	}
	return "SQLite"
}

// listenControl opens the socket for the command line.
func (d *Daemon) listenControl() error {
	ln, err := admin.Listen(d.Config.DataDir)
	if err != nil {
		return err
	}
	api := d.api()
	d.services = append(d.services, service{ln, func(ln net.Listener) error { return api.Serve(ln) }})
	return nil
}

// Offline gives the administrator's functions on the database of a server that does not run. The modules are there, so that what
// they do for an account that goes is done, but no client can come. done must be called at the end.
func Offline(ctx context.Context, cfg Config, log *slog.Logger, fatal func(error)) (api *admin.API, done func() error, err error) {
	d := &Daemon{Config: cfg, Log: log, Started: time.Now()}
	d.Store, err = store.Open(ctx, store.Options{DataDir: cfg.DataDir, URL: cfg.Database.URL, Logger: log, Fatal: fatal})
	if err != nil {
		return nil, nil, err
	}
	if err := d.kernel(ctx); err != nil {
		return nil, nil, errors.Join(err, d.Store.Close())
	}
	done = func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), offlineEnd)
		defer cancel()
		return errors.Join(d.Host.Shutdown(ctx), d.Store.Close())
	}
	return &admin.API{Accounts: d.Accounts, Domains: cfg.Domains, Directory: d.Directory, Rooms: d.Rooms, RoomsOf: d.roomsOf, Outbox: d.Outbox}, done, nil
}

// offlineEnd is how long to wait for what modules still do.
const offlineEnd = 10 * time.Second

// First is the account that the first start makes.
type First struct {
	JID      xmpp.JID
	Password string // empty: it was there already
}

// FirstAccount makes admin@ the default domain with a random password, if the domain has no account at all. Otherwise it gives that account or,
// if somebody has deleted it, another one.
func (d *Daemon) FirstAccount(ctx context.Context) (First, error) {
	domain := d.Config.Domains[0]
	jid, err := xmpp.NewJID("admin", domain, "")
	if err != nil {
		return First{}, err
	}
	list, err := d.Accounts.List(ctx, domain, "", 1)
	if err != nil {
		return First{}, err
	}
	if len(list) > 0 {
		if there, err := d.Accounts.Exists(ctx, jid); there || err != nil {
			return First{JID: jid}, err
		}
		return First{JID: list[0].JID}, nil
	}
	password := rand.Text()
	if err := d.Accounts.Add(ctx, jid, password); err != nil && !errors.Is(err, account.ErrExists) {
		return First{}, err
	}
	if err := d.grantFirst(ctx, jid); err != nil {
		return First{}, err
	}
	return First{JID: jid, Password: password}, nil
}

// grantFirst lets the first account in where chat is granted: otherwise there would be nobody who could look whether all is well.
func (d *Daemon) grantFirst(ctx context.Context, jid xmpp.JID) error {
	if ok, err := d.Accounts.Granted(ctx, jid); ok || err != nil {
		return err
	}
	fields := directory.Fields{"name": "Administrator", "account": jid.Local(), "chat": "yes"}
	_, err := d.Directory.Import(ctx, jid.Domain(), []directory.Record{{ID: jid.Local(), Fields: fields}}, false)
	return err
}
