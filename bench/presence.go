package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"palabre/xmpp"
)

// presence is status changes: each user has contacts, all subscribed to each other and on-line, to whom every change goes.
type presence struct{}

func (presence) Name() string { return "presence" }
func (presence) About() string {
	return "users change their status; each change goes to all their contacts"
}
func (presence) Unit() string { return "presence delivered" }

func (presence) Users(c *Config, given int) (int, error) {
	switch {
	case given <= c.Contacts:
		return 0, fmt.Errorf("for %d contacts it takes at least %d users; there are %d", c.Contacts, c.Contacts+1, given)
	case c.Contacts%2 == 1 && given%2 == 1:
		given-- // an odd number of contacts for each of an odd number of users does not exist
		if given <= c.Contacts {
			return 0, fmt.Errorf("for %d contacts it takes at least %d users", c.Contacts, c.Contacts+3)
		}
	}
	return given, nil
}

func (presence) Run(ctx context.Context, r *Run) (err error) {
	t := newTraffic(r, 1)
	r.Report.Contacts = r.Contacts
	people := make([]*person, len(r.Users))
	byJID := make(map[xmpp.JID]*person)
	for i, u := range r.Users {
		people[i] = &person{index: i, jid: u.JID, receiver: t.receiver(), ready: make(chan struct{}), want: make(map[xmpp.JID]bool)}
		byJID[u.JID] = people[i]
	}
	for _, p := range people {
		for _, j := range neighbours(p.index, len(people), r.Contacts) {
			p.contacts = append(p.contacts, people[j])
			p.want[people[j].jid] = true
		}
	}
	r.Progress("logging in %d users", len(r.Users))
	sessions, err := r.loginAll(ctx, func(i int) Handler {
		return func(s *Session, st *xmpp.Stanza) { people[i].handle(t, s, st) }
	})
	defer func() { err = errors.Join(err, r.closeAll(ctx, sessions)) }()
	if err != nil {
		return err
	}
	if err := r.befriend(ctx, sessions, people); err != nil {
		return err
	}
	for i, p := range people {
		to := make([]*receiver, len(p.contacts))
		for k, c := range p.contacts {
			to[k] = c.receiver
		}
		t.lane(sessions[i], to, composeStatus)
	}
	return t.load(ctx)
}

// composeStatus writes a change between busy and away with a text of the user's own.
func composeStatus(b []byte, s stamp) []byte {
	show := [...]string{"dnd", "away"}[s.n%2]
	b = append(b, "<presence><show>"...)
	b = append(b, show...)
	b = append(b, "</show><status>"...)
	b = s.appendTo(b, 0)
	return append(b, "</status></presence>"...)
}

// A person is a user with contacts.
type person struct {
	index    int
	jid      xmpp.JID // bare
	contacts []*person
	receiver *receiver

	mu    sync.Mutex        // tier: above a Session's
	want  map[xmpp.JID]bool // contacts to whom there is no subscription both ways yet
	ready chan struct{}     // closed when there are none
}

// handle takes the stanzas of a person's session.
func (p *person) handle(t *traffic, s *Session, st *xmpp.Stanza) {
	switch {
	case st.Kind == xmpp.Presence && st.Type == xmpp.TypeSubscribe:
		s.SendStanza(&xmpp.Stanza{Kind: xmpp.Presence, Type: xmpp.TypeSubscribed, To: st.From.Bare()})
	case st.Kind == xmpp.Presence && st.Type == "" && st.From.Bare() != p.jid: // one's own comes back too (RFC 6121 §4.4.2)
		t.arrive(p.receiver, textOf(st, "status"))
	case st.Kind == xmpp.IQ && st.Type == xmpp.TypeSet:
		if query, ok := st.Child(nsRoster, "query"); ok {
			p.learn(query)
		}
	}
}

// learn takes what a roster or a roster push says. It gives the contacts to whom we are not subscribed.
func (p *person) learn(roster xmpp.Element) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, item := range roster.Elements() {
		jid, err := xmpp.ParseJID(item.Attr("jid"))
		if err == nil && item.Attr("subscription") == "both" && p.want[jid] {
			delete(p.want, jid)
			if len(p.want) == 0 {
				close(p.ready)
			}
		}
	}
}

// missing lists the contacts to whom there is no subscription both ways.
func (p *person) missing() []xmpp.JID {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]xmpp.JID, 0, len(p.want))
	for jid := range p.want {
		out = append(out, jid)
	}
	return out
}

// befriend brings all on-line and subscribes them to their contacts, both ways, over the protocol (RFC 6121 §3.1): each
// asks for what it lacks, and all approve. What an earlier run has done already is kept.
func (r *Run) befriend(ctx context.Context, sessions []*Session, people []*person) error {
	if err := r.each(len(people), func(i int) error {
		roster, err := sessions[i].Appear(ctx)
		if err == nil {
			people[i].learn(roster)
		}
		return err
	}); err != nil {
		return err
	}
	asked := 0
	for i, p := range people {
		for _, jid := range p.missing() {
			asked++
			if err := sessions[i].SendStanza(&xmpp.Stanza{Kind: xmpp.Presence, Type: xmpp.TypeSubscribe, To: jid}); err != nil {
				return sessions[i].reason(err)
			}
		}
	}
	r.Progress("%d users have %s contacts each; %d subscriptions are made", len(people), strconv.Itoa(r.Contacts), asked)
	for _, p := range people {
		select {
		case <-p.ready:
		case <-ctx.Done():
			return fmt.Errorf("%w: %s has not come to be subscribed with %d of its contacts", context.Cause(ctx), p.jid, len(p.missing()))
		}
	}
	return r.each(len(sessions), func(i int) error { return sessions[i].Fence(ctx) })
}

// neighbours gives k contacts of number i among n, on a ring, so that contact is mutual and all have as many.
func neighbours(i, n, k int) []int {
	var out []int
	for d := 1; d <= k/2; d++ {
		out = append(out, (i+d)%n, (i-d+n)%n)
	}
	if k%2 == 1 {
		out = append(out, (i+n/2)%n)
	}
	return out
}
