package muc

import (
	"context"
	"slices"

	"palabre/server"
	"palabre/xmpp"
)

// Nodes and fields of the commands about hats (XEP-0317 §3.2 to §3.8).
const (
	hatCommands = "urn:xmpp:hats:commands"
	hatJID      = "hats#jid"
	hatURI      = "hats#uri"
	hatTitle    = "hats#title"
	hatHue      = "hats#hue"
)

var commandsOfHats = []roomCommand{
	{hatCommands + ":create", "Create or change a hat", isOwner, hatStep("Creating a hat", createFields, runCreateHat, "The hat is there.")},
	{hatCommands + ":destroy", "Destroy a hat", isOwner, hatStep("Destroying a hat", hatFields, runDestroyHat, "The hat is gone.")},
	{hatCommands + ":assign", "Give somebody a hat", isOwner, hatStep("Assigning a hat", wearerFields, runAssignHat, "The hat is theirs.")},
	{hatCommands + ":unassign", "Take a hat from somebody", isOwner, hatStep("Removing a hat", wearerFields, runUnassignHat, "The hat is taken.")},
	{hatCommands + ":list", "List the hats", mayKnowHats, runListHats},
	{hatCommands + ":list-assigned", "List who wears which hat", mayKnowWearers, runListWearers},
}

func mayKnowHats(r *Room, w who) bool { return w.affiliation >= Member || w.role > NoRole }

// mayKnowWearers: the list has addresses.
func mayKnowWearers(r *Room, w who) bool {
	return w.affiliation == Owner || !r.config.Policy.Anonymous && mayKnowHats(r, w) // XEP-0045 §10.5
}

// hatStep is the first step of a command that asks for a form.
func hatStep(title string, fields func([]xmpp.Option) []xmpp.Field, next func(ctx context.Context, s *Service, c *server.CommandCall) error, note string) func(context.Context, *Service, *server.CommandCall) (server.CommandReply, error) {
	return func(ctx context.Context, s *Service, c *server.CommandCall) (reply server.CommandReply, err error) {
		var options []xmpp.Option
		err = s.manage(ctx, c.To, func(r *Room) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, h := range r.config.hats() {
				options = append(options, xmpp.Option{Label: h.Title, Value: h.URI})
			}
			return nil
		})
		if err != nil {
			return reply, err
		}
		form := xmpp.NewForm(xmpp.FormForm, hatCommands, fields(options)...)
		form.Title = title
		return fill(s, form, next, note)
	}
}

func createFields([]xmpp.Option) []xmpp.Field {
	return []xmpp.Field{
		{Var: hatTitle, Type: xmpp.FieldTextSingle, Label: "Hat title", Required: true},
		{Var: hatURI, Type: xmpp.FieldTextSingle, Label: "Hat URI", Required: true},
		{Var: hatHue, Type: xmpp.FieldTextSingle, Label: "Hat hue"},
	}
}

func hatFields(options []xmpp.Option) []xmpp.Field {
	return []xmpp.Field{{Var: hatURI, Type: xmpp.FieldListSingle, Label: "The hat", Options: options, Required: true}}
}

func wearerFields(options []xmpp.Option) []xmpp.Field {
	return append([]xmpp.Field{{Var: hatJID, Type: xmpp.FieldJIDSingle, Label: "User address", Required: true}}, hatFields(options)...)
}

// changeHats changes the hats of a room, by what change gives: who is to be shown anew, and whether the list is another one.
func (s *Service) changeHats(ctx context.Context, c *server.CommandCall, change func(r *Room) (shown []string, listed bool, err error)) error {
	return s.act(ctx, c, isOwner, func(r *Room, _ who) (*event, error) {
		before := r.config.Hats
		shown, listed, err := change(r)
		if err != nil {
			r.config.Hats = before
			return nil, err
		}
		u := r.upshotLocked("")
		u.writes = append(u.writes, r.saveLocked())
		u.rehatLocked(shown)
		u.settleLocked()
		var codes []int
		if listed {
			codes = append(codes, 104) // XEP-0317 §3.2
		}
		return r.changeLocked(u, codes), nil
	})
}

func runCreateHat(ctx context.Context, s *Service, c *server.CommandCall) error {
	h := Hat{URI: c.Form.Value(hatURI), Title: c.Form.Value(hatTitle), Hue: c.Form.Value(hatHue)}
	if err := h.check(); err != nil {
		return err
	}
	return s.changeHats(ctx, c, func(r *Room) ([]string, bool, error) {
		before, _ := r.config.hat(h.URI)
		h.Worn = before.Worn
		return h.Worn, true, r.config.putHat(h)
	})
}

func runDestroyHat(ctx context.Context, s *Service, c *server.CommandCall) error {
	return s.changeHats(ctx, c, func(r *Room) ([]string, bool, error) {
		h, ok := r.config.hat(c.Form.Value(hatURI))
		if !ok {
			return nil, false, errNoHat
		}
		r.config.dropHat(h.URI)
		return h.Worn, true, nil
	})
}

var errNoHat = xmpp.ErrItemNotFound.With("There is no such hat in this room.")

func runAssignHat(ctx context.Context, s *Service, c *server.CommandCall) error {
	return s.changeWearer(ctx, c, func(h *Hat, account string) error {
		if !slices.Contains(h.Worn, account) {
			h.Worn = append(slices.Clone(h.Worn), account)
		}
		return nil
	})
}

func runUnassignHat(ctx context.Context, s *Service, c *server.CommandCall) error {
	return s.changeWearer(ctx, c, func(h *Hat, account string) error {
		if !slices.Contains(h.Worn, account) {
			return xmpp.ErrItemNotFound.With(account + " has not been given this hat.")
		}
		h.Worn = slices.DeleteFunc(slices.Clone(h.Worn), func(s string) bool { return s == account })
		return nil
	})
}

func (s *Service) changeWearer(ctx context.Context, c *server.CommandCall, change func(h *Hat, account string) error) error {
	j, err := xmpp.ParseJID(c.Form.Value(hatJID))
	if err != nil || j.Local() == "" {
		return xmpp.ErrJIDMalformed.With("Say by their address who it is.")
	}
	account := j.Bare().String()
	return s.changeHats(ctx, c, func(r *Room) ([]string, bool, error) {
		h, ok := r.config.hat(c.Form.Value(hatURI))
		if !ok {
			return nil, false, errNoHat
		}
		if err := change(&h, account); err != nil {
			return nil, false, err
		}
		return []string{account}, false, r.config.putHat(h)
	})
}

func runListHats(ctx context.Context, s *Service, c *server.CommandCall) (server.CommandReply, error) {
	return s.listHats(ctx, c, "Hats", []string{hatTitle, hatURI, hatHue}, func(h Hat, row func(values ...string)) { row(h.Title, h.URI, h.Hue) })
}

func runListWearers(ctx context.Context, s *Service, c *server.CommandCall) (server.CommandReply, error) {
	return s.listHats(ctx, c, "Who wears which hat", []string{hatJID, hatURI, hatTitle, hatHue}, func(h Hat, row func(values ...string)) {
		for _, account := range h.Worn {
			row(account, h.URI, h.Title, h.Hue)
		}
	})
}

// listHats is a table about hats.
func (s *Service) listHats(ctx context.Context, c *server.CommandCall, title string, names []string, of func(h Hat, row func(values ...string))) (server.CommandReply, error) {
	form := xmpp.Form{Type: xmpp.FormResult, Title: title}
	for _, name := range names {
		form.Reported = append(form.Reported, xmpp.Field{Var: name})
	}
	row := func(values ...string) {
		var fields []xmpp.Field
		for i, v := range values {
			if v != "" {
				fields = append(fields, xmpp.Field{Var: names[i], Values: []string{v}})
			}
		}
		form.Items = append(form.Items, fields)
	}
	err := s.manage(ctx, c.To, func(r *Room) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, h := range r.config.hats() {
			of(h, row)
		}
		return nil
	})
	return server.CommandReply{Form: form}, err
}
