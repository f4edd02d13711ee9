package chaos

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"palabre/xmpp"
)

// Namespaces of rooms (XEP-0045), and of leaving them for good.
const (
	nsMUC      = "http://jabber.org/protocol/muc"
	nsMUCUser  = "http://jabber.org/protocol/muc#user"
	nsMUCOwner = "http://jabber.org/protocol/muc#owner"
	nsRegister = "jabber:iq:register" // XEP-0077
)

// conference stands before the domain in the addresses of rooms.
const conference = "conference."

// A standing is what a client is to a room, as far as it knows.
type standing uint8

const (
	stranger standing = iota // it has never been invited, or has left for good
	belongs                  // it has been invited, and may come in
	quitting                 // it wants to leave for good, and has no answer yet
)

// An attendance is a client and one room.
type attendance struct {
	room     int
	standing standing
	out      bool          // it goes out for a while, and stays a member
	inside   bool          // it has been let in, and has not heard that it is out
	stepping bool          // it has said that it goes out
	unsure   bool          // it may have been invited before it left, or after that
	fresh    bool          // it has certainly been invited after that
	gone     time.Duration // when it knew that it had left for good
	asked    bool          // what it has asked of the room has no answer
	wait     time.Duration // nothing is asked before
	others   map[int]bool  // the accounts that the room has said to be inside

	incarnation int64 // of the server, since they were let in or have resumed

	member *Membership // that goes on; nil: none
	stay   *Stay       // that goes on, or that it has asked for
	done   []Membership
}

// A hall is the part of a client that is in rooms.
type hall struct {
	*Device
	rooms []*attendance
	known map[string]bool // the invitations that have come, by id
	pings int             // of itself, which have no answer yet

	// The database is certainly down when something is asked: what is refused is not done, and the client does not ask again by itself.
	firm bool
	shy  bool // when it is invited, it does not come at once
}

// A HallStats says how clients fared in rooms.
type HallStats struct {
	Entered, Left, Quit, Invited int
	Outlived                     int // stays that went on when the server had been started again
	Unseated                     int // put out by a request to leave for good that failed
	TurnedAway                   int // messages, by a room that the sender believed to be inside of
	Waited                       int // requests that were refused with "wait"
}

func newHall(d *Device, rooms int) *hall {
	h := &hall{Device: d, known: map[string]bool{}}
	for room := range rooms {
		h.rooms = append(h.rooms, &attendance{room: room})
	}
	return h
}

// target is the next room to say something in.
func (h *hall) target() (int, bool) {
	if !h.run.sending.Load() {
		return 0, false
	}
	first := h.rng.IntN(len(h.rooms))
	for i := range h.rooms {
		if a := h.rooms[(first+i)%len(h.rooms)]; a.speaks() {
			return a.room, true
		}
	}
	return 0, false
}

// speaks tells whether the client may say something new.
func (a *attendance) speaks() bool { return a.inside && a.standing == belongs && !a.out && !a.stepping }

// ready tells whether what is to be sent again may go: not before the client is inside again.
func (h *hall) ready(room int) bool { return h.rooms[room].inside && !h.rooms[room].stepping }

// begin is a new session: the client is inside of nothing.
func (h *hall) begin() {
	h.pings = 0
	for _, a := range h.rooms {
		h.over(a, Lost)
		a.asked, a.stepping = false, false
	}
}

// resumed is the same session on another connection, maybe to another incarnation of the server.
func (h *hall) resumed(incarnation int64) {
	for _, a := range h.rooms {
		if a.inside && a.incarnation != incarnation {
			h.hallStats.Outlived++
		}
		a.incarnation = incarnation
	}
}

// until is how long nothing is to be asked of a room.
func (h *hall) until(now time.Duration) time.Duration {
	next := time.Hour
	for _, a := range h.rooms {
		if a.wait > now {
			next = min(next, a.wait-now)
		}
	}
	return next
}

// over ends a stay.
func (h *hall) over(a *attendance, how Ending) {
	if a.stay != nil && (a.inside || how != Lost) {
		a.stay.End = how
	}
	a.inside, a.stay, a.others = false, nil, nil
}

// attend asks of the rooms what the client wants of them.
func (h *hall) attend() {
	now := h.run.now()
	for _, a := range h.rooms {
		if a.asked || now < a.wait {
			continue
		}
		switch {
		case a.standing == belongs && !a.inside && !a.out, a.standing == quitting && !a.inside && h.owes(a.room):
			h.enter(a, now)
		case a.standing == belongs && a.inside && a.out && !h.owes(a.room):
			h.step(a)
		case a.standing == quitting && !h.owes(a.room):
			h.quit(a, now)
		}
	}
}

// owes tells whether something that the client has said in a room has no outcome.
func (h *hall) owes(room int) bool {
	o := &h.Device.out
	to := func(n int) bool { return n >= 0 && o.sends[n].To == room }
	return slices.ContainsFunc(o.unacked, func(it item) bool { return to(it.number) && !it.refused }) ||
		slices.ContainsFunc(o.limbo, to) || slices.ContainsFunc(o.resend, to) || slices.ContainsFunc(o.retry, func(r retry) bool { return to(r.number) })
}

func (h *hall) address(room int) string { return roomName(room) + "@" + conference + h.run.domain }

// enter asks to come in (XEP-0045 §7.2.1). Some ask for much of what was said, some for nothing, some don't say.
func (h *hall) enter(a *attendance, now time.Duration) {
	if a.member == nil {
		a.member = &Membership{}
	}
	if a.member.Asked == 0 {
		a.member.Asked = max(now, 1)
	}
	if a.member.Inside == 0 {
		a.member.Tries++
	}
	a.stay = &Stay{}
	a.member.Stays = append(a.member.Stays, a.stay)
	a.others, a.asked = map[int]bool{}, true
	history := []string{"", "<history maxstanzas='0'/>", "<history maxstanzas='1000'/>", "<history since='1970-01-01T00:00:00Z'/>"}[h.rng.IntN(4)]
	h.put(item{number: -1, raw: fmt.Sprintf("<presence id='enter-%d' to='%s/%s'><x xmlns='%s'>%s</x></presence>", a.room, h.address(a.room), Name(h.account), nsMUC, history)})
}

// step goes out for a while (§7.14).
func (h *hall) step(a *attendance) {
	a.asked, a.stepping = true, true
	h.put(item{number: -1, raw: fmt.Sprintf("<presence type='unavailable' id='step-%d' to='%s/%s'/>", a.room, h.address(a.room), Name(h.account))})
}

// quit leaves for good (XEP-0077 §3.2).
func (h *hall) quit(a *attendance, now time.Duration) {
	if a.member != nil && a.member.Quit == 0 {
		a.member.Quit = now
	}
	a.asked = true
	h.put(item{number: -1, raw: fmt.Sprintf("<iq type='set' id='quit-%d' to='%s'><query xmlns='%s'><remove/></query></iq>", a.room, h.address(a.room), nsRegister)})
}

// invite has a room make somebody a member (XEP-0045 §7.8.2). The invitation says when it was sent.
func (h *hall) invite(room, account int) {
	h.hallStats.Invited++
	g := guest{room, account}
	h.run.invites(g)
	h.put(item{number: -1, invites: &g, raw: fmt.Sprintf("<message to='%s' id='invite-%d'><x xmlns='%s'><invite to='%s@%s'/></x></message>",
		h.address(room), h.run.now(), nsMUCUser, Name(account), h.run.domain)})
}

// ping asks whether the client is still inside (XEP-0410), wherever it believes to be.
func (h *hall) ping() {
	for _, a := range h.rooms {
		if a.inside && !a.out && a.standing == belongs {
			h.pings++
			ping := xmpp.NewStanza(xmpp.IQ, xmpp.TypeGet, xmpp.New(nsPing, "ping"))
			ping.ID, ping.To = "self-"+strconv.Itoa(a.room), xmpp.MustParseJID(h.address(a.room)+"/"+Name(h.account))
			h.request(ping)
		}
	}
}

// due tells whether a room owes the client an answer.
func (h *hall) due() bool {
	return h.pings > 0 || slices.ContainsFunc(h.rooms, func(a *attendance) bool { return a.asked })
}

// settled tells whether the client is where it wants to be.
func (h *hall) settled() bool {
	return !slices.ContainsFunc(h.rooms, func(a *attendance) bool {
		return a.asked || a.standing == quitting || a.standing == belongs && a.inside == a.out
	})
}

func (a *attendance) String() string {
	return fmt.Sprintf("room %s: standing %d, out %t, inside %t, asked %t, stepping %t", roomName(a.room), a.standing, a.out, a.inside, a.asked, a.stepping)
}

// record is what the client has noted of a room. Who was invited since they last asked to come in may belong to it without knowing: whoever invited them, and the
// server, may have been cut off before they were told.
func (a *attendance) record(invited time.Duration) Member {
	m := Member{Memberships: a.done, Member: a.standing != stranger}
	m.Doubtful = !m.Member && invited > 0 && (len(a.done) == 0 || invited > a.done[len(a.done)-1].Asked)
	if a.inside {
		a.stay.End = Inside
		for account := range a.others {
			a.stay.Others = append(a.stay.Others, account)
		}
		slices.Sort(a.stay.Others)
	}
	if a.member != nil {
		m.Memberships = append(m.Memberships, *a.member)
	}
	return m
}
