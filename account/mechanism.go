package account

import (
	"fmt"
	"slices"
	"strings"

	"palabre/server"
)

// A mechanism is a SASL mechanism that we speak.
type mechanism struct {
	name   string
	family *family // nil: PLAIN
	plus   bool    // with channel binding (RFC 5802 §6)
}

// The mechanisms, the strongest first.
var mechanisms = [...]mechanism{
	{"SCRAM-SHA-512-PLUS", sha512Family, true},
	{"SCRAM-SHA-512", sha512Family, false},
	{"SCRAM-SHA-256-PLUS", sha256Family, true},
	{"SCRAM-SHA-256", sha256Family, false},
	{"SCRAM-SHA-1-PLUS", sha1Family, true},
	{"SCRAM-SHA-1", sha1Family, false},
	{"PLAIN", nil, false},
}

// MechanismNames lists every mechanism that a domain can allow, the strongest first.
func MechanismNames() []string {
	out := make([]string, len(mechanisms))
	for i, m := range mechanisms {
		out[i] = m.name
	}
	return out
}

func mechanismNamed(name string) (mechanism, bool) {
	for _, m := range mechanisms {
		if m.name == name {
			return m, true
		}
	}
	return mechanism{}, false
}

// An offer is what a domain offers, made once: a list for each kind of peer.
type offer struct {
	allowed []string
	lists   [2][2][]string // by Peer.Secure, then by whether there are channel bindings
}

func newOffer(domain string, allowed []string) (*offer, error) {
	if allowed == nil {
		allowed = MechanismNames()
	}
	for _, name := range allowed {
		if _, ok := mechanismNamed(name); !ok {
			return nil, fmt.Errorf("%s: there is no mechanism %q; choose among %s", domain, name, strings.Join(MechanismNames(), ", "))
		}
	}
	o := &offer{allowed: allowed}
	for _, m := range mechanisms {
		if !slices.Contains(allowed, m.name) {
			continue
		}
		for secure := range o.lists {
			for bound := range o.lists[secure] {
				if m.family == nil && secure == 0 || m.plus && bound == 0 {
					continue
				}
				o.lists[secure][bound] = append(o.lists[secure][bound], m.name)
			}
		}
	}
	return o, nil
}

func (o *offer) to(peer *server.Peer) []string {
	secure, bound := 0, 0
	if peer.Secure {
		secure = 1
	}
	if len(peer.Bindings) > 0 {
		bound = 1
	}
	return o.lists[secure][bound]
}

// plusOffered tells whether the peer was offered a mechanism with channel binding.
func plusOffered(peer *server.Peer) bool {
	return slices.ContainsFunc(peer.Offered, func(name string) bool { return strings.HasSuffix(name, "-PLUS") })
}
