package muc

import (
	"fmt"
	"slices"
	"time"
)

// A Policy is what a room allows and promises. It is data: presets are values of it, and the code knows none of their names.
type Policy struct {
	Access      Access
	Invite      Who           // who may invite
	History     History       // what a newcomer, or the archive, shows of what was said
	Archive     bool          // what is said is kept in the archive. Off: nothing of it touches a disk or a log
	Private     Who           // who may send private messages to occupants
	Requests    bool          // occupants may send each other IQs
	Edits       bool          // corrections, retractions, and moderated deletions
	Attachments bool          // files and inline images; links in texts are always fine
	Longest     int           // characters of a message's body; 0: no bound but the stanza's
	Moderated   bool          // who has no affiliation needs to be given voice (XEP-0045 §4.2)
	Subject     Who           // who may change the subject
	Anonymous   bool          // semi-anonymous: only moderators see who occupants are (XEP-0045 §4.2)
	Public      bool          // shown in lists
	Persistent  bool          // stays when the last occupant has left
	WithMembers bool          // goes with its last member
	Hats        bool          // owners are shown as hosts, and other moderators as such (XEP-0317)
	Presence    Role          // the least role whose presence is told to others; Visitor: everybody's
	Vanish      time.Duration // ends when it has been empty for so long; 0: never, or at once if it is not Persistent
	End         time.Time     // ends then; zero: never
}

// Access says who may come in, beside those with an affiliation.
type Access uint8

// The kinds of access. By link comes with the presets of events.
const (
	ByInvitation Access = iota // members only
	Open
)

// Who names the occupants that may do something.
type Who uint8

// Groups of occupants.
const (
	Nobody Who = iota
	Moderators
	Speakers // participants and moderators: who may speak
	Everybody
)

// History says how far back somebody may read.
type History uint8

// The extents of history.
const (
	FromArrival History = iota // each member's intervals of membership; others, since they came in
	Whole                      // everything that is kept
)

// Presets are what a room can begin as.
var Presets = map[string]Policy{
	// People who were invited, each of whom may invite more.
	"group": {
		Access: ByInvitation, Invite: Everybody, History: FromArrival, Archive: true, Private: Everybody, Requests: true, Edits: true,
		Attachments: true, Subject: Speakers, Persistent: true, WithMembers: true, Presence: Visitor,
	},
	// A plain room of XEP-0045.
	"open": {
		Access: Open, Invite: Everybody, History: Whole, Archive: true, Private: Everybody, Requests: true, Edits: true, Attachments: true,
		Subject: Moderators, Anonymous: true, Public: true, Presence: Visitor,
	},
	// The chat of a visit: gone when it is over.
	"visit": {
		Access: ByInvitation, Invite: Moderators, History: FromArrival, Private: Nobody, Longest: 10_000, Subject: Nobody, Persistent: true, Hats: true, Presence: Visitor,
		Vanish: 10 * time.Minute,
	},
}

// PresetNames lists the presets, in alphabetical order.
func PresetNames() []string {
	out := make([]string, 0, len(Presets))
	for name := range Presets {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// Check tells what can't be.
func (p *Policy) Check() error {
	switch {
	case p.Longest < 0:
		return fmt.Errorf("the longest message is %d characters", p.Longest)
	case p.Vanish < 0:
		return fmt.Errorf("a room can't end %v after it was left", p.Vanish)
	case !p.Persistent && p.Vanish > 0:
		return fmt.Errorf("a room that goes when the last one leaves does not wait: let it stay then, or end at once")
	case p.WithMembers && !p.Persistent:
		return fmt.Errorf("a room that lasts as long as its members has to be persistent")
	}
	return nil
}

// volatile tells whether nothing that is said may be kept, not even for those who come later.
func (p *Policy) volatile() bool { return !p.Archive && p.History == FromArrival }

// private is who may send private messages. Where nothing is kept there are none: they are in the archives of those who write and get them.
func (p *Policy) private() Who {
	if p.volatile() {
		return Nobody
	}
	return p.Private
}

// isPublicRecord tells whether what is kept can be read later by anybody who comes in.
func (p *Policy) isPublicRecord() bool { return p.Archive && p.Access == Open && p.History == Whole }
