package mail

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

// Security says how the connection to the relay is made safe.
type Security string

// The ways to the relay.
const (
	StartTLS Security = "starttls" // TLS must be offered (RFC 3207)
	TLS      Security = "tls"      // from the first byte
	Clear    Security = "none"     // on this machine only
)

// A Relay is the server that takes our mail.
type Relay struct {
	Address  string // HOST:PORT; empty: there is none, and no mail
	Security Security
	Roots    *x509.CertPool // who may vouch for it; nil: the system's
	Username string         // empty: it takes mail without a login
	Password func() (string, error)
	From     string // the address that mail comes from
	Hello    string // what we call ourselves
}

// A Notice tells who asked for a mail that it did not reach somebody.
type Notice struct {
	ID        string // of the mail
	Requester xmpp.JID
	About     xmpp.JID // zero if it is about nothing
	Text      string
}

// Options are what an Outbox is made of.
type Options struct {
	Store Store
	Relay Relay
	// Tell sends a notice, and commits the write in the same transaction; an error says that neither has happened.
	Tell func(ctx context.Context, n Notice, told server.Write) error
	Log  *slog.Logger
	Now  func() time.Time
	Rand io.Reader

	Retry time.Duration // for how long; a day if zero
	Times Times
	Dial  func(ctx context.Context, network, address string) (net.Conn, error)
}

// Times are those of the conversation with the relay and between its tries. What is zero is as it should be.
type Times struct {
	Dial    time.Duration // to connect
	Answer  time.Duration // to a command
	Block   time.Duration // to take some bytes of a mail
	Done    time.Duration // to answer for a whole mail
	First   time.Duration // the first pause after a mail was put off, and after the relay could not be reached; each further one is twice as long
	Longest time.Duration // the longest pause
	Grace   time.Duration // at the end of the server, for what is under way
}

func (t Times) withDefaults() Times {
	for _, d := range []struct {
		value *time.Duration
		is    time.Duration
	}{
		{&t.Dial, 30 * time.Second}, {&t.Answer, 5 * time.Minute}, {&t.Block, 3 * time.Minute}, {&t.Done, 10 * time.Minute}, // RFC 5321
		{&t.First, time.Minute}, {&t.Longest, time.Hour}, {&t.Grace, 2 * time.Second},
	} {
		if *d.value == 0 {
			*d.value = d.is
		}
	}
	return t
}

// An Outbox keeps mail and sends it.
type Outbox struct {
	Stats Stats

	opts Options
	from Address
	wake chan struct{} // of one: there may be something to do

	begun time.Time
	dirty atomic.Bool // there may be mails that are gone, and not deleted

	mu       sync.Mutex           // a leaf: nothing is called under it
	busy     map[string]time.Time // mails that a worker has, with a zero time, or that rest until then
	workers  int
	outage   outage
	watchers map[*watcher]bool
}

// New makes an outbox. Run sends what is in it. The error is an *AddressError of the relay's From.
func New(opts Options) (*Outbox, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Rand == nil {
		opts.Rand = rand.Reader
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Dial == nil {
		opts.Dial = (&net.Dialer{}).DialContext
	}
	if opts.Retry == 0 {
		opts.Retry = 24 * time.Hour
	}
	opts.Times = opts.Times.withDefaults()
	o := &Outbox{opts: opts, begun: opts.Now(), wake: make(chan struct{}, 1), busy: map[string]time.Time{}, watchers: map[*watcher]bool{}}
	if !o.Enabled() {
		return o, nil
	}
	var err error
	o.from, err = ParseAddress(opts.Relay.From)
	return o, err
}

// Enabled tells whether the configuration names a relay.
func (o *Outbox) Enabled() bool { return o.opts.Relay.Address != "" }

func (o *Outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// committed learns of a mail that was queued, on the store's writer.
func (o *Outbox) committed() {
	o.Stats.queued.Add(1)
	o.signal()
}
