package account

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"palabre/server"
)

// A scram is the server's side of a SCRAM exchange (RFC 5802 §5).
type scram struct {
	r      *Registry
	peer   *server.Peer
	domain string
	mech   mechanism
	next   func(context.Context, []byte) (server.Step, error) // what takes the client's next message; nil: it is over
	run    scramRun
}

// A scramRun is what an exchange remembers between its messages. It is dropped as soon as the exchange is over.
type scramRun struct {
	who         candidate
	binding     string // what c= must hold: the gs2-header and the data of the channel binding
	nonce       string // the client's and ours
	clientFirst string // bare
	serverFirst string
}

func newScram(r *Registry, domain string, m mechanism, peer *server.Peer) *scram {
	x := &scram{r: r, peer: peer, domain: domain, mech: m}
	x.next = x.start
	return x
}

// Next implements server.Exchange.
func (x *scram) Next(ctx context.Context, data []byte) (server.Step, error) {
	next := x.next
	x.next = nil
	if next == nil {
		return server.Step{}, malformed(x.peer)
	}
	step, err := next(ctx, data)
	if x.next == nil {
		x.run = scramRun{}
	}
	return step, err
}

// start asks for the first message, if it did not come with the request (RFC 6120 §6.4.2).
func (x *scram) start(ctx context.Context, data []byte) (server.Step, error) {
	if data == nil {
		x.next = x.first
		return server.Step{Data: []byte{}}, nil
	}
	return x.first(ctx, data)
}

// first takes the client-first-message.
func (x *scram) first(ctx context.Context, data []byte) (server.Step, error) {
	m, ok := parseClientFirst(string(data))
	if !ok {
		return server.Step{}, malformed(x.peer)
	}
	cb, err := x.bind(m)
	if err != nil {
		return server.Step{}, err
	}
	jid, err := claim(x.domain, m.name, m.authzid, x.peer)
	if err != nil {
		return server.Step{}, err
	}
	nonce := make([]byte, 18)
	if _, err := io.ReadFull(x.r.opts.Rand, nonce); err != nil {
		return server.Step{}, fmt.Errorf("account: nonce: %w", err)
	}
	who, err := x.r.candidate(ctx, jid, x.mech.family)
	if err != nil {
		return server.Step{}, err
	}
	x.run = scramRun{who: who, binding: m.gs2 + cb, clientFirst: m.bare}
	x.run.challenge(m.nonce+base64.StdEncoding.EncodeToString(nonce), downgradeHash(x.mech.family, x.peer))
	x.next = x.final
	return server.Step{Data: []byte(x.run.serverFirst)}, nil
}

// challenge makes the server-first-message.
func (s *scramRun) challenge(nonce, downgrade string) {
	s.nonce = nonce
	s.serverFirst = "r=" + nonce + ",s=" + base64.StdEncoding.EncodeToString(s.who.key.Salt) + ",i=" + strconv.Itoa(s.who.key.Iterations)
	if downgrade != "" {
		s.serverFirst += ",h=" + downgrade
	}
}

// bind gives the data of the channel binding that the client chose (RFC 5802 §6).
func (x *scram) bind(m clientFirst) (string, error) {
	switch {
	case m.flag == 'y' && plusOffered(x.peer):
		// The client would have bound the channel, but did not see that we can: someone may have hidden it.
		return "", refuse(x.peer, "not-authorized", "Your client did not see that this server offers channel binding: someone may be tampering with the connection. Try another network, or update the client.")
	case m.flag != 'p' && x.mech.plus:
		return "", malformed(x.peer)
	case m.flag != 'p':
		return "", nil
	}
	// A client may bind the channel under the plain name too: some of Cyrus SASL's do.
	for _, b := range x.peer.Bindings {
		if b.Type == m.binding {
			return string(b.Data), nil
		}
	}
	return "", refuse(x.peer, "not-authorized", "This connection has no channel binding of the type that your client chose. Let it choose another, or none.")
}

// final takes the client-final-message.
func (x *scram) final(ctx context.Context, data []byte) (server.Step, error) {
	m, ok := parseClientFinal(string(data))
	if !ok || m.nonce != x.run.nonce {
		return server.Step{}, malformed(x.peer)
	}
	if subtle.ConstantTimeCompare([]byte(m.binding), []byte(x.run.binding)) != 1 {
		return server.Step{}, refuse(x.peer, "not-authorized", "The channel binding is not that of this connection: someone may be listening in. Try another network.")
	}
	if x.run.who.changes != x.r.changes.Load() {
		// An account changed since. If it was this one, what counts is what it is now.
		who, err := x.r.candidate(ctx, x.run.who.jid, x.mech.family)
		if err != nil {
			return server.Step{}, err
		}
		x.run.who = who
	}
	g, ok := x.r.limits.take(x.peer.Addr, x.run.who.jid)
	if !ok {
		return server.Step{}, held(x.peer)
	}
	right := x.mech.family.right(x.run.who.key, m.proof, x.run.authMessage(m))
	if err := verdict(x.run.who, g, right, x.peer); err != nil {
		return server.Step{}, err
	}
	if err := x.r.admit(ctx, x.run.who.jid, x.peer); err != nil {
		return server.Step{}, err
	}
	return x.run.accept(x.mech.family, m), nil
}

// authMessage is what both sides sign (RFC 5802 §3).
func (s *scramRun) authMessage(m clientFinal) string {
	return s.clientFirst + "," + s.serverFirst + "," + m.without
}

// accept makes the server-final-message, which shows the client that we know its key.
func (s *scramRun) accept(f *family, m clientFinal) server.Step {
	signature := f.hmac(s.who.key.ServerKey, s.authMessage(m))
	return server.Step{
		Data: []byte("v=" + base64.StdEncoding.EncodeToString(signature)),
		Done: true,
		User: s.who.jid,
	}
}

// downgradeHash lets the client see whether what it was offered is what we offered (XEP-0474 §6.1); empty where nothing is known.
func downgradeHash(f *family, peer *server.Peer) string {
	if len(peer.Offered) == 0 {
		return ""
	}
	s := strings.Join(slices.Sorted(slices.Values(peer.Offered)), "\x1e")
	if len(peer.Bindings) > 0 && plusOffered(peer) {
		var types []string
		for _, b := range peer.Bindings {
			types = append(types, b.Type)
		}
		slices.Sort(types)
		s += "\x1f" + strings.Join(types, "\x1e")
	}
	return base64.StdEncoding.EncodeToString(f.sum([]byte(s)))
}

var _ server.Exchange = (*scram)(nil)
