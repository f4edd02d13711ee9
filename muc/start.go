package muc

import (
	"context"

	"palabre/server"
	"palabre/xmpp"
)

// nodeStart is the command that begins a conversation of several people: it makes a room, invites them all, and gives its address.
const nodeStart = "urn:palabre:room:start"

const (
	fieldPeople = "people"
	fieldName   = "name"
	fieldKind   = "preset"
	fieldReason = "reason"
	fieldRoom   = "room"
)

func (s *Service) registerStart(h *server.Host) {
	h.Command(server.ToService, server.Command{
		Node: nodeStart, Name: "Start a conversation of several people",
		Allowed: func(_ context.Context, q *server.Request) (bool, error) {
			return s.opts.Rooms[q.To.Domain()] == q.From.Domain(), nil
		},
		Run: s.startForm,
	})
}

// startForm asks who is to be there.
func (s *Service) startForm(context.Context, *server.CommandCall) (server.CommandReply, error) {
	options := presetOptions()
	form := xmpp.NewForm(xmpp.FormForm, nodeStart,
		xmpp.Field{Var: fieldPeople, Type: xmpp.FieldJIDMulti, Label: "Who is invited", Required: true},
		xmpp.Field{Var: fieldName, Type: xmpp.FieldTextSingle, Label: "Name of the conversation"},
		xmpp.Field{Var: fieldKind, Type: xmpp.FieldListSingle, Label: "What kind of room", Options: options, Values: []string{usualPreset}},
		xmpp.Field{Var: fieldReason, Type: xmpp.FieldTextSingle, Label: "What the others are told"})
	form.Title = "Start a conversation"
	form.Instructions = "Everybody whom you name becomes a member, and is invited."
	return server.CommandReply{Form: form, Next: s.start}, nil
}

// usualPreset is that of conversations that people start with others.
const usualPreset = "group"

// start makes the room.
func (s *Service) start(ctx context.Context, c *server.CommandCall) (server.CommandReply, error) {
	people, err := addressesOf(c.Form, fieldPeople)
	if err != nil {
		return server.CommandReply{}, err
	}
	owner := c.From.Bare()
	if err := s.mayOwn(ctx, owner); err != nil {
		return server.CommandReply{}, err
	}
	if !s.paced(owner, len(people)) {
		return server.CommandReply{}, errInvitations
	}
	room := Creation{Room: c.To.DomainJID(), Owner: owner, Preset: c.Form.Value(fieldKind), People: people, Reason: c.Form.Value(fieldReason)}
	if name := c.Form.Value(fieldName); name != "" {
		room.Fields = []xmpp.Field{{Var: fieldName, Values: []string{name}}}
	}
	made, err := s.Create(ctx, room)
	if err != nil {
		return server.CommandReply{}, err
	}
	return server.CommandReply{Form: xmpp.NewForm(xmpp.FormResult, nodeStart,
		xmpp.Field{Var: fieldRoom, Type: xmpp.FieldJIDSingle, Label: "The room", Values: []string{made.String()}})}, nil
}

// addressesOf reads people from a form, each once. The error is an *xmpp.Error.
func addressesOf(f xmpp.Form, name string) ([]xmpp.JID, error) {
	field, _ := f.Field(name)
	people, err := addresses(field)
	if err != nil {
		return nil, xmpp.ErrNotAcceptable.With("The list of people " + err.Error())
	}
	if len(people) == 0 {
		return nil, xmpp.ErrNotAcceptable.With("Name at least one person.")
	}
	return people, nil
}

// mayOwn tells who has too many rooms to get another one.
func (s *Service) mayOwn(ctx context.Context, account xmpp.JID) error {
	if s.opts.Limits.Off {
		return nil
	}
	rooms, err := s.opts.Store.RoomsOf(ctx, account)
	if err != nil {
		return err
	}
	owns := 0
	for _, l := range rooms {
		if l.Affiliation == Owner {
			owns++
		}
	}
	if owns >= s.opts.Limits.Rooms {
		return xmpp.ErrResourceConstraint.With("You own too many rooms. Leave or destroy one that nobody needs any more.")
	}
	return nil
}
