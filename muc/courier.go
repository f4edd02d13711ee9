package muc

import (
	"context"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

// A Courier sends what was said by e-mail. Package letter provides it.
type Courier interface {
	// Offers tells whether mail can be sent for the rooms of a domain.
	Offers(service string) bool
	// Form asks to whom what is to be sent, in which language.
	Form() xmpp.Form
	// Order reads a filled form of somebody's: who is meant by its recipients is found out. The error is an *xmpp.Error, or of the store.
	Order(ctx context.Context, from xmpp.JID, f xmpp.Form) (Order, error)
}

// An Order says to whom what is to be sent.
type Order interface {
	// Recipients tells how many there are.
	Recipients() int
	// Draft writes a mail about what was said in a room, which goes out once the write that it gives is committed. The error is an *xmpp.Error, or of the store.
	Draft(ctx context.Context, e Extract) (Draft, error)
	// Notice is what those inside are told. open tells that some of them may be nobody's members: they are not told addresses that are in no directory.
	Notice(nick string, open bool) string
}

// An Extract is what goes into a mail.
type Extract struct {
	Room   xmpp.JID
	Name   string // of the room
	By     string // the nick of who sends it
	Within []Interval
}

// A Draft is a mail that is written and not sent.
type Draft interface {
	Queue() server.Write // sends it
	Drop(ctx context.Context)
}

// letterPace is how many recipients a room's mails may have. How many those of one account may have, the Courier knows.
var letterPace = server.Pace{Burst: 200, Each: 30 * time.Second}
