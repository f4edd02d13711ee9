package server

import (
	"context"

	"palabre/xmpp"
)

// NSCommands is the namespace of ad-hoc commands, and the node that lists them (XEP-0050 §2.2).
const NSCommands = "http://jabber.org/protocol/commands"

// A Command is something that any client can have done by filling in forms (XEP-0050).
type Command struct {
	Node string // unique at its target
	Name string // for people
	// Allowed tells whether the sender of r may run the command, and sees it in lists. Nil: whoever may ask the target at all, which for an account is
	// the account itself.
	Allowed func(ctx context.Context, r *Request) (bool, error)
	Run     CommandStep
	Slow    bool // its steps take long: each is carried out beside the stream's reader
}

// A CommandStep does one step of a command. An *xmpp.Error leaves the command where it was, so that the user may correct the form.
type CommandStep func(ctx context.Context, c *CommandCall) (CommandReply, error)

// A CommandCall is what a step is given.
type CommandCall struct {
	*Request
	Form xmpp.Form // the form that the step before offered, checked and filled in (see xmpp.Form.Fill); empty in the first step
}

// A CommandReply is what a step answers.
type CommandReply struct {
	Form   xmpp.Form   // to be filled in if there is a Next, else a result; none if it has no Type
	Note   string      // for people
	Failed bool        // the note says why it did not work (XEP-0050 §3.6)
	Next   CommandStep // takes the form; nil: the command is completed
	More   bool        // Next is not the last step
	Prev   CommandStep // goes back, without a form; nil: there is no way back
}

// commands answers ad-hoc commands.
type commands struct {
	host   *Host
	lists  [targets][]*Command // by Target
	nodes  [targets]map[string]*Command
	active commandSessions
}

// Info says what commands implements.
func (c *commands) Info() Info {
	return Info{Name: "commands", Specs: []Spec{{Name: "XEP-0050", Version: "1.3.0", Note: "in English only"}, {Name: "XEP-0004", Version: "2.13.2"}}}
}

// Register is part of Module.
func (c *commands) Register(h *Host) {
	c.host, c.active.host = h, h
	c.active.m = map[string]*commandSession{}
}

// Command offers a command.
func (h *Host) Command(t Target, cmd Command) {
	c := &h.commands
	if c.nodes[t] == nil {
		c.nodes[t] = map[string]*Command{}
		h.HandleIQ(t, NSCommands, "command", c.answer(t))
		if t < ToRoom { // others answer disco by themselves
			h.Feature(t, NSCommands, xmpp.NSData)
			h.DiscoNode(t, NSCommands, c.listInfo, c.list(t))
		}
	}
	if c.nodes[t][cmd.Node] != nil {
		panic("server: command offered twice: " + cmd.Node)
	}
	c.nodes[t][cmd.Node] = &cmd
	c.lists[t] = append(c.lists[t], &cmd)
	if t < ToRoom { // others answer disco by themselves
		h.DiscoNode(t, cmd.Node, c.info(&cmd), nil)
	}
}

func (cmd *Command) allowed(ctx context.Context, r *Request) (bool, error) {
	if r.Account != nil && !r.Own && cmd.Allowed == nil {
		return false, nil
	}
	if cmd.Allowed == nil {
		return true, nil
	}
	return cmd.Allowed(ctx, r)
}

// listInfo describes the list itself (XEP-0050 §2.2).
func (c *commands) listInfo(context.Context, *Request) (xmpp.Element, error) {
	id := xmpp.New(NSDiscoInfo, "identity").With("category", "automation").With("type", "command-list").With("name", "Commands")
	return xmpp.New(NSDiscoInfo, "query", id), nil
}

func (c *commands) list(t Target) IQHandler {
	return func(ctx context.Context, r *Request) (xmpp.Element, error) {
		items, err := c.host.CommandItems(ctx, t, r)
		return xmpp.New(NSDiscoItems, "query", items...), err
	}
}

// CommandItems lists the commands of a target that the sender of r may run, as items of disco. Rooms answer by it; for others the kernel does.
func (h *Host) CommandItems(ctx context.Context, t Target, r *Request) ([]xmpp.Element, error) {
	var out []xmpp.Element
	for _, cmd := range h.commands.lists[t] {
		ok, err := cmd.allowed(ctx, r)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, xmpp.New(NSDiscoItems, "item").With("jid", r.To.String()).With("node", cmd.Node).With("name", cmd.Name))
		}
	}
	return out, nil
}

func (c *commands) info(cmd *Command) IQHandler {
	return func(ctx context.Context, r *Request) (xmpp.Element, error) {
		if ok, err := cmd.allowed(ctx, r); err != nil || !ok {
			return xmpp.Element{}, firstError(err, xmpp.ErrForbidden)
		}
		return xmpp.New(NSDiscoInfo, "query",
			xmpp.New(NSDiscoInfo, "identity").With("category", "automation").With("type", "command-node").With("name", cmd.Name),
			xmpp.New(NSDiscoInfo, "feature").With("var", NSCommands), xmpp.New(NSDiscoInfo, "feature").With("var", xmpp.NSData)), nil
	}
}

// errCommand are the errors of XEP-0050 §4.4.
func errCommand(e *xmpp.Error, condition, text string) *xmpp.Error {
	return e.With(text).WithApp(xmpp.New(NSCommands, condition))
}
