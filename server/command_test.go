package server

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"palabre/stream"
	"palabre/xmpp"
)

// greeter offers a command of two steps to all but mallory, and one to the account itself.
type greeter struct{ greeted []string }

func (*greeter) Info() Info { return Info{Name: "greeter"} }

func (g *greeter) Register(h *Host) {
	h.Command(ToDomain, Command{
		Node: "greet", Name: "Greet <somebody>", Run: g.who,
		Allowed: func(_ context.Context, r *Request) (bool, error) { return r.From.Local() != "mallory", nil },
	})
	h.Command(ToAccount, Command{Node: "own", Name: "Mine", Run: func(context.Context, *CommandCall) (CommandReply, error) {
		return CommandReply{Note: "Done.", Form: xmpp.NewForm(xmpp.FormResult, "", xmpp.Field{Var: "n", Values: []string{"1"}})}, nil
	}})
}

func (g *greeter) who(context.Context, *CommandCall) (CommandReply, error) {
	form := xmpp.NewForm(xmpp.FormForm, "urn:greet", xmpp.Field{Var: "who", Type: xmpp.FieldJIDSingle, Required: true})
	return CommandReply{Form: form, Next: g.how, More: true}, nil
}

func (g *greeter) how(_ context.Context, c *CommandCall) (CommandReply, error) {
	who := c.Form.Value("who")
	form := xmpp.NewForm(xmpp.FormForm, "urn:greet", xmpp.Field{Var: "words", Type: xmpp.FieldTextSingle})
	return CommandReply{Form: form, Prev: g.who, Next: func(_ context.Context, c *CommandCall) (CommandReply, error) {
		if c.Form.Value("words") == "" {
			return CommandReply{Note: "Nothing to say.", Failed: true}, nil
		}
		g.greeted = append(g.greeted, who+": "+c.Form.Value("words"))
		return CommandReply{Note: "Greeted."}, nil
	}}, nil
}

// A commander asks and gets what is answered.
type commander struct {
	t    *testing.T
	s    *Session
	last xmpp.Element
}

func (c *commander) Send(p stream.Packet) bool {
	e, err := xmpp.Parse(string(p.AppendTo(nil)), xmpp.NSClient)
	if err != nil {
		c.t.Error(err)
	}
	c.last = e
	return true
}
func (*commander) Close(*stream.Error) {}
func (*commander) Remote() netip.Addr  { return netip.Addr{} }
func (*commander) Flush()              {}
func (*commander) Drop()               {}

func (c *commander) ask(typ, to string, payload xmpp.Element) xmpp.Element {
	st := xmpp.NewStanza(xmpp.IQ, typ, payload)
	st.ID, st.To = "1", xmpp.MustParseJID(to)
	c.last = xmpp.Element{}
	c.s.Receive(c.t.Context(), stream.Event{Kind: stream.Stanza, Stanza: st})
	return c.last
}

// does runs a step and gives the command's answer, or the conditions of the error.
func (c *commander) does(session, action, form string) (command xmpp.Element, err string) {
	payload := xmpp.New(NSCommands, "command").With("node", "greet").With("sessionid", session).With("action", action)
	if form != "" {
		payload = payload.Add(xmpp.Raw("<x xmlns='jabber:x:data' type='submit'>" + form + "</x>"))
	}
	got := c.ask(xmpp.TypeSet, "example.org", payload)
	if e, failed := got.Child(xmpp.NSClient, "error"); failed {
		var conditions []string
		for _, x := range e.Elements() {
			if x.Name.Local != "text" {
				conditions = append(conditions, x.Name.Local)
			}
		}
		return xmpp.Element{}, strings.Join(conditions, " ")
	}
	command, _ = got.Child(NSCommands, "command")
	return command, ""
}

func (c *commander) expect(session, action, form, want string) {
	c.t.Helper()
	if _, err := c.does(session, action, form); err != want {
		c.t.Errorf("action %q with %q: %q, not %q", action, form, err, want)
	}
}

func commandHost(t *testing.T) (*greeter, func(user string) *commander) {
	t.Helper()
	g := &greeter{}
	h, err := New(Options{Domains: []string{"example.org"}, Users: everyone{}}, g)
	if err != nil {
		t.Fatal(err)
	}
	return g, func(user string) *commander {
		c := &commander{t: t}
		if c.s, err = h.Bind(t.Context(), xmpp.MustParseJID(user+"@example.org"), "", c); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.s.Closed(context.Background()) })
		return c
	}
}

const (
	toJuliet = `<field var='who'><value>JULIET@example.org</value></field>`
	saying   = `<field var='words'><value>hello</value></field>`
)

// XEP-0050 §2.4.2.
func TestCommandInSteps(t *testing.T) {
	t.Parallel()
	g, login := commandHost(t)
	romeo := login("romeo")
	first, _ := romeo.does("", "", "")
	id := first.Attr("sessionid")
	if first.Attr("status") != "executing" || id == "" || !strings.Contains(first.String(), "<actions execute='next'><next/></actions>") {
		t.Errorf("the first step is %s", first)
	}
	romeo.expect(id, "complete", toJuliet, "bad-request bad-action")
	romeo.expect(id, "prev", "", "bad-request bad-action")
	romeo.expect(id, "dance", "", "bad-request malformed-action")
	romeo.expect(id, "next", "", "bad-request bad-payload")
	romeo.expect(id, "next", `<field var='who'><value>@</value></field>`, "bad-request bad-payload")
	romeo.expect(id, "next", toJuliet+toJuliet, "bad-request bad-payload")
	second, _ := romeo.does(id, "next", toJuliet)
	if !strings.Contains(second.String(), "<actions execute='complete'><prev/><complete/></actions>") || second.Attr("sessionid") != id {
		t.Errorf("the second step is %s", second)
	}
	if back, _ := romeo.does(id, "prev", ""); !strings.Contains(back.String(), "who") {
		t.Errorf("back again: %s", back)
	}
	romeo.expect(id, "execute", toJuliet, "")
	last, _ := romeo.does(id, "complete", saying)
	if last.Attr("status") != "completed" || last.ContentOf(NSCommands, "note") != "Greeted." || len(last.Elements()) != 1 {
		t.Errorf("the last step is %s", last)
	}
	romeo.expect(id, "complete", saying, "not-allowed session-expired")
	if len(g.greeted) != 1 || g.greeted[0] != "juliet@example.org: hello" {
		t.Errorf("greeted: %q", g.greeted)
	}
}

// XEP-0050 §2.4.3, §3.6.
func TestCommandEnds(t *testing.T) {
	t.Parallel()
	_, login := commandHost(t)
	romeo := login("romeo")
	first, _ := romeo.does("", "execute", "")
	id := first.Attr("sessionid")
	if c, _ := romeo.does(id, "cancel", ""); c.Attr("status") != "canceled" {
		t.Errorf("cancelled: %s", c)
	}
	romeo.expect(id, "next", toJuliet, "not-allowed session-expired")
	romeo.expect("", "next", toJuliet, "bad-request bad-sessionid")
	romeo.expect("", "cancel", "", "bad-request bad-sessionid")

	first, _ = romeo.does("", "", "")
	id = first.Attr("sessionid")
	romeo.expect(id, "", toJuliet, "")
	failed, _ := romeo.does(id, "", "")
	if note, _ := failed.Child(NSCommands, "note"); failed.Attr("status") != "completed" || note.Attr("type") != "error" {
		t.Errorf("failed: %s", failed)
	}
}

// A command under way belongs to who began it; who may not run it neither sees nor begins it.
func TestCommandOfAnother(t *testing.T) {
	t.Parallel()
	_, login := commandHost(t)
	romeo, other, mallory := login("romeo"), login("romeo"), login("mallory")
	first, _ := romeo.does("", "", "")
	id := first.Attr("sessionid")
	other.expect(id, "next", toJuliet, "not-allowed session-expired")
	other.expect(id, "cancel", "", "not-allowed session-expired")
	mallory.expect(id, "next", toJuliet, "forbidden")
	mallory.expect("", "", "", "forbidden")
	romeo.expect(id, "next", toJuliet, "")

	items := xmpp.New(NSDiscoItems, "query").With("node", NSCommands)
	if got := romeo.ask(xmpp.TypeGet, "example.org", items).String(); !strings.Contains(got, "node='greet' name='Greet &lt;somebody&gt;'") {
		t.Errorf("the list is %s", got)
	}
	if got := mallory.ask(xmpp.TypeGet, "example.org", items).String(); strings.Contains(got, "greet") {
		t.Errorf("mallory's list is %s", got)
	}
	info := xmpp.New(NSDiscoInfo, "query").With("node", "greet")
	if got := romeo.ask(xmpp.TypeGet, "example.org", info).String(); !strings.Contains(got, "type='command-node'") {
		t.Errorf("the command is %s", got)
	}
	if got := mallory.ask(xmpp.TypeGet, "example.org", info).String(); !strings.Contains(got, "forbidden") {
		t.Errorf("mallory's command is %s", got)
	}

	own := xmpp.New(NSCommands, "command").With("node", "own")
	if got := romeo.ask(xmpp.TypeSet, "romeo@example.org", own).String(); !strings.Contains(got, "status='completed'") || !strings.Contains(got, "type='result'") {
		t.Errorf("one's own command is %s", got)
	}
	if got := mallory.ask(xmpp.TypeSet, "romeo@example.org", own).String(); !strings.Contains(got, "service-unavailable") {
		t.Errorf("another's own command is %s", got)
	}
}

// XEP-0050 §3.3: commands under way are bounded in number and time.
func TestCommandsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, login := commandHost(t)
		romeo, juliet := login("romeo"), login("juliet")
		kept, _ := juliet.does("", "", "")
		var ids []string
		for range mostCommandsOne + 1 {
			c, _ := romeo.does("", "", "")
			ids = append(ids, c.Attr("sessionid"))
			time.Sleep(time.Second)
		}
		romeo.expect(ids[0], "next", toJuliet, "not-allowed session-expired")
		romeo.expect(ids[1], "next", toJuliet, "")
		juliet.expect(kept.Attr("sessionid"), "next", toJuliet, "")
		time.Sleep(commandPatience / 2)
		romeo.expect(ids[1], "prev", "", "")
		time.Sleep(commandPatience/2 + time.Second)
		romeo.expect(ids[2], "next", toJuliet, "not-allowed session-expired")
		juliet.does("", "", "")
		if n := len(romeo.s.host.commands.active.m); n != 2 {
			t.Errorf("%d commands are under way", n)
		}
	})
}
