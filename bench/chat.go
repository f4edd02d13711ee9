package bench

import (
	"context"
	"errors"
	"strconv"

	"palabre/xmpp"
)

// chat is one-to-one chat: users in pairs, each of whom writes to the other.
type chat struct{}

func (chat) Name() string  { return "chat" }
func (chat) About() string { return "pairs of users write to each other" }
func (chat) Unit() string  { return "message" }

func (chat) Users(_ *Config, given int) (int, error) {
	if given < 2 {
		return 0, errors.New("it takes at least two users")
	}
	return given &^ 1, nil
}

// chatWindow is how many messages of a sender are under way at once.
const chatWindow = 4

func (chat) Run(ctx context.Context, r *Run) (err error) {
	t := newTraffic(r, chatWindow)
	r.Report.Body, r.Report.Senders = r.Body, r.Senders
	for range r.Users {
		t.receiver()
	}
	r.Progress("logging in %d users", len(r.Users))
	sessions, err := r.loginAll(ctx, func(i int) Handler {
		rc := t.receivers[i]
		return func(_ *Session, st *xmpp.Stanza) {
			if st.Kind == xmpp.Message && st.Type == xmpp.TypeChat {
				t.arrive(rc, textOf(st, "body"))
			}
		}
	})
	defer func() { err = errors.Join(err, r.closeAll(ctx, sessions)) }()
	if err != nil {
		return err
	}
	if err := r.appearAll(ctx, sessions); err != nil {
		return err
	}
	senders := sessions
	if r.Senders > 0 {
		senders = sessions[:min(r.Senders, len(sessions))]
	}
	for i, s := range senders {
		peer := i ^ 1
		t.lane(s, t.receivers[peer:peer+1], r.composeMessage(r.Users[peer].JID))
	}
	return t.load(ctx)
}

// composeMessage writes chat messages to a bare address, as clients do since carbons.
func (r *Run) composeMessage(to xmpp.JID) func([]byte, stamp) []byte {
	return r.compose(xmpp.TypeChat, to)
}

// compose writes messages of some type.
func (r *Run) compose(typ string, to xmpp.JID) func([]byte, stamp) []byte {
	b := xmpp.AppendAttr([]byte("<message"), "type", typ)
	start := string(xmpp.AppendAttr(b, "to", to.String())) + " id='m"
	return func(b []byte, s stamp) []byte {
		b = append(b, start...)
		b = strconv.AppendUint(b, s.n, 10)
		b = append(b, "'><body>"...)
		b = s.appendTo(b, r.Body)
		return append(b, "</body></message>"...)
	}
}
