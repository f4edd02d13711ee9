package courier

import (
	"context"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

// nodeConversation is the command that sends a conversation of two, on one's own account.
const nodeConversation = "urn:palabre:mail:conversation"

const fieldWith = "with"

// senderPace is how many recipients the mails of one account may have.
var senderPace = server.Pace{Burst: 100, Each: time.Minute}

var errPace = xmpp.ErrResourceConstraint.With("You have sent this to too many recipients in a short time. Try again in a while.")

// Info is part of server.Module.
func (d *Desk) Info() server.Info { return server.Info{Name: "courier"} }

// Register is part of server.Module.
func (d *Desk) Register(h *server.Host) {
	d.host = h
	h.Command(server.ToAccount, server.Command{
		Node: nodeConversation, Name: "Send a conversation by e-mail",
		Allowed: func(_ context.Context, q *server.Request) (bool, error) {
			return d.Offers() && q.From.Bare() == q.To.Bare(), nil
		},
		Run: d.conversationForm, Slow: true,
	})
}

// take counts recipients, before anybody is looked for further.
func (d *Desk) take(account xmpp.JID, n int) bool {
	return d.opts.Unlimited || d.sent.Take(d.host.Now(), account, n, senderPace)
}

// conversationForm asks which conversation goes to whom.
func (d *Desk) conversationForm(context.Context, *server.CommandCall) (server.CommandReply, error) {
	form := d.Form()
	form.Title = "Send a conversation by e-mail"
	with := xmpp.Field{Var: fieldWith, Type: xmpp.FieldJIDSingle, Label: "With whom", Required: true}
	form.Fields = append([]xmpp.Field{form.Fields[0], with}, form.Fields[1:]...)
	return server.CommandReply{Form: form, Next: d.conversation}, nil
}

// conversation sends what was said between the one who asks and another. The other one is told, in the name of who asks: that message and the mail are committed together.
func (d *Desk) conversation(ctx context.Context, c *server.CommandCall) (server.CommandReply, error) {
	with, err := xmpp.ParseJID(c.Form.Value(fieldWith))
	switch _, room := d.opts.Rooms[with.Domain()]; {
	case err != nil:
		return server.CommandReply{}, xmpp.ErrJIDMalformed.With("Write the address of the one with whom the conversation was.")
	case room:
		return server.CommandReply{}, xmpp.ErrNotAcceptable.With("That is a room: run its own command.")
	case with.Bare() == c.From.Bare():
		return server.CommandReply{}, xmpp.ErrNotAcceptable.With("Name somebody else.")
	}
	order, err := d.Order(ctx, c.From, c.Form)
	if err != nil {
		return server.CommandReply{}, err
	}
	me, err := d.opts.Directory.Person(ctx, c.From.Bare())
	if err != nil {
		return server.CommandReply{}, err
	}
	var you Entry
	if with.Domain() == c.From.Domain() { // who is who in other domains is not for the users of this one
		if you, err = d.opts.Directory.Person(ctx, with.Bare()); err != nil {
			return server.CommandReply{}, err
		}
	}
	draft, err := order.Draft(ctx, Letter{
		Archive: c.From.Bare(), With: with.Bare(), Within: []Span{{}}, Title: calling(you, with), By: calling(me, c.From), ByAccount: true, About: with.Bare(),
	})
	if err != nil {
		return server.CommandReply{}, err
	}
	st := xmpp.NewStanza(xmpp.Message, xmpp.TypeChat, xmpp.New(xmpp.NSClient, "body", xmpp.Text(order.Notice(calling(me, c.From), false))), xmpp.New(FormType, "sent"))
	st.ID, st.From, st.To = d.host.NewID(), c.From.Bare(), with.Bare()
	if err := d.host.RouteTogether(ctx, []server.Write{draft.Queue()}, nil, st); err != nil {
		draft.Drop(context.WithoutCancel(ctx))
		return server.CommandReply{}, err
	}
	return server.CommandReply{Note: "It is on its way. " + calling(you, with) + " is told."}, nil
}

// calling is what somebody is called.
func calling(e Entry, j xmpp.JID) string {
	switch {
	case e.Name != "":
		return e.Name
	case j.Local() != "":
		return j.Local()
	}
	return j.String()
}
