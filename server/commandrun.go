package server

import (
	"context"
	"errors"
	"sync"
	"time"

	"palabre/xmpp"
)

// How many commands may be under way, and for how long each may rest.
const (
	mostCommands    = 1000
	mostCommandsOne = 8 // of one account
	commandPatience = 15 * time.Minute
)

// A commandSession is a command under way (XEP-0050 §3.3). It belongs to the full JID that began it.
type commandSession struct {
	id      string
	cmd     *Command
	from    xmpp.JID
	to      xmpp.JID
	reply   CommandReply // what was answered last
	touched time.Time
}

// commandSessions are those that wait for their user. One whose step is running is not among them, so that no step runs twice at once.
type commandSessions struct {
	host *Host
	mu   sync.Mutex // tier 4
	m    map[string]*commandSession
}

// take gives the session that a request goes on with.
func (a *commandSessions) take(id string, cmd *Command, r *Request) (*commandSession, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.m[id]
	if s == nil || s.cmd != cmd || s.from != r.From || s.to != r.To || a.host.Now().Sub(s.touched) > commandPatience {
		return nil, errCommand(xmpp.ErrNotAllowed, "session-expired", "This command is no longer under way. Start it again.")
	}
	delete(a.m, id)
	return s, nil
}

// put keeps a session until its user goes on with it. An account with too many loses the one that has rested the longest.
func (a *commandSessions) put(s *commandSession) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	s.touched = a.host.Now()
	var oldest *commandSession
	same := 0
	for id, other := range a.m {
		if s.touched.Sub(other.touched) > commandPatience {
			delete(a.m, id)
		} else if other.from.Bare() == s.from.Bare() {
			same++
			if oldest == nil || other.touched.Before(oldest.touched) {
				oldest = other
			}
		}
	}
	if same >= mostCommandsOne {
		delete(a.m, oldest.id)
	}
	if len(a.m) >= mostCommands {
		return xmpp.ErrResourceConstraint.With("Too many commands are under way. Try again in a while.")
	}
	a.m[s.id] = s
	return nil
}

func (c *commands) answer(t Target) IQHandler {
	return func(ctx context.Context, r *Request) (xmpp.Element, error) {
		if r.Account != nil && !r.Own {
			if ok, err := c.host.Sees(ctx, r.From, r.Account.JID); err != nil || !ok {
				return xmpp.Element{}, firstError(err, xmpp.ErrServiceUnavailable)
			}
		}
		cmd := c.nodes[t][r.Payload.Attr("node")]
		if !r.IsSet() {
			return xmpp.Element{}, xmpp.ErrBadRequest
		}
		if cmd == nil {
			return xmpp.Element{}, xmpp.ErrItemNotFound.With("There is no such command.")
		}
		if ok, err := cmd.allowed(ctx, r); err != nil || !ok {
			return xmpp.Element{}, firstError(err, xmpp.ErrForbidden.With("You may not run this command."))
		}
		if cmd.Slow {
			return xmpp.Element{}, Later(func(ctx context.Context) (xmpp.Element, error) { return c.step(ctx, cmd, r) })
		}
		return c.step(ctx, cmd, r)
	}
}

// step begins a command or goes on with it.
func (c *commands) step(ctx context.Context, cmd *Command, r *Request) (xmpp.Element, error) {
	action, id := r.Payload.Attr("action"), r.Payload.Attr("sessionid")
	if id == "" {
		if action != "" && action != "execute" {
			return xmpp.Element{}, errCommand(xmpp.ErrBadRequest, "bad-sessionid", "This command has not been started.")
		}
		s := &commandSession{id: c.host.NewID(), cmd: cmd, from: r.From, to: r.To}
		return c.run(ctx, s, s.begin, &CommandCall{Request: r})
	}
	s, err := c.active.take(id, cmd, r)
	if err != nil {
		return xmpp.Element{}, err
	}
	if action == "cancel" { // XEP-0050 §2.4.3
		return xmpp.New(NSCommands, "command").With("node", cmd.Node).With("sessionid", s.id).With("status", "canceled"), nil
	}
	fn, call, err := s.next(action, r)
	if err != nil {
		return xmpp.Element{}, c.stay(s, err)
	}
	return c.run(ctx, s, fn, call)
}

// begin is the first step. A request that brings the form of a command filled in, without having been asked for it, has done the second one, too (XEP-0317 §3.3).
func (s *commandSession) begin(ctx context.Context, call *CommandCall) (CommandReply, error) {
	reply, err := s.cmd.Run(ctx, call)
	if _, filled := call.Payload.Child(xmpp.NSData, "x"); err != nil || !filled || reply.Next == nil {
		return reply, err
	}
	form, err := reply.fill(call.Payload)
	if err != nil {
		return CommandReply{}, err
	}
	return reply.Next(ctx, &CommandCall{Request: call.Request, Form: form})
}

// next is the step that an action stands for (XEP-0050 §3.4), and what it is given.
func (s *commandSession) next(action string, r *Request) (CommandStep, *CommandCall, error) {
	call := &CommandCall{Request: r}
	switch action {
	case "", "execute", "next", "complete":
		if action == "next" && !s.reply.More || action == "complete" && s.reply.More {
			return nil, nil, errBadAction
		}
		form, err := s.reply.fill(r.Payload)
		call.Form = form
		return s.reply.Next, call, err
	case "prev":
		if s.reply.Prev == nil {
			return nil, nil, errBadAction
		}
		return s.reply.Prev, call, nil
	}
	return nil, nil, errCommand(xmpp.ErrBadRequest, "malformed-action", "There is no such action.")
}

var errBadAction = errCommand(xmpp.ErrBadRequest, "bad-action", "That can't be done at this step.")

// fill reads the form of a request. None is as one that was left empty, and one that says cancel is a submission (XEP-0050 §3.5.1).
func (r *CommandReply) fill(payload xmpp.Element) (xmpp.Form, error) {
	submitted := xmpp.Form{Type: xmpp.FormSubmit}
	if x, ok := payload.Child(xmpp.NSData, "x"); ok {
		var err error
		if submitted, err = xmpp.ParseForm(x); err != nil {
			return xmpp.Form{}, badPayload(err)
		}
	}
	if submitted.Type == xmpp.FormCancel {
		submitted.Type = xmpp.FormSubmit
	}
	if r.Form.Type == "" {
		return xmpp.Form{}, nil
	}
	form, err := r.Form.Fill(submitted)
	return form, badPayload(err)
}

func badPayload(err error) error {
	var e *xmpp.Error
	if errors.As(err, &e) {
		return errCommand(e, "bad-payload", e.Text)
	}
	return err
}

// run runs a step and answers with what it says.
func (c *commands) run(ctx context.Context, s *commandSession, fn CommandStep, call *CommandCall) (xmpp.Element, error) {
	reply, err := fn(ctx, call)
	if err != nil {
		return xmpp.Element{}, c.stay(s, err)
	}
	s.reply = reply
	out := xmpp.New(NSCommands, "command").With("node", s.cmd.Node).With("sessionid", s.id)
	if reply.Next == nil {
		out = out.With("status", "completed")
	} else {
		if err := c.active.put(s); err != nil {
			return xmpp.Element{}, err
		}
		out = out.With("status", "executing").Add(reply.actions())
	}
	if reply.Note != "" {
		kind := "info"
		if reply.Failed {
			kind = "error"
		}
		out = out.Add(xmpp.New(NSCommands, "note", xmpp.Text(reply.Note)).With("type", kind))
	}
	if reply.Form.Type != "" {
		out = out.Add(reply.Form.Element())
	}
	return out, nil
}

// stay leaves a command where it was, if it has got anywhere and the user can do something about the error.
func (c *commands) stay(s *commandSession, err error) error {
	var e *xmpp.Error
	if s.reply.Next == nil || !errors.As(err, &e) {
		return err
	}
	if full := c.active.put(s); full != nil {
		return full
	}
	return err
}

// actions is XEP-0050 §4.2.
func (r *CommandReply) actions() xmpp.Element {
	last := "complete"
	if r.More {
		last = "next"
	}
	out := xmpp.New(NSCommands, "actions").With("execute", last)
	if r.Prev != nil {
		out = out.Add(xmpp.New(NSCommands, "prev"))
	}
	return out.Add(xmpp.New(NSCommands, last))
}
