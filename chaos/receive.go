package chaos

import (
	"fmt"
	"slices"
	"time"

	"palabre/stream"
	"palabre/xmpp"
)

// breach notes what the server must never say.
func (d *Device) breach(err error) bool {
	if err != nil {
		d.run.breach(fmt.Sprintf("to %s: %v", Name(d.account), err))
	}
	return err == nil
}

// take handles what came; false ends the connection.
func (d *Device) take(ev stream.Event) bool {
	d.heard = time.Now()
	d.link.got(ev)
	switch ev.Kind {
	case stream.Stanza:
		d.in.handled++
		return d.stanza(ev.Stanza)
	case stream.Nonza:
		return d.nonza(ev.Nonza)
	}
	return ev.Kind != stream.Closed
}

func (d *Device) nonza(e xmpp.Element) bool {
	switch {
	case e.Is(nsSM, "r"):
		d.link.out = fmt.Appendf(d.link.out, "<a xmlns='%s' h='%d'/>", nsSM, d.in.handled)
	case e.Is(nsSM, "a"):
		h, err := count(e)
		if !d.breach(err) {
			return false
		}
		d.in.replay = false
		known, err := d.out.acknowledged(h, d.run.now())
		d.run.board.acknowledged(len(known), d.link.incarnation)
		return d.breach(err)
	case e.Is(xmpp.NSStream, "error"):
		return false
	}
	return true
}

func (d *Device) stanza(st *xmpp.Stanza) bool {
	if d.hall != nil && d.hall.stanza(st) {
		return true
	}
	if st.Kind == xmpp.IQ {
		return d.iq(st)
	}
	if st.Kind != xmpp.Message {
		return true
	}
	if st.Type == xmpp.TypeError {
		return d.refused(st)
	}
	if query, s, ok := d.run.tag.result(st); ok {
		if query == d.in.query {
			d.in.paged(s)
		}
		return true
	}
	if st.Has(xmpp.NSClient, "body") {
		d.in.deliver(st)
	}
	d.run.board.received(d.account, len(d.in.log))
	return true
}

// refused takes an error for a message: with resource-constraint it may be sent again; no other has a reason here.
func (d *Device) refused(st *xmpp.Stanza) bool {
	number, ok := d.run.tag.number(st.ID, d.account)
	if !ok {
		return true
	}
	now := d.run.now()
	if !d.breach(d.out.refused(number, now)) {
		return true
	}
	why := refusal(st)
	d.run.board.refused(why, now-d.out.sends[number].Last)
	if d.hall != nil && d.hall.turnedAway(number, why) {
		return true
	}
	if why != "wait resource-constraint" {
		d.breach(fmt.Errorf("it refused message %d: %s", number, why))
		return true
	}
	d.quiet = now + afterRefusal
	if d.SameID {
		d.out.again(number, now+afterRefusal+time.Duration(d.rng.Int64N(int64(afterRefusal))))
	}
	return true
}

func (d *Device) iq(st *xmpp.Stanza) bool {
	switch {
	case st.IsRequest():
		answer := st.ErrorReply(xmpp.ErrServiceUnavailable)
		answer.From = xmpp.JID{}
		d.request(answer)
	case st.ID == d.in.query:
		return d.page(st)
	case d.fences[st.ID] != nil && d.in.catching: // it is not there yet
		d.sendFence(st.ID)
	case d.fences[st.ID] != nil: // an error is as good an answer
		close(d.fences[st.ID])
		delete(d.fences, st.ID)
	}
	return true
}

// page takes the end of a page of the archive, and asks for the next.
func (d *Device) page(st *xmpp.Stanza) bool {
	if st.Type == xmpp.TypeError {
		if why := refusal(st); why != "wait resource-constraint" {
			d.breach(fmt.Errorf("the archive behind %q is refused: %s", d.in.page, why))
			return true
		}
		d.ask = d.run.now() + afterRefusal
		return true
	}
	f, ok := finOf(st)
	if !ok {
		return d.breach(fmt.Errorf("a page without an end: %v", st))
	}
	if f.last != "" {
		d.in.page = f.last
	}
	if f.complete && !d.available {
		d.appear()
	} else if f.complete {
		d.in.caughtUp(f.last)
		d.run.board.received(d.account, len(d.in.log))
		return true
	}
	d.catchUp()
	return true
}

// appear sends the first presence, behind which messages come by themselves.
func (d *Device) appear() {
	d.available = true
	d.put(item{number: -1, raw: "<presence/>"})
}

// catchUp asks for the next page of what was missed.
func (d *Device) catchUp() {
	d.ask = 0
	d.serial++
	d.in.query = fmt.Sprintf("page-%d", d.serial)
	d.request(ask(d.in.query, d.in.page, "100"))
}

// missing are those of the messages that have not come.
func (d *Device) missing(due []Key) []Key {
	seen := make(map[Key]bool, len(d.in.log))
	for _, l := range d.in.log {
		seen[l.Key] = true
	}
	return slices.DeleteFunc(due, func(k Key) bool { return seen[k] })
}
