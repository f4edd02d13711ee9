package muc

import (
	"context"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// nsVoice is what forms of requests for voice are about (XEP-0045 §16.5.2).
const nsVoice = "http://jabber.org/protocol/muc#request"

// Fields of such forms.
const (
	voiceRole  = "muc#role"
	voiceJID   = "muc#jid"
	voiceNick  = "muc#roomnick"
	voiceAllow = "muc#request_allow"
)

// voicePatience is how many seconds somebody waits before they ask for voice again.
const voicePatience = 30

// voiceForm gives the form of a message that asks for voice, or answers one who does.
func voiceForm(st *xmpp.Stanza) (f xmpp.Form, ok bool) {
	x, ok := st.Child(xmpp.NSData, "x")
	if !ok {
		return f, false
	}
	f, err := xmpp.ParseForm(x)
	return f, err == nil && f.Type == xmpp.FormSubmit && f.About() == nsVoice
}

// voice is a request for voice (XEP-0045 §7.13), or a moderator's answer to one (§8.6).
func (r *Room) voice(p *server.Passage, f xmpp.Form) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.whoLocked(p.Stanza.From)
	if w.role == NoRole {
		return errNotInside
	}
	if role, ok := ParseRole(f.Value(voiceRole)); !ok || role != Participant {
		return xmpp.ErrBadRequest.With("One can ask to be a participant, and for nothing else.")
	}
	if allow, ok := f.Field(voiceAllow); ok {
		return r.grantLocked(p, w, f, allow)
	}
	return r.askVoiceLocked(p, w)
}

// askVoiceLocked hands a request on to the moderators.
func (r *Room) askVoiceLocked(p *server.Passage, w who) error {
	now := r.service.host.Now().Unix()
	switch o := w.occupant; {
	case w.role >= Participant:
		return xmpp.ErrNotAllowed.With("You can speak in this room already.")
	case now-o.asked < voicePatience && !r.service.opts.Limits.Off:
		return xmpp.ErrResourceConstraint.With("You have just asked for voice. Wait for the answer, or a minute, before you ask again.")
	}
	var moderators []listener
	for _, l := range r.audienceLocked() {
		if l.occupant.role == Moderator {
			moderators = append(moderators, l)
		}
	}
	if len(moderators) == 0 {
		return xmpp.ErrServiceUnavailable.With("There is no moderator in the room just now. Ask again later.")
	}
	w.occupant.asked = now
	form := xmpp.NewForm(xmpp.FormForm, nsVoice,
		xmpp.Field{Var: voiceRole, Type: xmpp.FieldListSingle, Label: "Requested role", Values: []string{Participant.String()},
			Options: []xmpp.Option{{Label: "Participant", Value: Participant.String()}}},
		xmpp.Field{Var: voiceJID, Type: xmpp.FieldJIDSingle, Label: "User ID", Values: []string{p.Stanza.From.String()}},
		xmpp.Field{Var: voiceNick, Type: xmpp.FieldTextSingle, Label: "Room nickname", Values: []string{w.occupant.nick}},
		xmpp.Field{Var: voiceAllow, Type: xmpp.FieldBoolean, Label: "Grant voice to this person?", Values: []string{"false"}})
	form.Title = "Voice request"
	form.Instructions = "To let this person speak, tick the box and send the form. To leave things as they are, close it."
	st := xmpp.NewStanza(xmpp.Message, "", form.Element())
	st.From, st.ID = r.JID, r.service.host.NewID()
	r.orderLocked(event{by: p, tell: func(ctx context.Context) { r.give(ctx, moderators, stream.Packet{Stanza: st}) }}, nil)
	return nil
}

// grantLocked gives voice to one who has asked for it. The form tells who that is by address and nick: both have to be right, for a nick may be somebody else's
// by now.
func (r *Room) grantLocked(p *server.Passage, w who, f xmpp.Form, allow xmpp.Field) error {
	if w.role < Moderator {
		return xmpp.ErrForbidden.With("Only the room's moderators can do this.") // §8
	}
	if yes, ok := allow.Bool(); !ok || !yes {
		return server.ErrDrop // §8.6: nobody is told
	}
	o, err := r.namedLocked(f.Value(voiceNick))
	if err != nil {
		return err
	}
	if asked, err := xmpp.ParseJID(f.Value(voiceJID)); err != nil || asked.Bare() != o.account {
		return xmpp.ErrItemNotFound.With("The one who asked for voice is not in the room any more.")
	}
	if o.role != Visitor {
		return server.ErrDrop // somebody else has been faster
	}
	if err := r.permitRoleLocked(w, o, Participant); err != nil {
		return err
	}
	r.orderForLocked(p, *r.appointLocked(w.nick(), appointment{o, Participant, ""}).event())
	return nil
}
