package muc

import (
	"context"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

// A roomCommand is a command of rooms (XEP-0050).
type roomCommand struct {
	node, name string
	may        func(r *Room, w who) bool // called with the lock
	run        func(ctx context.Context, s *Service, c *server.CommandCall) (server.CommandReply, error)
}

var roomCommands = []roomCommand{
	{"leave", "Leave for good", isMember, runLeave},
	{"invite", "Invite people", mayInvite, inviteForm},
	{"show", "Show what the room is", isMember, runShow},
	{"people", "List members, admins and owners", mayKnowPeople, runPeople},
	{"affiliation", "Change what somebody is to the room", isAdmin, affiliationForm},
	{"set", "Change the configuration", isOwner, setForm},
	{"open", "Open the room to everybody", isOwner, runAccess(Open, "Everybody may enter now. What was said before stays with those who were there.")},
	{"close", "Close the room to all who are not members", isOwner, runAccess(ByInvitation, "Only members may enter now.")},
	{"destroy", "Destroy the room", isOwner, destroyForm},
}

func isMember(_ *Room, w who) bool { return w.affiliation >= Member }
func isAdmin(r *Room, w who) bool  { return r.permitAffiliationsLocked(w) == nil }
func isOwner(r *Room, w who) bool  { return r.permitLocked(w, actOwn) == nil }

// mayKnowPeople: the list has the owners' and admins' addresses, which a semi-anonymous room keeps for its owners (XEP-0045 §10.5, §10.8).
func mayKnowPeople(r *Room, w who) bool {
	return w.affiliation == Owner || w.affiliation == Admin && !r.config.Policy.Anonymous
}

func mayInvite(r *Room, w who) bool { return r.permitLocked(w, actInvite) == nil }

func (s *Service) registerCommands(h *server.Host) {
	s.registerStart(h)
	for _, rc := range roomCommands {
		rc.node = ownField + rc.node
		s.roomCommand(h, rc)
	}
	for _, rc := range commandsOfHats {
		s.roomCommand(h, rc)
	}
}

func (s *Service) roomCommand(h *server.Host, rc roomCommand) {
	h.Command(server.ToRoom, s.asCommand(rc))
}

func (s *Service) asCommand(rc roomCommand) server.Command {
	return server.Command{
		Node: rc.node, Name: rc.name,
		Allowed: func(ctx context.Context, q *server.Request) (ok bool, err error) {
			err = s.manage(ctx, q.To, func(r *Room) error {
				r.mu.Lock()
				defer r.mu.Unlock()
				ok = r.stored && rc.may(r, r.whoLocked(q.From))
				return nil
			})
			return ok, err
		},
		Run: func(ctx context.Context, c *server.CommandCall) (server.CommandReply, error) {
			return rc.run(ctx, s, c)
		},
	}
}

// done is the end of a command.
func done(note string, err error) (server.CommandReply, error) {
	return server.CommandReply{Note: note}, err
}

// act orders what a command asks for, if its sender still may.
func (s *Service) act(ctx context.Context, c *server.CommandCall, may func(*Room, who) bool, decide func(r *Room, w who) (*event, error)) error {
	return s.manage(ctx, c.To, func(r *Room) error {
		return r.change(ctx, func() (*event, error) {
			w := r.whoLocked(c.From)
			if !may(r, w) {
				return nil, xmpp.ErrForbidden.With("You may not do this any more.")
			}
			return decide(r, w)
		})
	})
}

func runLeave(ctx context.Context, s *Service, c *server.CommandCall) (server.CommandReply, error) {
	return done("You have left this room for good.", s.manage(ctx, c.To, func(r *Room) error { return r.quit(ctx, c.From.Bare()) }))
}

// fill asks for a form, and goes on with it.
func fill(s *Service, form xmpp.Form, next func(ctx context.Context, s *Service, c *server.CommandCall) error, note string) (server.CommandReply, error) {
	return server.CommandReply{Form: form, Next: func(ctx context.Context, c *server.CommandCall) (server.CommandReply, error) {
		return done(note, next(ctx, s, c))
	}}, nil
}

func inviteForm(_ context.Context, s *Service, _ *server.CommandCall) (server.CommandReply, error) {
	form := xmpp.NewForm(xmpp.FormForm, ownField+"invite",
		xmpp.Field{Var: fieldPeople, Type: xmpp.FieldJIDMulti, Label: "Who is invited", Required: true},
		xmpp.Field{Var: fieldReason, Type: xmpp.FieldTextSingle, Label: "What they are told"})
	form.Title = "Invite people"
	return fill(s, form, runInvite, "They are invited.")
}

func runInvite(ctx context.Context, s *Service, c *server.CommandCall) error {
	people, err := addressesOf(c.Form, fieldPeople)
	if err != nil {
		return err
	}
	if !s.paced(c.From.Bare(), len(people)) {
		return errInvitations
	}
	list, err := s.named(ctx, c.From, people, c.Form.Value(fieldReason))
	if err != nil {
		return err
	}
	return s.act(ctx, c, mayInvite, func(r *Room, w who) (*event, error) {
		if !r.pacedLocked(len(list)) {
			return nil, errInvitations
		}
		return r.inviteLocked(w, c.Stanza, list)
	})
}

func affiliationForm(_ context.Context, s *Service, _ *server.CommandCall) (server.CommandReply, error) {
	var options []xmpp.Option
	for _, name := range affiliations {
		options = append(options, xmpp.Option{Value: name})
	}
	form := xmpp.NewForm(xmpp.FormForm, ownField+"affiliation",
		xmpp.Field{Var: "jid", Type: xmpp.FieldJIDSingle, Label: "Whose", Required: true},
		xmpp.Field{Var: "affiliation", Type: xmpp.FieldListSingle, Label: "What they become; none: nothing any more", Options: options, Required: true},
		xmpp.Field{Var: fieldReason, Type: xmpp.FieldTextSingle, Label: "Why"})
	form.Title = "Change what somebody is to the room"
	return fill(s, form, runAffiliation, "It is changed.")
}

func runAffiliation(ctx context.Context, s *Service, c *server.CommandCall) error {
	j, err := xmpp.ParseJID(c.Form.Value("jid"))
	a, ok := ParseAffiliation(c.Form.Value("affiliation"))
	if err != nil || !ok {
		return xmpp.ErrNotAcceptable.With("Say whose affiliation becomes which.")
	}
	changes := []change{{affiliation: a, jid: j, reason: c.Form.Value(fieldReason)}}
	if err := s.exist(ctx, Member, changes); err != nil {
		return err
	}
	return s.act(ctx, c, isAdmin, func(r *Room, w who) (*event, error) {
		u, err := r.changeAffiliationsLocked(w, changes)
		if err != nil {
			return nil, err
		}
		return u.event(), nil
	})
}

// setForm is the form of XEP-0045 §10.2, for clients that know commands only.
func setForm(ctx context.Context, s *Service, c *server.CommandCall) (reply server.CommandReply, err error) {
	err = s.manage(ctx, c.To, func(r *Room) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		reply, err = fill(s, r.formLocked(), runSet, "It is changed.")
		return err
	})
	return reply, err
}

func runSet(ctx context.Context, s *Service, c *server.CommandCall) error {
	form := c.Form
	form.Type = xmpp.FormSubmit
	return s.act(ctx, c, isOwner, func(r *Room, w who) (*event, error) { return r.configureLocked(w.account, form) })
}

// runAccess makes a step that says who may come in.
func runAccess(a Access, note string) func(context.Context, *Service, *server.CommandCall) (server.CommandReply, error) {
	return func(ctx context.Context, s *Service, c *server.CommandCall) (server.CommandReply, error) {
		form, err := submission([]xmpp.Field{{Var: "access", Values: []string{accesses[a]}}})
		if err != nil {
			return server.CommandReply{}, err
		}
		return done(note, s.act(ctx, c, isOwner, func(r *Room, w who) (*event, error) { return r.configureLocked(w.account, form) }))
	}
}

func destroyForm(_ context.Context, s *Service, _ *server.CommandCall) (server.CommandReply, error) {
	form := xmpp.NewForm(xmpp.FormForm, ownField+"destroy",
		xmpp.Field{Var: fieldReason, Type: xmpp.FieldTextSingle, Label: "What those inside are told"},
		xmpp.Field{Var: fieldRoom, Type: xmpp.FieldJIDSingle, Label: "Another room where they may go"})
	form.Title = "Destroy the room"
	form.Instructions = "The room goes with everything that was said in it. This can't be undone."
	return fill(s, form, runDestroy, "The room is destroyed.")
}

func runDestroy(ctx context.Context, s *Service, c *server.CommandCall) error {
	d := destruction{reason: c.Form.Value(fieldReason)}
	if v := c.Form.Value(fieldRoom); v != "" {
		var err error
		if d.venue, err = xmpp.ParseJID(v); err != nil {
			return xmpp.ErrJIDMalformed.With("The address of the other room is none.")
		}
	}
	if err := checkReason(d.reason); err != nil {
		return err
	}
	return s.act(ctx, c, isOwner, func(r *Room, _ who) (*event, error) {
		d.reason = r.reasonLocked(d.reason)
		return r.destroyLocked(d), nil
	})
}

func runPeople(ctx context.Context, s *Service, c *server.CommandCall) (server.CommandReply, error) {
	people, err := s.People(ctx, c.To)
	if err != nil {
		return server.CommandReply{}, err
	}
	form := xmpp.Form{Type: xmpp.FormResult, Title: "People of " + c.To.String(), Reported: []xmpp.Field{
		{Var: "jid", Type: xmpp.FieldJIDSingle, Label: "Address"}, {Var: "affiliation", Label: "Is"}, {Var: "nick", Label: "Nickname"}, {Var: "reason", Label: "Why"},
	}}
	for _, p := range people[:min(len(people), mostShown)] {
		form.Items = append(form.Items, []xmpp.Field{
			{Var: "jid", Values: []string{p.Account.String()}}, {Var: "affiliation", Values: []string{p.Affiliation.String()}},
			{Var: "nick", Values: orNothing(p.Nick)}, {Var: "reason", Values: orNothing(p.Reason)},
		})
	}
	reply := server.CommandReply{Form: form}
	if len(people) > mostShown {
		reply.Note = "These are the first of them. Your client can ask for all by XEP-0045."
	}
	return reply, nil
}

const mostShown = 1000 // people in the answer to a command

// runShow tells what the room is, without its password.
func runShow(ctx context.Context, s *Service, c *server.CommandCall) (server.CommandReply, error) {
	d, err := s.Details(ctx, c.To)
	if err != nil {
		return server.CommandReply{}, err
	}
	form := xmpp.NewForm(xmpp.FormResult, nsRoomConfig, d.Settings...)
	form.Title = "What " + c.To.String() + " is"
	form.Fields = append(form.Fields, xmpp.Field{Var: ownField + "created", Label: "Made", Values: []string{d.Created.UTC().Format(time.RFC3339)}})
	return server.CommandReply{Form: form}, nil
}
