package history

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

const (
	catchUpPage  = 1000 // rows that a client gets before it has acknowledged them
	catchUpPause = 5 * time.Second
	storePause   = time.Second // between two writes of what has reached an account's clients
)

// offline brings what came while nobody was there to the first client that comes (XEP-0160). What waits are rows of the archive, read by id
// when the client's connection has room for them. A client that reads the archive by itself gets only what is not in there.
type offline struct {
	m       *Module
	moving  server.AccountSlot[transit]
	clients server.SessionSlot[client]
	erased  graveyard
}

// A client is what is known of one session.
type client struct {
	mu       sync.Mutex // tier 4, before transit's
	reads    bool       // it has asked the archive before it became available
	read     int64      // the last row that was in there
	live     int64      // of one that a restart has interrupted before it had caught up: the first row that it was sent as it came; else 0
	begun    bool
	since    int64 // when it began to take messages, in microseconds since 1970
	caughtUp bool
	last     int64   // the last row that it was brought
	skipped  []int64 // those that were not sent because they will be brought
	more     bool    // too many were skipped to know them all
	waits    int     // rows on their way before the next are brought
	running  bool    // somebody is bringing
}

func (o *offline) register(h *server.Host) {
	o.moving = server.NewAccountSlot[transit](h)
	o.clients = server.NewSessionSlot[client](h)
	h.UseArchive(o)
	hooks := h.Hooks()
	hooks.Sending = append(hooks.Sending, o.sending)
	hooks.Reached = append(hooks.Reached, o.reached)
	hooks.Missed = append(hooks.Missed, o.missed)
	hooks.Undelivered = append(hooks.Undelivered, o.undelivered)
	hooks.PresenceChanged = append(hooks.PresenceChanged, o.presence)
	hooks.SessionClosed = append(hooks.SessionClosed, func(_ context.Context, s *server.Session) { o.store(s.Account) })
	hooks.SessionResumed = append(hooks.SessionResumed, func(s *server.Session) {
		if willing(s) {
			o.begin(context.Background(), s) // the server may have been restarted in the midst of it
		}
	})
	hooks.SessionSaved = append(hooks.SessionSaved, o.save)
	hooks.SessionRestored = append(hooks.SessionRestored, o.restore)
}

// willing tells whether a session takes messages to the bare address.
func willing(s *server.Session) bool { return s.Presence() != nil && s.Priority() >= 0 }

// sending counts what goes to a session, and leaves out what it is, or will be, brought.
func (o *offline) sending(s *server.Session, p stream.Packet) (taken bool) {
	if p.Mark == 0 {
		return false
	}
	c := o.clients.Get(s)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.reads:
	case c.caughtUp && p.Mark <= c.last:
		return true
	case !c.caughtUp && willing(s):
		c.skip(p.Mark)
		return true
	}
	o.moving.Get(s.Account).sent(p.Mark)
	return false
}

// presence: the first available presence of a session with a priority that is not negative (XEP-0160 §2).
func (o *offline) presence(ctx context.Context, c server.PresenceChange) {
	if (c.Kind == server.BecameAvailable || c.Kind == server.PresenceUpdated) && c.Session != nil && willing(c.Session) {
		o.begin(ctx, c.Session)
	}
}

func (o *offline) begin(ctx context.Context, s *server.Session) {
	c := o.clients.Get(s)
	c.mu.Lock()
	begun := c.begun
	if !begun {
		c.begun, c.since, c.running = true, o.m.host.Now().UnixMicro(), true
	}
	c.mu.Unlock()
	if !begun {
		o.catchUp(ctx, s)
	}
}

// catchUp brings a session the next rows that wait. One at a time does: who calls it has set running.
func (o *offline) catchUp(ctx context.Context, s *server.Session) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, t := o.clients.Get(s), o.moving.Get(s.Account)
	for {
		rows, err := o.m.store.Waiting(ctx, s.Account.JID, c.lastSeen(), catchUpPage)
		if err != nil {
			o.log("what waits could not be read", s, err)
			time.AfterFunc(catchUpPause, func() {
				if !s.IsClosed() {
					o.m.host.Go(func(ctx context.Context) { o.catchUp(ctx, s) })
				}
			})
			return
		}
		if wait, done := c.bring(s, t, rows); done {
			t.completed()
			return
		} else if wait {
			return
		}
	}
}

func (c *client) lastSeen() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

// log tells of an error that is not the database's being away, which has been told.
func (o *offline) log(what string, s *server.Session, err error) {
	if !errors.Is(err, server.ErrAway) {
		o.m.host.Log().Error(what, "jid", s.JID.String(), "module", "history", "err", err)
	}
}

// reached takes note of what a client has got.
func (o *offline) reached(s *server.Session, marks []int64) {
	switch due, rest := o.moving.Get(s.Account).reached(marks, o.m.host.Now()); {
	case due && rest == 0:
		o.store(s.Account)
	case due:
		a, release := o.m.host.Account(s.Account.JID)
		time.AfterFunc(rest, func() {
			o.store(a)
			release()
		})
	}
	c := o.clients.Peek(s)
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.caughtUp || !c.begun {
		return
	}
	for _, id := range marks {
		if id <= c.last && c.waits > 0 {
			c.waits--
		}
	}
	if c.waits <= 0 && !c.running {
		c.running = true
		o.m.host.Go(func(ctx context.Context) { o.catchUp(ctx, s) })
	}
}

// store has the edge of an account stored, if it has moved. It does not wait; but until that is done, the account stays what it is: its next client is not brought
// again what the store does not know yet. The caller holds the account.
func (o *offline) store(a *server.Account) {
	t := o.moving.Peek(a)
	if t == nil {
		return
	}
	edge, gone, due := t.take(o.m.host.Now())
	if !due {
		return
	}
	_, release := o.m.host.Account(a.JID)
	o.m.store.Commit([]server.Write{&Reached{Account: a.JID, Upto: edge, Gone: gone}}, func(err error) {
		defer release()
		if err != nil {
			t.giveBack(gone) // it is stored with the next
		}
	})
}

// Packets is part of server.Archive.
func (o *offline) Packets(ctx context.Context, owner xmpp.JID, marks []int64) (map[int64]stream.Packet, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	rows, err := o.m.store.ByID(ctx, owner, marks)
	if err != nil {
		return nil, err
	}
	out := make(map[int64]stream.Packet, len(rows))
	for _, r := range rows {
		st, err := xmpp.ParseStanza(string(r.Stanza))
		if err != nil {
			o.m.host.Log().Error("a row of the archive can't be read", "jid", owner.String(), "id", r.ID, "module", "history", "err", err)
			continue
		}
		tail := o.m.tail(&Entry{Owner: owner, ID: r.ID, Kind: r.Kind}) + delay(owner.Domain(), r.Time())
		out[r.ID] = stream.Packet{Stanza: st, To: st.To, Tail: tail, Mark: r.ID}
	}
	return out, nil
}

// delay says when a message came (XEP-0160 §3, XEP-0203 §3).
func delay(domain string, at time.Time) string {
	return xmpp.New("urn:xmpp:delay", "delay").With("from", domain).With("stamp", at.Format("2006-01-02T15:04:05.000Z")).String()
}

// A remembered client is what is kept of one over a restart.
type remembered struct {
	Reads    bool    `json:",omitempty"`
	Read     int64   `json:",omitempty"`
	Since    int64   `json:",omitempty"`
	CaughtUp bool    `json:",omitempty"`
	Last     int64   `json:",omitempty"`
	Whole    bool    `json:",omitempty"`
	Hidden   []int64 `json:",omitempty"`
}

func (o *offline) save(s *server.Session, put func(module string, state []byte)) {
	o.store(s.Account)
	c := o.clients.Get(s)
	c.mu.Lock()
	r := remembered{Reads: c.reads, Read: c.read, Since: c.since, CaughtUp: c.caughtUp, Last: c.last}
	c.mu.Unlock()
	r.Whole, r.Hidden = o.moving.Get(s.Account).kept()
	if raw, err := json.Marshal(r); err == nil {
		put("history", raw)
	}
}

func (o *offline) restore(s *server.Session, get func(module string) []byte) {
	var r remembered
	if raw := get("history"); len(raw) > 0 {
		if err := json.Unmarshal(raw, &r); err != nil {
			o.m.host.Log().Error("what waits not restored", "jid", s.JID.String(), "module", "history", "err", err)
		}
	}
	o.moving.Get(s.Account).restore(s.Marks(), r.Hidden, r.Whole)
	c := o.clients.Get(s)
	c.since = r.Since
	c.reads, c.read, c.begun, c.caughtUp, c.last = r.Reads, r.Read, r.CaughtUp, r.CaughtUp, r.Last
	if r.Reads && !r.CaughtUp && r.Since != 0 {
		c.live = FirstAt(time.UnixMicro(r.Since))
	}
}
