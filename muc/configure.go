package muc

import (
	"context"
	"reflect"
	"strconv"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// configureLocked makes of a room what a form says. Nobody is told of a change before it is durable, and all in the same order as of what is said.
func (r *Room) configureLocked(by xmpp.JID, f xmpp.Form) (*event, error) {
	before, fresh := r.config, r.locked
	after, err := before.Apply(f, fresh)
	if err == nil {
		err = r.mayBecomeLocked(&after)
	}
	if err != nil {
		return nil, err
	}
	people, err := r.appointedLocked(f)
	if err != nil {
		return nil, err
	}
	changed := !reflect.DeepEqual(before, after)
	if !fresh && !changed && len(people) == 0 {
		return nil, nil
	}
	r.config = after
	var writes []server.Write
	switch {
	case fresh:
		writes = r.unlockLocked(by)
	case changed:
		writes = append(writes, r.saveLocked())
	}
	r.audience = nil
	u := &upshot{room: r, writes: writes, limit: before.Policy.Presence}
	for _, s := range people {
		u.affiliateLocked(s)
	}
	r.expelLocked(u)
	u.remoderateLocked(&before.Policy)
	u.settleLocked()
	u.beginAllLocked(&before, fresh)
	r.service.keeper.note(r)
	e := r.changeLocked(u, r.changedLocked(&before, changed && !fresh))
	if before.Policy.Anonymous && !r.config.Policy.Anonymous && len(r.occupants) <= mostUnveiled {
		r.unveilAllLocked(e)
	}
	if fresh {
		r.lockAgainLocked(e, before, by)
	} else {
		r.doubtLocked(e, &before)
	}
	return e, nil
}

// doubtLocked has it looked at again what the room is if that can't be written: those inside have to know what they are in.
func (r *Room) doubtLocked(e *event, before *Config) {
	undo := e.undo
	e.undo = func() {
		undo()
		if r.doubted == nil {
			r.doubted = before
		}
	}
}

// lockAgainLocked has a new room be as it was if it can't be written: its owner may try again.
func (r *Room) lockAgainLocked(e *event, before Config, owner xmpp.JID) {
	undo, life := e.undo, r.life
	e.undo = func() {
		undo()
		if r.life != life {
			return
		}
		r.config, r.locked, r.stored = before, true, false
		clear(r.people)
		r.nicks = nil
		r.people[owner] = &Person{Account: owner, Affiliation: Owner, Joined: r.created.UnixMilli() << 20}
	}
}

// mostUnveiled is up to how many occupants all are told who all are when a room is not anonymous any more. In larger rooms they learn it as presence comes.
const mostUnveiled = 100

// unveilAllLocked has those inside told who the others are, for which encryption waits.
func (r *Room) unveilAllLocked(e *event) {
	to, tell := r.audienceLocked(), e.tell
	views := make(map[*occupant]*view, len(r.occupants))
	for _, o := range r.occupants {
		views[o] = r.viewLocked(o)
	}
	e.tell = func(ctx context.Context) {
		tell(ctx)
		for o, v := range views {
			r.giveOthers(ctx, to, o, v)
		}
	}
}

// changeLocked is the event of another configuration.
func (r *Room) changeLocked(u *upshot, codes []int) *event {
	e, to := u.event(), r.audienceLocked()
	tell := e.tell
	e.tell = func(ctx context.Context) {
		tell(ctx)
		if len(codes) > 0 {
			r.give(ctx, to, stream.Packet{Stanza: r.notice(codes)})
		}
	}
	return e
}

// notice is how the room says that something about it is different.
func (r *Room) notice(codes []int) *xmpp.Stanza {
	x := xmpp.New(nsUser, "x")
	for _, c := range codes {
		x = x.Add(xmpp.New(nsUser, "status").With("code", strconv.Itoa(c)))
	}
	st := xmpp.NewStanza(xmpp.Message, xmpp.TypeGroupchat, x)
	st.From, st.ID = r.JID, r.service.host.NewID()
	return st
}

// mayBecomeLocked holds a change against what those inside have relied on: that nothing of what they say is kept, and that nothing of it is taken back.
// That ends only when nobody is inside.
func (r *Room) mayBecomeLocked(after *Config) error {
	before := &r.config.Policy
	if !after.Policy.End.IsZero() && !after.Policy.End.Equal(before.End) && !after.Policy.End.After(r.service.host.Now()) {
		return xmpp.ErrNotAcceptable.With("The room would end in the past.")
	}
	if r.locked || len(r.seats) == 0 {
		return nil
	}
	switch {
	case before.volatile() && !after.Policy.volatile():
		return xmpp.ErrNotAllowed.With("People are inside who rely on it that nothing of what they say is kept. This can be changed when nobody is inside.")
	case !before.Edits && after.Policy.Edits:
		return xmpp.ErrNotAllowed.With("People are inside who rely on it that what was said stays as it is. This can be changed when nobody is inside.")
	}
	return nil
}

// expelLocked has those leave who may not be in a room for members (§10.2).
func (r *Room) expelLocked(u *upshot) {
	for _, o := range r.occupants {
		if !r.staysLocked(r.affiliationLocked(o.account)) {
			u.outLocked(o, farewell{codes: []int{322}})
		}
	}
}

// beginAllLocked begins the intervals of those inside, and of members who have been there, if from now on everybody reads what is said since they came. Who are no members have one
// position for all.
func (u *upshot) beginAllLocked(before *Config, fresh bool) {
	r := u.room
	p := &r.config.Policy
	if !r.stored || p.History != FromArrival || !r.archivesLocked() || !fresh && before.Policy.History == FromArrival && before.Policy.Archive {
		return
	}
	inside := map[xmpp.JID]bool{}
	var others []*seat
	for _, s := range r.seats {
		if inside[s.jid.Bare()] = true; r.affiliationLocked(s.jid.Bare()) < Member && s.since == 0 {
			others = append(others, s)
		}
	}
	for account, m := range r.people {
		if m.Affiliation >= Member && (inside[account] || m.Last != 0) {
			u.startLocked(m)
		}
	}
	if len(others) == 0 {
		return
	}
	w := &Position{Room: r.JID}
	u.writes = append(u.writes, w)
	u.placed = append(u.placed, func() {
		for _, s := range others {
			s.since = w.At
		}
	})
}

// changedLocked says what is told of a change (§10.2.1). That anybody may read from now on what is kept counts as a record that begins.
func (r *Room) changedLocked(before *Config, changed bool) (codes []int) {
	if !changed {
		return nil
	}
	rest, was, is := *before, &before.Policy, &r.config.Policy
	if r.service.opts.Archive.Keeps(r.JID.Domain()) {
		switch {
		case was.Archive && !is.Archive:
			codes = append(codes, 171)
		case !was.Archive && is.Archive || !was.isPublicRecord() && is.isPublicRecord():
			codes = append(codes, 170)
		}
		rest.Policy.Archive = is.Archive
	}
	if was.Anonymous != is.Anonymous {
		codes = append(codes, map[bool]int{true: 173, false: 172}[is.Anonymous])
		rest.Policy.Anonymous = is.Anonymous
	}
	if !reflect.DeepEqual(rest, r.config) {
		codes = append(codes, 104)
	}
	return codes
}
