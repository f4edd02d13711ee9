package courier

import (
	"context"
	"sync"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

// An Entry is somebody who can get mail: a person, a group or a shared mailbox of the directory.
type Entry struct {
	ID    string
	Name  string
	Email string // empty: none of their own
	Group bool
}

// A Directory knows who is who. Errors are of where it is kept.
type Directory interface {
	// Lookup gives those who are called by what somebody has typed: by ID, account, address, or their whole name, whatever its case is.
	Lookup(ctx context.Context, domain, text string) ([]Entry, error)
	// Members are those of a group.
	Members(ctx context.Context, domain, id string) ([]Entry, error)
	// Person is who has an account; empty if the directory does not know.
	Person(ctx context.Context, account xmpp.JID) (Entry, error)
}

// A Letter is what is to be written.
type Letter struct {
	Archive      xmpp.JID  // bare: a room, or an account
	With         xmpp.JID  // of an account's archive: the other one; zero for a room
	Within       []Span    // what may be seen of it
	Since, Until time.Time // zero: whenever
	Language     string
	Zone         *time.Location
	Title        string // what the room, or the other one, is called
	By           string // what the one who sends it is called, if the directory has no name for them
	ByAccount    bool   // people may be called by the names of their accounts

	About     xmpp.JID // in whose name the requester hears of what could not be delivered
	Requester xmpp.JID // bare
	ReplyTo   Entry    // without an address: nobody
	To        []Entry  // each with an address
}

// A Span is a part of an archive: what lies behind Since and before Until, which are ids. An Until of 0: it goes on.
type Span struct{ Since, Until int64 }

// A Press writes letters and keeps them.
type Press interface {
	// Enabled tells whether mail can be sent.
	Enabled() bool
	// Draft writes a letter, which goes out once the write of the draft is committed. Its error is ErrEmpty, an *xmpp.Error, or of the store.
	Draft(ctx context.Context, l Letter) (Draft, error)
}

// A Draft is a mail that is written, and not sent.
type Draft interface {
	Queue() server.Write
	Drop(ctx context.Context)
}

// Options are what a Desk is made of.
type Options struct {
	Directory Directory
	Press     Press
	Rooms     map[string]string // the domains of rooms
	Anyone    bool              // mail also goes to addresses that are in no directory
	Zone      *time.Location    // of those who name none
	Languages []string          // in which letters can be written, the usual one first
	Unlimited bool              // nobody is held up, for measurements
}

// A Desk takes orders. It is a module, for conversations of two.
type Desk struct {
	opts Options
	host *server.Host
	sent server.Meter // recipients of the mails of each account

	writing chan struct{} // of those for whom a letter is written

	mu      sync.Mutex       // a leaf
	waiting map[xmpp.JID]int // letters that somebody has ordered, those that are written included
}

// New makes a desk.
func New(o Options) *Desk {
	return &Desk{opts: o, writing: make(chan struct{}, mostWriting), waiting: map[xmpp.JID]int{}}
}

// How many letters are written at a time, how many one account may have ordered, and how many accounts may wait.
const (
	mostWriting = 4
	mostOfOne   = 2
	mostWaiting = 100
)

// begin waits until a letter of an account's can be written; done ends that. The error is an *xmpp.Error, or the context's.
func (d *Desk) begin(ctx context.Context, account xmpp.JID) (done func(), err error) {
	if err := d.queue(account); err != nil {
		return nil, err
	}
	select {
	case d.writing <- struct{}{}:
		return func() { <-d.writing; d.leave(account) }, nil
	case <-ctx.Done():
		d.leave(account)
		return nil, ctx.Err()
	}
}

// queue counts those who wait, so that nobody takes the turns of all others.
func (d *Desk) queue(account xmpp.JID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.waiting[account] == mostOfOne && !d.opts.Unlimited:
		return xmpp.ErrResourceConstraint.With("Other mails of yours are still being written. Try again when they are.")
	case len(d.waiting) == mostWaiting && d.waiting[account] == 0:
		return xmpp.ErrResourceConstraint.With("Many mails are being written just now. Try again in a while.")
	}
	d.waiting[account]++
	return nil
}

func (d *Desk) leave(account xmpp.JID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.waiting[account]--; d.waiting[account] == 0 {
		delete(d.waiting, account)
	}
}

// Offers tells whether mail can be sent.
func (d *Desk) Offers() bool { return d.opts.Press.Enabled() }
