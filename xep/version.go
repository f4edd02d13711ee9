package xep

import (
	"mellium.im/xmpp/version"

	"palabre/server"
)

// Version tells name and version of the server's software (XEP-0092), but not of the operating system: that helps nobody but an attacker.
type Version struct{ Version string }

// Info is part of server.Module.
func (Version) Info() server.Info {
	return server.Info{Name: "version", Specs: []server.Spec{{Name: "XEP-0092", Version: "1.1"}}}
}

// Register is part of server.Module.
func (v Version) Register(h *server.Host) {
	h.HandleIQ(server.ToDomain, version.NS, "query", mellium(version.Handle(version.Query{Name: "Palabre", Version: v.Version})))
	h.Feature(server.ToDomain, version.NS)
}
