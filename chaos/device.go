package chaos

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"palabre/bench"
	"palabre/stream"
	"palabre/xmpp"
)

// A Habit is what kind of client a Device is.
type Habit struct {
	Resume   bool          // it resumes its session on the next connection; otherwise it begins a new one, and sends again what is not acknowledged
	Archive  bool          // it asks the archive for what it has missed; otherwise the server has to deliver that by itself
	Ahead    bool          // it does so before it becomes available, and once more then
	SameID   bool          // what was refused it sends again under the same id; otherwise it goes on to the next
	Window   int           // how many of its messages are under way at once
	AskEvery int           // after how many it asks for the count
	Patience time.Duration // it gives up a connection on which nothing comes for so long though something is due
	Resource string        // empty: the server's choice
}

// pauses are how long a client waits before it connects again, and after a refusal.
const (
	shortestPause, longestPause = 5 * time.Millisecond, 100 * time.Millisecond
	afterRefusal                = 200 * time.Millisecond
)

// A Device is one client of one account. It belongs to its loop; others speak to it through orders.
type Device struct {
	Habit
	run     *Run
	account int
	user    bench.User
	rng     *rand.Rand
	target  func() (to int, ok bool) // whom the next message is for; false: there is nothing to send now

	out       outbox
	in        inbox
	link      *link
	how       parting // how the connection ends
	previd    string  // of the session, if it can be resumed (XEP-0198 §5)
	asked     int     // messages since the last <r/>
	heard     time.Time
	quiet     time.Duration // nothing new is sent before
	available bool
	deaf      bool          // what comes is left in the socket
	away      bool          // it does not connect
	absent    bool          // it need not have everything in the end
	ask       time.Duration // when the archive is asked again, after a refusal; 0: not
	serial    int           // of our requests
	fences    map[string]chan<- struct{}

	hall      *hall // nil: it is in no rooms
	hallStats HallStats

	orders chan func()
	trace  io.Writer // nil: none
	stats  DeviceStats
}

// DeviceStats says how a client's sessions went.
type DeviceStats struct {
	Logins, Resumed, NotResumed, Lost int
}

// loop connects again and again until the context ends.
func (d *Device) loop(ctx context.Context) {
	pause := shortestPause
	for ctx.Err() == nil {
		if !d.away && d.connect(ctx) == nil {
			pause = shortestPause
			d.serve(ctx)
			continue
		}
		pause = min(2*pause, longestPause)
		select {
		case <-ctx.Done():
		case f := <-d.orders:
			f()
		case <-time.After(pause/2 + time.Duration(d.rng.Int64N(int64(pause)))):
		}
	}
	for { // who still asks for something gets it
		select {
		case f := <-d.orders:
			f()
		case <-d.run.over:
			return
		}
	}
}

// do has the loop run something.
func (d *Device) do(f func()) {
	done := make(chan struct{})
	d.orders <- func() { defer close(done); f() }
	<-done
}

// serve drives a connection until it ends.
func (d *Device) serve(ctx context.Context) {
	l := d.link
	l.read()
	d.how = silently
	for d.link != nil {
		d.pump()
		if l.flush() != nil {
			break
		}
		d.wait(ctx, l)
	}
	d.link = nil
	d.stats.Lost++
	l.leave(d.how)
}

// wait waits for something to do, and does it.
func (d *Device) wait(ctx context.Context, l *link) {
	events := l.events
	if d.deaf {
		events = nil
	}
	select {
	case ev, ok := <-events:
		if !ok || !d.take(ev) || !d.takeMore(events) {
			d.drop(silently)
		}
	case f := <-d.orders:
		f()
	case <-time.After(d.until()):
		if d.tired() {
			d.drop(silently)
		}
	case <-ctx.Done():
		d.drop(politely)
	}
}

// takeMore takes what has come already, but not without end; false ends the connection.
func (d *Device) takeMore(events <-chan stream.Event) bool {
	for range cap(events) {
		select {
		case ev, ok := <-events:
			if !ok || !d.take(ev) {
				return false
			}
		default:
			return true
		}
	}
	return true
}

// drop ends the connection from this side; the loop makes another.
func (d *Device) drop(how parting) { d.how, d.link = how, nil }

// until is how long nothing is to be done if nothing comes.
func (d *Device) until() time.Duration {
	if d.deaf {
		return time.Hour
	}
	next := d.Patience - time.Since(d.heard)
	now := d.run.now()
	for _, r := range d.out.retry {
		next = min(next, r.due-now)
	}
	if d.ask > 0 {
		next = min(next, d.ask-now)
	}
	if d.quiet > now {
		next = min(next, d.quiet-now)
	}
	if d.hall != nil {
		next = min(next, d.hall.until(now))
	}
	return max(next, time.Millisecond)
}

// tired tells whether the server has been silent for too long.
func (d *Device) tired() bool {
	due := d.out.underWay > 0 || d.in.catching || len(d.out.limbo) > 0 || len(d.fences) > 0 || d.hall != nil && d.hall.due()
	if !due {
		d.heard = time.Now()
	}
	return time.Since(d.heard) >= d.Patience
}

// pump puts on the stream what may go.
func (d *Device) pump() {
	if d.deaf || !d.out.enabled {
		return
	}
	now := d.run.now()
	if d.ask > 0 && now >= d.ask {
		d.catchUp()
	}
	if d.hall != nil {
		d.hall.attend()
	}
	for d.out.underWay < d.Window {
		number, again := d.out.take(now)
		if !again {
			to, ok := 0, false
			if now >= d.quiet {
				to, ok = d.target()
			}
			if !ok {
				break
			}
			number = len(d.out.sends)
			d.out.sends = append(d.out.sends, Send{To: to, Copies: 1, First: now})
			d.run.board.sent()
		}
		if d.out.underWay == 0 {
			d.heard = time.Now()
		}
		if d.put(item{number: number}); d.asked >= d.AskEvery {
			d.askCount()
		}
	}
	if d.asked > 0 {
		d.askCount()
	}
}

// put puts a stanza on the stream.
func (d *Device) put(it item) {
	text := it.raw
	if it.number >= 0 {
		text = d.message(it.number)
		d.asked++
	}
	d.out.sent(it, d.run.now())
	d.link.out = append(d.link.out, text...)
}

func (d *Device) message(number int) string {
	k := Key{d.account, number}
	if d.hall != nil {
		return fmt.Sprintf("<message type='groupchat' to='%s' id='%s'><body>%s</body>%s</message>",
			d.hall.address(d.out.sends[number].To), d.run.tag.id(k), d.run.tag.body(k), d.run.filler)
	}
	return fmt.Sprintf("<message type='chat' to='%s@%s' id='%s'><body>%s</body></message>",
		Name(d.out.sends[number].To), d.run.domain, d.run.tag.id(k), d.run.tag.body(k))
}

func (d *Device) askCount() {
	d.asked = 0
	d.link.out = append(d.link.out, askForCount...)
}

// request puts an IQ on the stream.
func (d *Device) request(iq *xmpp.Stanza) {
	d.put(item{number: -1, raw: string(iq.AppendXML(nil, iq.To, ""))})
}

// fence has done closed once the server has answered what it is asked now, on this or on a later connection, and the client has caught up.
func (d *Device) fence(done chan<- struct{}) {
	d.serial++
	id := fmt.Sprintf("fence-%d", d.serial)
	d.fences[id] = done
	d.sendFence(id)
}

func (d *Device) sendFence(id string) {
	if d.link == nil || !d.out.enabled {
		return // connect does
	}
	ping := xmpp.NewStanza(xmpp.IQ, xmpp.TypeGet, xmpp.New(nsPing, "ping"))
	ping.ID, ping.To = id, d.user.JID.DomainJID()
	d.request(ping)
}
