package mail

import (
	"context"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

// A State is what becomes of a mail. The numbers are stored.
type State int

// The states of a mail.
const (
	Drafted State = iota // being written
	Waits                // queued
	Failed               // nobody is left to try, and somebody could not be reached; kept for a while, so that an administrator can try again
	Gone                 // its rows are being deleted
)

// A Mail is a row of the outbox.
type Mail struct {
	ID        string
	State     State
	Due       time.Time // of one that waits: the next try; else since when it is what it is
	Queued    time.Time
	Tries     int
	Size      int64 // in bytes, without the lines of the header that depend on the recipients
	Chunks    int
	Subject   string
	Language  string
	ReplyTo   Address
	Called    string // the name before ReplyTo
	Requester xmpp.JID
	About     xmpp.JID
	Problem   string // why the last try came to nothing
	To        []Delivery

	progress bool // the try that is under way has reached somebody
}

// A Delivery is a mail on its way to one recipient.
type Delivery struct {
	Seq     int
	Address Address
	Name    string
	State   DeliveryState
	Answer  string // the relay's last
}

// A DeliveryState says how far a mail has got on its way to somebody. The numbers are stored.
type DeliveryState int

// The states of a delivery.
const (
	Pending DeliveryState = iota
	Taken                 // the relay has it
	Refused               // it failed for good
	Told                  // likewise, and the requester knows
)

// Store keeps the outbox. Errors that are not named are the database's, among them server.ErrAway.
type Store interface {
	// AddMail adds a draft, with its recipients.
	AddMail(ctx context.Context, m *Mail) error
	// DropDraft has a draft go, and nothing else. One that is not there is no error.
	DropDraft(ctx context.Context, id string, at time.Time) error
	// AddChunk adds the bytes that come after those of the chunk before; the first one is 0.
	AddChunk(ctx context.Context, id string, seq int, bytes []byte) error
	// Chunk reads one; it is a copy. ErrUnknown if it is not there.
	Chunk(ctx context.Context, id string, seq int) ([]byte, error)
	// Mail reads a mail that waits or has failed, with its recipients. ErrUnknown if there is none.
	Mail(ctx context.Context, id string) (*Mail, error)
	// Mails lists those of a state after one of them, without recipients, those that are due first coming first.
	Mails(ctx context.Context, state State, after Mark, limit int) ([]Mail, error)
	// CountMails counts those of a state.
	CountMails(ctx context.Context, state State) (int, error)
	// KeptMail is how many bytes the mails of a requester have that wait or have failed.
	KeptMail(ctx context.Context, requester xmpp.JID) (bytes int64, err error)
	// Settle stores what came of a try.
	Settle(ctx context.Context, s *Settlement) error
	// Renew has a mail that waits or has failed be tried from at on as if it had just been queued. ErrUnknown if there is none.
	Renew(ctx context.Context, id string, at time.Time) error
	// Discard has a mail go. One that was never there, or is gone, is no error.
	Discard(ctx context.Context, id string, at time.Time) error
	// DiscardOld has all mails of a state go that have been due before a time.
	DiscardOld(ctx context.Context, state State, before, at time.Time) error
	// Purge deletes some bytes of mails that are gone, and tells whether there may be more.
	Purge(ctx context.Context) (more bool, err error)
}

// A Mark is where a mail stands in the order of Mails.
type Mark struct {
	Due time.Time
	ID  string
}

// A Settlement is what came of a try: how it went with the recipients who were tried, and how it goes on.
type Settlement struct {
	ID         string
	Deliveries []Delivery // those that are another now
	State      State
	Due        time.Time
	Tries      int
	Problem    string
}

// A Queued is the write that sends a draft. Its error is ErrUnknown if the draft is gone.
type Queued struct {
	ID        string
	Requester xmpp.JID
	At        time.Time
	Size      int64
	Chunks    int

	committed func()
}

// Owner is part of server.Write.
func (q *Queued) Owner() xmpp.JID { return q.Requester }

// Committed is part of server.Noted.
func (q *Queued) Committed() {
	if q.committed != nil {
		q.committed()
	}
}

// A ToldOf is the write that goes with the message about deliveries that failed: they are Told, and the mail goes on.
type ToldOf struct {
	ID        string
	Requester xmpp.JID
	State     State
	Due       time.Time
}

// Owner is part of server.Write.
func (t *ToldOf) Owner() xmpp.JID { return t.Requester }

var (
	_ server.Noted = (*Queued)(nil)
	_ server.Write = (*ToldOf)(nil)
)
