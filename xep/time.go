package xep

import (
	"time"

	"mellium.im/xmpp/xtime"

	"palabre/server"
)

// Time tells the server's time (XEP-0202), in UTC.
type Time struct{}

// Info is part of server.Module.
func (Time) Info() server.Info {
	return server.Info{Name: "time", Specs: []server.Spec{{Name: "XEP-0202", Version: "2.0"}}}
}

// Register is part of server.Module.
func (Time) Register(h *server.Host) {
	now := func() time.Time { return h.Now().UTC() }
	h.HandleIQ(server.ToDomain, xtime.NS, "time", mellium(xtime.Handle(xtime.Handler{TimeFunc: now})))
	h.Feature(server.ToDomain, xtime.NS)
}
