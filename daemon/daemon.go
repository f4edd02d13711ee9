package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"palabre/account"
	"palabre/directory"
	"palabre/mail"
	"palabre/muc"
	"palabre/pubsub"
	"palabre/resumption"
	"palabre/server"
	"palabre/server/c2s"
	"palabre/server/websocket"
	"palabre/store"
)

// A Daemon is one running server.
type Daemon struct {
	Config    Config
	Log       *slog.Logger
	Store     *store.Store
	Accounts  *account.Registry
	Rooms     *muc.Service
	Outbox    *mail.Outbox
	Directory *directory.Book
	Host      *server.Host
	C2S       *c2s.Server
	WebSocket *websocket.Server
	Started   time.Time

	resumption  *resumption.Module
	nodes       *pubsub.Module
	shares      *shares
	version     string
	certificate *c2s.Certificates
	bound       []Bound
	services    []service
	serving     sync.WaitGroup
	quit        context.CancelFunc
	quitMail    context.CancelFunc
	failed      chan error
}

// Bound is an address that the daemon listens on.
type Bound struct {
	Service string // as the key of the configuration is called: c2s, c2s_tls, https, metrics
	Addr    net.Addr
}

// A service is a listener and what is done with it.
type service struct {
	ln    net.Listener
	serve func(net.Listener) error
}

// Open opens the database, makes the server and takes the ports; nobody is served yet. Its errors are plain sentences for people.
// fatal is told what makes it wrong to go on; it must end the process.
func Open(ctx context.Context, cfg Config, log *slog.Logger, version string, fatal func(error)) (*Daemon, error) {
	d := &Daemon{Config: cfg, Log: log, version: version, Started: time.Now(), failed: make(chan error, 1)}
	var err error
	d.Store, err = store.Open(ctx, store.Options{DataDir: cfg.DataDir, URL: cfg.Database.URL, Logger: log, Fatal: fatal})
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(cfg.DataDir); err == nil && info.Mode().Perm()&0o022 != 0 { // anybody could put a socket of their own into the place of ours
		log.Warn("others can write to the data directory: run 'chmod 700 " + cfg.DataDir + "'")
	}
	if err := d.assemble(ctx); err != nil {
		return nil, errors.Join(err, d.Store.Close())
	}
	if err := d.listen(ctx); err != nil {
		d.closeListeners()
		return nil, errors.Join(err, d.Store.Close())
	}
	if err := d.resumption.Restore(ctx); err != nil {
		d.closeListeners()
		return nil, errors.Join(err, d.Store.Close())
	}
	d.reconsider(ctx, cfg.Domains...)
	return d, nil
}

// assemble joins the parts.
func (d *Daemon) assemble(ctx context.Context) error {
	if err := d.kernel(ctx); err != nil {
		return err
	}
	var err error
	if d.certificate, err = d.openCertificates(); err != nil {
		return err
	}
	secret, err := d.Store.Secret(ctx, "bind2-resources")
	if err != nil {
		return err
	}
	tuning := d.Config.Tuning
	d.C2S = c2s.New(c2s.Options{
		Host: d.Host, Auth: d.Accounts, Certificates: d.certificate, Log: d.Log, Secret: secret,
		LimitsOff: d.Config.Limits.Off, MaxWaitingEach: tuning.MaxWaitingEach,
		LoginTime: tuning.Login, WriteTime: tuning.Write, LingerTime: tuning.Linger,
	})
	d.WebSocket = websocket.New(websocket.Options{
		Take: d.C2S.Take, Domains: d.Config.Domains, Origins: d.Config.Web.Origins, Log: d.Log, Idle: tuning.Ping, PongTime: tuning.Ping,
	})
	return nil
}

// kernel makes all that deals with accounts, but nothing through which anybody can come.
func (d *Daemon) kernel(ctx context.Context) (err error) {
	if d.Accounts, err = newRegistry(ctx, d.Config, d.Store); err != nil {
		return err
	}
	d.Directory = directory.New(directory.Options{Store: d.Store, Changed: d.relisted})
	if d.Outbox, err = d.outbox(); err != nil {
		return err
	}
	modules, err := d.modules(ctx)
	if err != nil {
		return err
	}
	var committer server.Committer = d.Store
	if before := d.Config.Tuning.Committer; before != nil {
		committer = before(d.Store)
	}
	d.Host, err = server.New(server.Options{
		Domains: d.Config.Domains, Users: d.Store, Store: committer, Log: d.Log,
	}, modules...)
	if err != nil {
		return err
	}
	return d.shares.all(ctx)
}

func newRegistry(ctx context.Context, cfg Config, st *store.Store) (*account.Registry, error) {
	domains := map[string]account.Domain{}
	for _, name := range cfg.Domains {
		m := cfg.Auth.Mechanisms
		if d, ok := cfg.Domain[name]; ok && len(d.Mechanisms) > 0 {
			m = d.Mechanisms
		}
		domains[name] = account.Domain{Mechanisms: withPlus(m)}
	}
	return account.New(ctx, st, account.Options{
		Domains: domains,
		Iterations: account.Iterations{
			SHA1: cfg.Auth.Iterations, SHA256: cfg.Auth.Iterations, SHA512: cfg.Auth.IterationsSHA512,
		},
		Off:     cfg.Limits.Off,
		Granted: grants(cfg, st),
		Now:     cfg.Tuning.Now,
	})
}

// withPlus adds the form with channel binding to each mechanism that has one.
func withPlus(list []string) []string {
	var out []string
	for _, m := range list {
		if m != "PLAIN" {
			out = append(out, m+"-PLUS")
		}
		out = append(out, m)
	}
	return out
}

// listen takes every port of the configuration.
func (d *Daemon) listen(ctx context.Context) error {
	l := d.Config.Listen
	if err := d.listenControl(); err != nil {
		return err
	}
	for _, s := range []struct {
		name  string
		addrs []string
		serve func(net.Listener) error
	}{
		{"c2s", l.C2S, func(ln net.Listener) error { return d.C2S.Serve(ln, c2s.StartTLS) }},
		{"c2s_tls", l.C2STLS, func(ln net.Listener) error { return d.C2S.Serve(ln, c2s.DirectTLS) }},
		{"https", l.HTTPS, d.serveHTTPS},
		{"metrics", l.Metrics, d.serveMetrics},
	} {
		for _, addr := range s.addrs {
			var lc net.ListenConfig
			ln, err := lc.Listen(ctx, "tcp", addr)
			if err != nil {
				if noIPv6(addr, err) {
					continue
				}
				return fmt.Errorf("listen.%s: %s", s.name, whyNot(addr, err))
			}
			d.bound = append(d.bound, Bound{s.name, ln.Addr()})
			d.services = append(d.services, service{ln, s.serve})
		}
	}
	return nil
}

func (d *Daemon) closeListeners() {
	for _, s := range d.services {
		_ = s.ln.Close()
	}
}

// Bound lists the addresses that the daemon listens on, as the system gave them.
func (d *Daemon) Bound() []Bound { return d.bound }

// Addr is the first address of a service, or nil.
func (d *Daemon) Addr(service string) net.Addr {
	for _, b := range d.bound {
		if b.Service == service {
			return b.Addr
		}
	}
	return nil
}

// Start serves. It returns at once.
func (d *Daemon) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	d.quit = cancel
	d.serving.Go(func() { d.tidy(ctx) })
	d.serving.Go(func() { d.tidyStreams(ctx) })
	d.serving.Go(func() { d.expire(ctx) })
	d.serving.Go(func() { d.Rooms.Run(ctx) })
	mailing, end := context.WithCancel(ctx)
	d.quitMail = end
	d.serving.Go(func() { d.Outbox.Run(mailing) })
	for _, s := range d.services {
		d.serving.Go(func() {
			if err := s.serve(s.ln); err != nil && !errors.Is(err, net.ErrClosed) {
				select {
				case d.failed <- fmt.Errorf("serving %s: %w", s.ln.Addr(), err):
				default:
				}
			}
		})
	}
}

// Failed tells why a listener ended by itself; the daemon is to be stopped then.
func (d *Daemon) Failed() <-chan error { return d.failed }

// Reload reads the certificate's files anew. Sessions stay. If a file is bad, the certificate stays what it was.
func (d *Daemon) Reload() error { return d.certificate.Reload() }

// saveTime is how long putting away the sessions may take, however long their ends have taken.
const saveTime = 20 * time.Second

// Stop ends everything: no more clients are taken, those that are there are told system-shutdown, what they sent is dealt with, the sessions that their clients
// will resume are stored, the database is closed.
func (d *Daemon) Stop(ctx context.Context) error {
	d.closeListeners()
	if d.quitMail != nil {
		d.quitMail() // a mail that is under way may end while clients are told
	}
	d.C2S.Close() // nobody binds a resource any more
	err := errors.Join(d.Host.Shutdown(ctx), d.C2S.Shutdown(ctx))
	d.WebSocket.Close()
	if d.quit != nil {
		d.quit()
	}
	d.serving.Wait()
	saving, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	return errors.Join(err, d.resumption.Save(saving), d.Store.Close())
}
