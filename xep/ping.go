package xep

import (
	"mellium.im/xmpp/ping"

	"palabre/server"
)

// Ping answers pings to the server and to one's own account (XEP-0199 §4.2). Others' accounts do not answer: that they are there is theirs to tell.
type Ping struct{}

// Info is part of server.Module.
func (Ping) Info() server.Info {
	return server.Info{Name: "ping", Specs: []server.Spec{{Name: "XEP-0199", Version: "2.0.1"}}}
}

// Register is part of server.Module.
func (Ping) Register(h *server.Host) {
	answer := mellium(ping.Handle())
	h.HandleIQ(server.ToDomain, ping.NS, "ping", answer)
	h.HandleIQ(server.ToAccount, ping.NS, "ping", server.OwnOnly(answer))
	h.Feature(server.ToDomain, ping.NS)
	h.Feature(server.ToAccount, ping.NS)
}
