package pubsub

import "time"

// A Config says how a node behaves. The zero Config is not the default one. It is stored as JSON: names of fields stay.
type Config struct {
	Title       string   `json:",omitempty"`
	Description string   `json:",omitempty"`
	Type        string   `json:",omitempty"` // the namespace of payloads, if any
	Language    string   `json:",omitempty"`
	Access      Access   // who may subscribe and read
	Groups      []string `json:",omitempty"` // of the roster, for AccessRoster
	SendLast    SendLast
	Full        Full `json:",omitempty"` // what becomes of the oldest item when there is one too many

	MaxItems   int    // 0: as many as the server keeps
	MaxPayload int    // bytes
	Expire     int    `json:",omitempty"` // seconds after which an item goes; 0: never
	MessageOf  string // the type of notifications: headline, normal

	Persist, Deliver, Payloads                         bool
	NotifyConfig, NotifyDelete, NotifyRetract, OnlyNow bool // OnlyNow: presence_based_delivery
	Subscribe                                          bool
}

// Access is an access model (XEP-0060 §4.5).
type Access string

// The access models. "authorize" is not among them: who is to be let in is put on the whitelist.
const (
	Open            Access = "open"
	AccessPresence  Access = "presence"
	AccessRoster    Access = "roster"
	AccessWhitelist Access = "whitelist"
)

// SendLast says when the item that was published last is sent to somebody (XEP-0060 §8.2.2).
type SendLast string

// The moments.
const (
	Never         SendLast = "never"
	OnSub         SendLast = "on_sub"
	OnSubPresence SendLast = "on_sub_and_presence"
)

// Full says what becomes of a node's oldest item (XEP-0060 §7.1.2.5).
type Full string

// What may become of it.
const (
	DiscardOldest Full = "discard-oldest"
	RetractOldest Full = "retract-oldest"
	Reject        Full = "reject"
)

// Default is how a node is that nobody has configured (XEP-0163 §5). One item, for that is how clients understand it that publish a status and an avatar.
// XEP-0060 §7.1.2.5 would have the item before it retracted, which those clients take for the end of the status.
func Default() Config {
	return Config{
		Access: AccessPresence, SendLast: OnSubPresence, Full: DiscardOldest, MaxItems: 1, MaxPayload: mostPayload, MessageOf: "headline",
		Persist: true, Deliver: true, Payloads: true, NotifyDelete: true, NotifyRetract: true, Subscribe: true,
	}
}

// private is a node that only its owner's devices see (XEP-0402 §3.3).
func private(sendLast SendLast, maxItems int) Config {
	c := Default()
	c.Access, c.SendLast, c.MaxItems = AccessWhitelist, sendLast, maxItems
	return c
}

// most is how many items a node keeps. One that does not persist keeps the last one, to show it to those who come (XEP-0060 §6.5.5).
func (c Config) most() int {
	switch {
	case !c.Persist && c.SendLast == Never:
		return 0
	case !c.Persist:
		return 1
	case c.MaxItems == 0:
		return mostItems
	}
	return c.MaxItems
}

// shows tells whether who comes is sent the last item.
func (c Config) shows() bool { return c.SendLast == OnSubPresence && c.Deliver }

// payload is how many bytes an item may have.
func (c Config) payload() int {
	if c.MaxPayload == 0 {
		return mostPayload
	}
	return c.MaxPayload
}

// floor is the Seq up to which items have gone by their age at this time; 0: none.
func (c Config) floor(now time.Time) int64 {
	if c.Expire == 0 {
		return 0
	}
	return now.Add(-time.Duration(c.Expire) * time.Second).UnixMicro()
}
