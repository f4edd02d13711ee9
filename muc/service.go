package muc

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

// Namespaces of XEP-0045 and of what rooms add to messages.
const (
	nsMUC        = "http://jabber.org/protocol/muc"
	nsUser       = "http://jabber.org/protocol/muc#user"
	nsAdmin      = "http://jabber.org/protocol/muc#admin"
	nsOwner      = "http://jabber.org/protocol/muc#owner"
	nsStanzaID   = "urn:xmpp:sid:0"         // XEP-0359
	nsOccupantID = "urn:xmpp:occupant-id:0" // XEP-0421
	nsDelay      = "urn:xmpp:delay"         // XEP-0203
)

// Options are what a Service is made of.
type Options struct {
	Store   Store
	Archive Archive
	Courier Courier                    // nil: no mail is sent
	Key     []byte                     // of 32 bytes, always the same: what occupants are known by in each room (XEP-0421)
	Rooms   map[string]string          // the domains of rooms, each with the domain of accounts whose users may make rooms there
	New     func(domain string) string // the preset of a room that an ordinary client makes, by domain of rooms
	Return  time.Duration              // how long sessions have to come back after a start: rooms that nobody is inside of then are not given up before
	Idle    time.Duration              // after which a room that nobody needs is let go; 1 minute if zero
	Limits  Limits
}

// Limits bound what one account, and one room, can ask for.
type Limits struct {
	Rooms     int // that an account owns; 100 if zero
	Inside    int // rooms that a session is inside of at a time; 500 if zero
	Occupants int // of a room; 20,000 if zero
	Members   int // of a room; 50,000 if zero
	Nick      int // characters of a nickname; 64 if zero
	Off       bool
}

// A Service is the rooms of one server: the module.
type Service struct {
	opts    Options
	host    *server.Host
	log     *slog.Logger
	places  server.AccountSlot[place]
	inside  server.SessionSlot[inside]
	invited server.Meter // of the invitations of each account, to whichever rooms
	keeper  *timekeeper
}

// New makes the module.
func New(o Options) *Service {
	if o.Idle == 0 {
		o.Idle = time.Minute
	}
	o.Limits = o.Limits.filled()
	return &Service{opts: o, keeper: newTimekeeper()}
}

func (l Limits) filled() Limits {
	for _, f := range []struct {
		value *int
		usual int
	}{{&l.Rooms, 100}, {&l.Inside, 500}, {&l.Occupants, 20_000}, {&l.Members, 50_000}, {&l.Nick, 64}} {
		if *f.value == 0 {
			*f.value = f.usual
		}
	}
	return l
}

// Info is part of server.Module.
func (s *Service) Info() server.Info {
	return server.Info{Name: "muc", Specs: []server.Spec{
		{Name: "XEP-0045", Version: "1.35.5"},
		{Name: "XEP-0249", Version: "1.2"},
		{Name: "XEP-0317", Version: "0.3.1"},
		{Name: "XEP-0421", Version: "1.0.1"},
		{Name: "XEP-0486", Version: "0.1.0"},
	}}
}

// Register is part of server.Module.
func (s *Service) Register(h *server.Host) {
	s.host, s.log = h, h.Log()
	s.places = server.NewAccountSlot[place](h)
	s.inside = server.NewSessionSlot[inside](h)
	for domain, of := range s.opts.Rooms {
		h.HandleDomain(domain, s.take)
		h.DecideDomain(domain, s.decide)
		h.DomainItem(of, xmpp.MustParseJID(domain))
	}
	hooks := h.Hooks()
	hooks.Outbound = append(hooks.Outbound, s.direct)
	hooks.AccountErased = append(hooks.AccountErased, s.erased)
	hooks.SessionClosed = append(hooks.SessionClosed, s.closed)
	hooks.SessionSaved = append(hooks.SessionSaved, s.save)
	hooks.SessionRestored = append(hooks.SessionRestored, s.restore)
	s.register(h)
}

// decide puts what is said to a room into the room's order. Requests wait until they are taken.
func (s *Service) decide(ctx context.Context, p *server.Passage) error {
	st := p.Stanza
	if st.To.Local() == "" || st.Kind == xmpp.IQ {
		return nil
	}
	if st.Kind == xmpp.Presence && st.Type == xmpp.TypeUnavailable && p.Session != nil {
		return s.depart(p)
	}
	r, err := s.open(ctx, st.To.Bare())
	if err != nil {
		return err
	}
	defer r.close()
	if st.Kind == xmpp.Presence {
		return refusal(st, r.presence(ctx, p))
	}
	return r.message(ctx, p)
}

// refusal says beside an error that it is about coming in, or about a nick: some clients look at no other (XEP-0045 §7.2.5 to §7.2.10, §7.6).
func refusal(st *xmpp.Stanza, err error) error {
	var e *xmpp.Error
	if st.Type == "" && errors.As(err, &e) {
		return e.WithBeside(xmpp.New(nsMUC, "x"))
	}
	return err
}

// take is for what has no place in a room's order: requests, and what is sent to the service itself.
func (s *Service) take(ctx context.Context, p *server.Passage) error {
	st := p.Stanza
	switch {
	case st.Kind == xmpp.IQ:
		return s.iq(ctx, p)
	case st.To.Local() != "": // ordered by decide
		return nil
	case st.Kind == xmpp.Message:
		return xmpp.ErrServiceUnavailable.With("Nobody reads messages to the service itself.")
	}
	return nil
}

// occupantID is by what an account is known in a room (XEP-0421 §4): the same whatever the nick is, and nothing to be recognised by elsewhere.
func (s *Service) occupantID(room, account xmpp.JID) string {
	mac := hmac.New(sha256.New, s.opts.Key)
	mac.Write([]byte(room.String()))
	mac.Write([]byte{0})
	mac.Write([]byte(account.String()))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18])
}
