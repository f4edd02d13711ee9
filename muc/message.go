package muc

import (
	"context"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// message is what is said to a room, or by way of it.
func (r *Room) message(ctx context.Context, p *server.Passage) error {
	st := p.Stanza
	switch {
	case st.Type == xmpp.TypeError:
		return r.bounced(p)
	case !r.existsFor(st.From):
		return errNoRoom // §17.2
	case st.Type == xmpp.TypeGroupchat && !st.To.IsBare():
		return xmpp.ErrBadRequest.With("What is said to one occupant is not of type groupchat.") // XEP-0045 §7.5
	case st.Type == xmpp.TypeGroupchat:
		return r.say(ctx, p)
	case !st.To.IsBare():
		return r.whisper(p)
	}
	return r.mediate(ctx, p)
}

var errNoRoom = xmpp.ErrItemNotFound.With("There is no such room.")

func (r *Room) exists() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stored || r.locked
}

// existsFor tells whether there is such a room for somebody: one that is not configured yet is there for who makes it (XEP-0045 §7.2.10, §17.2).
func (r *Room) existsFor(full xmpp.JID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stored || r.locked && r.affiliationLocked(full.Bare()) == Owner
}

// say is a message to everybody (XEP-0045 §7.4).
func (r *Room) say(ctx context.Context, p *server.Passage) error {
	if err := checkRetraction(p.Stanza); err != nil {
		return err
	}
	var taken *retraction
	if id, ok := retracts(p.Stanza); ok {
		err := r.permits(p.Stanza.From, actSpeak) // before anything is looked for on their behalf
		if err != nil {
			return err
		}
		if taken, err = r.ownWords(ctx, p.Stanza, id); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.whoLocked(p.Stanza.From)
	if isSubject(p.Stanza) {
		return r.titleLocked(p, w)
	}
	if err := r.permitLocked(w, actSpeak); err != nil {
		return err
	}
	if err := r.readyLocked(w); err != nil {
		return err
	}
	if err := r.acceptLocked(p.Stanza); err != nil {
		return err
	}
	r.spreadLocked(p, w.occupant, r.burying(taken), taken)
	return nil
}

// spreadLocked orders a message from an occupant. taken is what is taken back by it, or nil.
func (r *Room) spreadLocked(p *server.Passage, o *occupant, writes []server.Write, taken *retraction) {
	st := r.fromOccupant(o, p.Stanza)
	to, volatile := r.audienceLocked(), r.volatileLocked()
	worth := r.service.opts.Archive.Worth(st)
	var entry Entry
	if worth && r.archivesLocked() {
		kept := *st
		kept.Inner += item{affiliation: r.affiliationLocked(o.account), role: o.role, jid: p.Stanza.From}.element() // XEP-0313 §6.1.2
		entry = r.service.opts.Archive.Entry(r.JID, &kept, p.Stanza, streamOf(p))
		writes = append(writes, entry)
	}
	sender, life := p.Stanza.From, r.life
	r.orderLocked(event{by: p, writes: writes, tell: func(ctx context.Context) {
		r.buried(taken)
		packet := stream.Packet{Stanza: st, Volatile: volatile}
		var id int64
		if entry != nil {
			id = entry.ID()
			packet.Tail = r.stanzaID(id)
			if entry.Resent() {
				to = only(to, sender)
			}
		}
		r.give(ctx, to, packet)
		if worth && !volatile && (entry == nil || !entry.Resent()) {
			r.remembered(life, past{st: st, tail: packet.Tail, id: id, at: r.service.host.Now()})
		}
	}}, nil)
}

// remembered keeps a message at hand for those who will come in, unless the room in which it was said is no more. The subject has its own place (XEP-0045 §7.2.13).
func (r *Room) remembered(life int, p past) {
	if isSubject(p.st) {
		return
	}
	p.st = keptStanza(p.st)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.life == life {
		r.recent.add(p, len(r.digs) > 0)
	}
}

// only is the one with this address.
func only(to []listener, full xmpp.JID) []listener {
	for i := range to {
		if to[i].jid == full {
			return to[i : i+1]
		}
	}
	return nil
}

// streamOf names the stream that a stanza came on.
func streamOf(p *server.Passage) string {
	if p.Session != nil {
		return p.Session.Stream()
	}
	return ""
}

// fromOccupant is a message as others get it: from the nick, with nothing that only a service may say but what it says.
func (r *Room) fromOccupant(o *occupant, st *xmpp.Stanza) *xmpp.Stanza {
	for i := range st.Children {
		if isForged(st.Children[i].Name) {
			st = st.Without(func(c xmpp.Child) bool { return isForged(c.Name) })
			break
		}
	}
	c := *st
	c.From, c.To = o.jid, xmpp.JID{}
	c.Inner += o.occupantTag()
	return &c
}

// isSubject tells whether a message changes the subject (§8.1): one with a body or a thread is a message that has one.
func isSubject(st *xmpp.Stanza) bool {
	return st.Has(xmpp.NSClient, "subject") && !st.Has(xmpp.NSClient, "body") && !st.Has(xmpp.NSClient, "thread")
}

// subjectMost bounds a subject, in all its languages, in bytes: everybody who comes in gets it.
const subjectMost = 8 << 10

// titleLocked changes the subject.
func (r *Room) titleLocked(p *server.Passage, w who) error {
	if w.role == NoRole {
		return errNotInside
	}
	if err := r.permitLocked(w, actSubject); err != nil {
		return err
	}
	if err := r.acceptLocked(p.Stanza); err != nil {
		return err
	}
	text := ""
	for _, c := range p.Stanza.Children {
		if c.Name == (xmpp.Name{Space: xmpp.NSClient, Local: "subject"}) {
			if e, err := xmpp.ParseIn(p.Stanza.RawChild(c), xmpp.NSClient, p.Stanza.Extra); err == nil && e.Content() != "" {
				text += string(e.AppendXML(nil, xmpp.NSClient))
			}
		}
	}
	if len(text) > subjectMost {
		return xmpp.ErrPolicyViolation.With("The subject is too long. Shorten it.")
	}
	r.subject = Subject{Text: text, Nick: w.occupant.nick, At: r.service.host.Now()}
	var writes []server.Write
	if r.stored && !r.volatileLocked() { // there, a subject is kept no more than what else is said
		writes = append(writes, r.saveLocked())
	}
	r.spreadLocked(p, w.occupant, writes, nil)
	return nil
}
