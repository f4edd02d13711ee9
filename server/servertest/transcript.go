package servertest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"palabre/directory"
	"palabre/xmpp"
)

// Run plays every transcript of a folder, each as a test of its own against a server of its own.
func Run(t *testing.T, folder string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts in %s", folder)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			Play(t, Start(t), file, string(raw))
		})
	}
}

// A step is one line of a transcript, with those that go on with it.
type step struct {
	line         int
	who, op, arg string
}

var stepForm = regexp.MustCompile(`(?s)^(\S+)\s+(->|<-|<=|<~|<\+|==|!!)\s+(.*)$`)

// Play plays one transcript against a server that runs already. name is for messages.
func Play(t *testing.T, s *Server, name, transcript string) {
	t.Helper()
	p := &player{t: t, server: s, name: name, vars: variables{}, clients: map[string]*Client{}}
	defer p.leave()
	steps, err := parseTranscript(transcript)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if err := p.all(steps); err != nil {
		t.Fatalf("%s%v", name, err)
	}
}

func (p *player) all(steps []step) error {
	for _, st := range steps {
		st.who = p.vars.fill(st.who)
		if err := p.play(st); err != nil {
			return fmt.Errorf(":%d: %s %s %s\n%w", st.line, st.who, st.op, st.arg, err)
		}
	}
	return nil
}

func parseTranscript(text string) ([]step, error) {
	var out []step
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line, at := lines[i], i+1
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		for i+1 < len(lines) && strings.TrimSpace(lines[i+1]) != "" && (lines[i+1][0] == ' ' || lines[i+1][0] == '\t') {
			i++
			line += "\n" + strings.TrimSpace(lines[i])
		}
		if word, rest, _ := strings.Cut(line, " "); scenes[word] != nil {
			out = append(out, step{at, "", word, rest})
			continue
		}
		m := stepForm.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("line %d is not a step: %s", at, line)
		}
		out = append(out, step{at, m[1], m[2], strings.TrimSpace(m[3])})
	}
	return out, nil
}

// A player plays a transcript.
type player struct {
	t       *testing.T
	server  *Server
	name    string
	vars    variables
	clients map[string]*Client
}

var verbs = map[string]func(p *player, c *Client, arg string) error{
	"->": (*player).send,
	"<-": (*player).expectExactly,
	"<=": (*player).expectParts,
	"<~": (*player).expectLike,
	"<+": (*player).expectSomewhere,
	"==": (*player).expectState,
	"!!": (*player).act,
}

// scenes are the lines that no client speaks, by their first words.
var scenes = map[string]func(p *player, arg string) error{
	"friends": (*player).friends, "account": (*player).accounts, "server": (*player).restart, "person": entry(directory.Person), "group": entry(directory.Group),
	"mailbox": entry(directory.Mailbox), "members": (*player).members,
}

func init() { scenes["play"] = (*player).another } // which plays scenes itself

func (p *player) play(st step) error {
	if set := scenes[st.op]; set != nil {
		return set(p, st.arg)
	}
	c := p.clients[st.who]
	if c == nil {
		i := strings.LastIndexByte(st.who, '.')
		if i < 0 {
			return fmt.Errorf("%q is not ACCOUNT.RESOURCE", st.who)
		}
		var err error
		if c, err = p.server.Login(p.t, address(st.who[:i]), st.who[i+1:]); err != nil {
			return err
		}
		p.clients[st.who] = c
	}
	return verbs[st.op](p, c, st.arg)
}

func address(name string) xmpp.JID {
	if !strings.Contains(name, "@") {
		name += "@" + Domain
	}
	return xmpp.MustParseJID(name)
}

func (p *player) send(c *Client, arg string) error {
	c.dirty = true
	return c.Send(p.vars.fill(arg))
}

// expected reads what a transcript expects; the prefix "stream" is known to it.
func (p *player) expected(arg string) (xmpp.Element, error) {
	outer, err := xmpp.Parse("<x xmlns:stream='"+xmpp.NSStream+"'>"+arg+"</x>", xmpp.NSClient)
	if err != nil || len(outer.Elements()) != 1 {
		return xmpp.Element{}, fmt.Errorf("the transcript does not hold one element here: %v", err)
	}
	return outer.Elements()[0], nil
}

func (p *player) expectNext(c *Client, arg string, differ func(v variables, want, got xmpp.Element) string) error {
	want, err := p.expected(arg)
	if err != nil {
		return err
	}
	got, err := c.Next()
	if err != nil {
		return err
	}
	if d := differ(p.vars, want, got); d != "" {
		return fmt.Errorf("got  %s\n     %s", got, d)
	}
	return nil
}

func (p *player) expectExactly(c *Client, arg string) error {
	return p.expectNext(c, arg, variables.exactly)
}

func (p *player) expectParts(c *Client, arg string) error {
	return p.expectNext(c, arg, variables.inParts)
}

func (p *player) expectLike(c *Client, arg string) error {
	return p.expectNext(c, arg, variables.atLeast)
}

func (p *player) expectSomewhere(c *Client, arg string) error {
	want, err := p.expected(arg)
	if err != nil {
		return err
	}
	var passed []xmpp.Element
	defer func() { c.unread = append(passed, c.unread...) }()
	for {
		got, err := c.Next()
		if err != nil {
			return fmt.Errorf("%w; passed over: %v", err, passed)
		}
		trial := variables{}
		for k, v := range p.vars {
			trial[k] = v
		}
		if trial.atLeast(want, got) == "" {
			p.vars = trial
			return nil
		}
		passed = append(passed, got)
	}
}

// nsStreamManagement is that of XEP-0198. Its <r/> comes with whatever is sent, the answer to a fence too, and is nothing.
const nsStreamManagement = "urn:xmpp:sm:3"

func (p *player) expectState(c *Client, arg string) error {
	switch arg {
	case "nothing":
		if err := p.settle(c); err != nil {
			return err
		}
		for _, e := range c.unread {
			if !e.Is(nsStreamManagement, "r") {
				return fmt.Errorf("got  %s", e)
			}
		}
		c.unread = nil
		return nil
	case "closed":
		return c.expectEnd()
	case "cut":
		return c.expectCut()
	}
	return fmt.Errorf("%q is neither nothing, nor closed, nor cut", arg)
}

// settle has the server deal with all that was sent before: by every client, then by c, which gets what comes of it before its own answer.
func (p *player) settle(c *Client) error {
	for _, other := range p.clients {
		if other.dirty && !other.ended {
			if err := other.Fence(); err != nil {
				return err
			}
		}
	}
	return c.Fence()
}

func (p *player) act(c *Client, arg string) error {
	switch arg {
	case "leaves":
		return c.Leave()
	case "drops":
		c.Drop()
		return p.server.Noticed(c.JID)
	case "lapses":
		c.Drop()
		return p.server.Lapsed(c.JID)
	case "returns":
		c.Drop()
		next, err := p.server.Login(p.t, c.JID.Bare(), c.JID.Resource())
		if err == nil {
			*c = *next
		}
		return err
	case "reconnects":
		return p.server.Reconnect(c)
	case "available":
		if err := c.Send("<presence/>"); err != nil {
			return err
		}
		fallthrough
	case "forgets":
		if err := p.settle(c); err != nil {
			return err
		}
		c.unread = nil
		return nil
	}
	return fmt.Errorf("nobody knows how to %q", arg)
}

// friends makes everybody named see everybody else.
func (p *player) friends(arg string) error {
	names := strings.Fields(arg)
	for i, a := range names {
		for _, b := range names[i+1:] {
			if err := p.server.Befriend(p.t, address(a), address(b)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *player) accounts(arg string) error {
	for _, name := range strings.Fields(arg) {
		p.server.Account(p.t, address(name))
	}
	return nil
}

func (p *player) restart(arg string) error {
	switch arg {
	case "restarts":
		p.server.Restart(p.t)
	case "crashes":
		p.server.Crash(p.t)
	default:
		return fmt.Errorf("a server does not know how to %q", arg)
	}
	for _, c := range p.clients {
		c.ended = true // what has arrived can be read yet
	}
	return nil
}

// another plays another transcript, of a path from the folder of this one, for which values are set: play setup/room.txt owner=juliet.balcony
func (p *player) another(arg string) error {
	words := strings.Fields(arg)
	for _, w := range words[1:] {
		name, value, found := strings.Cut(w, "=")
		if !found {
			return fmt.Errorf("%q is not NAME=VALUE", w)
		}
		p.vars["{"+name+"}"] = p.vars.fill(value)
	}
	raw, err := os.ReadFile(filepath.Join(filepath.Dir(p.name), words[0]))
	if err != nil {
		return err
	}
	steps, err := parseTranscript(string(raw))
	if err != nil {
		return err
	}
	if err := p.all(steps); err != nil {
		return fmt.Errorf("%s%w", words[0], err)
	}
	return nil
}

func (p *player) leave() {
	for _, c := range p.clients {
		c.Drop()
	}
}
