package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"palabre/xmpp"
)

const (
	nsMUC      = "http://jabber.org/protocol/muc"
	nsMUCUser  = "http://jabber.org/protocol/muc#user"
	nsMUCOwner = "http://jabber.org/protocol/muc#owner"
)

// ownPresence is the status code of what a room says of oneself (XEP-0045 §7.2.2).
const ownPresence = "110"

// roomFields is what rooms are set to, where their form has the field: whoever wants to may enter, and what is said is kept if the
// server keeps it at all, for which the fields are Prosody's and ejabberd's.
var roomFields = map[string]string{
	"muc#roomconfig_membersonly":     "0",
	"muc#roomconfig_enablearchiving": "1",
	"mam":                            "1",
}

// room gives the address of a room that only this run has.
func (r *Run) room(i int) (xmpp.JID, error) {
	service := r.Service
	if service == "" {
		service = "conference." + r.Users[0].JID.Domain()
	}
	jid, err := xmpp.NewJID("bench-"+r.ID+"-"+strconv.Itoa(i), service, "")
	if err != nil {
		return jid, fmt.Errorf("bench: rooms at %q: %w", service, err)
	}
	return jid, nil
}

// nick is the name of a user in a room; nickIndex takes it apart again, and is negative for what is none.
func nick(i int) string { return "n" + strconv.Itoa(i) }

func nickIndex(name string) int {
	i, err := strconv.Atoi(name[min(1, len(name)):])
	if err != nil || nick(i) != name {
		return -1
	}
	return i
}

// join asks to enter a room, without what was said there before (XEP-0045 §7.2.1, §7.2.14). It does not wait.
func (s *Session) join(room xmpp.JID, name string) error {
	at, err := room.WithResource(name)
	if err != nil {
		return err
	}
	st := xmpp.NewStanza(xmpp.Presence, "", xmpp.New(nsMUC, "x", xmpp.New(nsMUC, "history").With("maxchars", "0")))
	st.To = at
	return s.SendStanza(st)
}

// isOwn tells whether a presence says of itself that it is its recipient's (XEP-0045 §7.2.2).
func isOwn(st *xmpp.Stanza) bool {
	x, _ := st.Child(nsMUCUser, "x")
	return slices.ContainsFunc(x.Elements(), func(e xmpp.Element) bool {
		return e.Is(nsMUCUser, "status") && e.Attr("code") == ownPresence
	})
}

// isSubject tells whether a message is the room's subject: it ends what a newcomer is sent (XEP-0045 §7.2.15).
func isSubject(st *xmpp.Stanza) bool {
	return st.Kind == xmpp.Message && st.Type == xmpp.TypeGroupchat && st.Has(xmpp.NSClient, "subject") && !st.Has(xmpp.NSClient, "body")
}

// refusal is the error that a room answers with, nil if that is not what it does.
func refusal(st *xmpp.Stanza) error {
	if err := stanzaError(st); err != nil {
		return fmt.Errorf("bench: room %s: %w", st.From, err)
	}
	return nil
}

// configure fills out the form of a room of one's own, which opens it to others (XEP-0045 §10.1.3).
func (s *Session) configure(ctx context.Context, room xmpp.JID) error {
	iq := xmpp.NewStanza(xmpp.IQ, xmpp.TypeGet, xmpp.New(nsMUCOwner, "query"))
	iq.To = room
	answer, err := s.Request(ctx, iq)
	if err != nil {
		return fmt.Errorf("bench: form of %s: %w", room, err)
	}
	query, _ := answer.Child(nsMUCOwner, "query")
	x, _ := query.Child(xmpp.NSData, "x")
	form, err := xmpp.ParseForm(x)
	if err != nil {
		return fmt.Errorf("bench: form of %s: %w", room, err)
	}
	set := xmpp.NewStanza(xmpp.IQ, xmpp.TypeSet, xmpp.New(nsMUCOwner, "query", filled(form).Element()))
	set.To = room
	if _, err := s.Request(ctx, set); err != nil {
		return fmt.Errorf("bench: configuration of %s: %w", room, err)
	}
	return nil
}

// filled is the form as it is sent back: as it was, but for roomFields.
func filled(form xmpp.Form) xmpp.Form {
	out := xmpp.Form{Type: xmpp.FormSubmit}
	for _, f := range form.Fields {
		if f.Var == "" || f.Type == xmpp.FieldFixed {
			continue
		}
		values := f.Values
		if value, ok := roomFields[f.Var]; ok {
			values = []string{value}
		}
		out.Fields = append(out.Fields, xmpp.Field{Var: f.Var, Type: f.Type, Values: values})
	}
	return out
}

// destroy ends a room (XEP-0045 §10.9), so that those inside need not leave one by one.
func (s *Session) destroy(ctx context.Context, room xmpp.JID) error {
	iq := xmpp.NewStanza(xmpp.IQ, xmpp.TypeSet, xmpp.New(nsMUCOwner, "query", xmpp.New(nsMUCOwner, "destroy")))
	iq.To = room
	if _, err := s.Request(ctx, iq); err != nil {
		return fmt.Errorf("bench: end of %s: %w", room, err)
	}
	return nil
}

// archived asks how many messages a room has in its archive (XEP-0313 §6.3). One without an archive has none.
func (s *Session) archived(ctx context.Context, room xmpp.JID) (int, error) {
	b := &browser{session: s, of: room}
	n, err := b.count(ctx)
	var refused *xmpp.Error
	if errors.As(err, &refused) {
		return 0, nil
	}
	return n, err
}
