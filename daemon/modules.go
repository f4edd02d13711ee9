package daemon

import (
	"palabre/presence"
	"palabre/roster"
	"palabre/server"
	"palabre/server/c2s"
	"palabre/xep"
)

// modules is the one ordered list of modules. Inside a stage, hooks run in this order: those that refuse come before those that
// remember, and what is shown to clients comes last.
func (d *Daemon) modules() []server.Module {
	contacts := roster.New(d.Store, roster.Limits{})
	return []server.Module{
		d.Accounts,
		&xep.Blocking{Store: d.Store},
		contacts,
		presence.New(contacts, d.Store),
		&xep.Carbons{},
		&xep.ClientState{},
		xep.Ping{},
		xep.Version{Version: d.version},
		xep.Time{},
		&xep.Last{Store: d.Store},
		&xep.VCard{Store: d.Store},
		&xep.Private{Store: d.Store},
		d.contacts(),
		&xep.Caps{},
	}
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
