package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"palabre/bench"
	"palabre/stream"
	"palabre/xmpp"
)

func (r *Run) roomAddress(room int) xmpp.JID {
	return xmpp.MustParseJID(roomName(room) + "@" + conference + r.domain)
}

// founder is whose account makes a room, and stays its member.
func (r *Run) founder(room int) int { return room % len(r.devices) }

// Found makes the rooms, each by an account that is a member from then on, and has those who are to belong to it invited. All are inside when it returns.
func (r *Run) Found(ctx context.Context, member func(account, room int) bool) error {
	for room := range r.Rooms {
		founder := r.founder(room)
		var invited []int
		for account := range r.devices {
			if account != founder && member(account, room) {
				invited = append(invited, account)
			}
		}
		if err := r.found(ctx, room, founder, invited); err != nil {
			return fmt.Errorf("chaos: make room %s: %w", roomName(room), err)
		}
		d := r.devices[founder]
		d.do(func() {
			a := d.hall.rooms[room]
			a.standing, a.member = belongs, &Membership{Asked: 1, Tries: 1}
		})
	}
	return r.Gather(ctx)
}

// found is XEP-0045 §10.1.3 with the preset of a room by invitation, and §7.8.2.
func (r *Run) found(ctx context.Context, room, founder int, invited []int) error {
	a, err := r.openAuditor(ctx, r.Users[founder])
	if err != nil {
		return err
	}
	defer a.leave(politely)
	to := r.roomAddress(room)
	a.out = fmt.Appendf(a.out, "<presence to='%s/%s'><x xmlns='%s'/></presence>", to, Name(founder), nsMUC)
	if err := a.request(fmt.Sprintf("<iq type='set' id='form' to='%s'><query xmlns='%s'><x xmlns='jabber:x:data' type='submit'>"+
		"<field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field>"+
		"<field var='urn:palabre:room:preset'><value>group</value></field>%s</x></query></iq>", to, nsMUCOwner, r.Form), "form"); err != nil {
		return err
	}
	for some := range slices.Chunk(invited, 100) {
		var list strings.Builder
		for _, account := range some {
			fmt.Fprintf(&list, "<invite to='%s@%s'/>", Name(account), r.domain)
		}
		a.out = fmt.Appendf(a.out, "<message to='%s' id='invite-0'><x xmlns='%s'>%s</x></message>", to, nsMUCUser, &list)
	}
	return a.request(fmt.Sprintf("<presence type='unavailable' to='%s/%s'/><iq type='get' id='fence'><ping xmlns='%s'/></iq>", to, Name(founder), nsPing), "fence")
}

// request sends an IQ and waits for its result.
func (a *auditor) request(text, id string) error {
	_ = a.Conn.SetReadDeadline(time.Now().Add(time.Minute))
	a.out = append(a.out, text...)
	if err := a.flush(); err != nil {
		return err
	}
	for {
		ev, err := a.In.Next()
		switch {
		case err != nil:
			return err
		case ev.Kind == stream.Nonza && ev.Nonza.Is(xmpp.NSStream, "error"):
			return streamError(ev.Nonza)
		case ev.Kind != stream.Stanza:
		case ev.Stanza.Type == xmpp.TypeError:
			return refused(refusal(ev.Stanza))
		case ev.Stanza.Kind == xmpp.IQ && ev.Stanza.ID == id:
			return nil
		}
	}
}

// Gather waits until every client is where it wants to be.
func (r *Run) Gather(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, outcomeTime/4+time.Duration(len(r.devices))*eachTime)
	defer cancel()
	for _, d := range r.devices {
		for settled := false; !settled; {
			if d.do(func() { settled = d.hall.settled() }); !settled && pause(ctx, 5*time.Millisecond) != nil {
				var where []*attendance
				d.do(func() { where = d.hall.rooms })
				return fmt.Errorf("chaos: %s does not get to where it wants to be: %w: %v%s", Name(d.account), context.Cause(ctx), where, r.firstBreach())
			}
		}
	}
	return nil
}

// SettleRooms ends the load: every outcome is known, everybody inside has heard everything, and has asked whether they are inside.
func (r *Run) SettleRooms(ctx context.Context) error {
	r.Hush()
	for range 2 { // the first has every invitation sent, the second has it there
		if err := r.Fence(ctx); err != nil {
			return err
		}
	}
	if err := r.Gather(ctx); err != nil {
		return err
	}
	if err := r.Conclude(ctx); err != nil {
		return err
	}
	if err := r.Gather(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, outcomeTime)
	defer cancel()
	if err := r.Fence(ctx); err != nil {
		return err
	}
	for _, d := range r.devices {
		d.do(d.hall.ping)
	}
	return r.Fence(ctx)
}

// Comings has people leave rooms, for good or for a while, and those who are out come back, until the context ends: one of them each time, so that about
// half of them belong to a room at any time. Who has left for good is invited again by somebody inside.
func (r *Run) Comings(ctx context.Context, mean time.Duration) {
	rng := rand.New(rand.NewPCG(r.Seed, 3<<32))
	for pause(ctx, time.Duration(rng.Int64N(int64(2*mean)))) == nil {
		account, room := rng.IntN(len(r.devices)), rng.IntN(r.Rooms)
		stays, forGood := account == r.founder(room), rng.IntN(2) == 0
		var calls bool
		d := r.devices[account]
		d.do(func() {
			switch a := d.hall.rooms[room]; {
			case a.standing == stranger:
				calls = true
			case a.out && !a.inside:
				a.out = false
			case !a.inside || a.standing == quitting:
			case forGood && !stays:
				a.standing = quitting
			default:
				a.out = true
			}
		})
		if calls {
			r.callBack(account, room, rng)
		}
	}
	for _, d := range r.devices { // nobody stays out
		d.do(func() {
			for _, a := range d.hall.rooms {
				a.out = false
			}
		})
	}
}

// callBack has somebody inside invite one who is a stranger.
func (r *Run) callBack(account, room int, rng *rand.Rand) {
	first := rng.IntN(len(r.devices))
	for i := range r.devices {
		d := r.devices[(first+i)%len(r.devices)]
		invited := false
		d.do(func() {
			if invited = d.link != nil && d.hall.rooms[room].speaks(); invited {
				d.hall.invite(room, account)
			}
		})
		if invited {
			return
		}
	}
}

// LeaveRooms stops the clients, and gives what they have noted.
func (r *Run) LeaveRooms() (*RoomHistory, HallStats) {
	r.Stop()
	h := &RoomHistory{Sends: make([][]Send, len(r.devices)), Rooms: make([]RoomRecord, r.Rooms), Breaches: r.breaches}
	var stats HallStats
	for account, d := range r.devices {
		h.Sends[account] = d.out.sends
		for room, a := range d.hall.rooms {
			h.Rooms[room].Members = append(h.Rooms[room].Members, a.record(r.invited[guest{room, account}]))
		}
		stats.Entered += d.hallStats.Entered
		stats.Left += d.hallStats.Left
		stats.Quit += d.hallStats.Quit
		stats.Invited += d.hallStats.Invited
		stats.Outlived += d.hallStats.Outlived
		stats.Unseated += d.hallStats.Unseated
		stats.TurnedAway += d.hallStats.TurnedAway
		stats.Waited += d.hallStats.Waited
	}
	return h, stats
}

// AuditRooms reads every room's archive into a history, as its founder sees it and as each of so many accounts does, the first ones.
func (r *Run) AuditRooms(ctx context.Context, h *RoomHistory, accounts int) error {
	var errs []error
	var mu sync.Mutex
	var readers sync.WaitGroup
	gate := make(chan struct{}, 8)
	for account, u := range r.Users[:accounts] {
		readers.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			for room := range h.Rooms {
				if err := r.auditRoom(ctx, u, &h.Rooms[room], room, account); err != nil {
					mu.Lock()
					errs = append(errs, fmt.Errorf("chaos: room %s, as %s sees it: %w", roomName(room), Name(account), err))
					mu.Unlock()
				}
			}
		})
	}
	readers.Wait()
	return errors.Join(errs...)
}

func (r *Run) auditRoom(ctx context.Context, u bench.User, record *RoomRecord, room, account int) error {
	rows, err := r.readArchiveOf(ctx, u, r.roomAddress(room))
	m := &record.Members[account]
	var no refused
	if errors.As(err, &no) && no == "auth forbidden" {
		m.Refused = true
		return nil
	}
	if m.View = rows; account == r.founder(room) {
		record.Archive = rows
	}
	return err
}
