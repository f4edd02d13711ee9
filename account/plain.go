package account

import (
	"context"
	"crypto/subtle"
	"strings"
	"unicode/utf8"

	"palabre/server"
	"palabre/xmpp"
)

// A plain is the server's side of a PLAIN exchange (RFC 4616).
type plain struct {
	r      *Registry
	peer   *server.Peer
	domain string
	asked  bool // the message did not come with the request, and we asked for it
	over   bool
}

func newPlain(r *Registry, domain string, peer *server.Peer) *plain {
	return &plain{r: r, peer: peer, domain: domain}
}

var _ server.Exchange = (*plain)(nil)

// Next implements server.Exchange.
func (x *plain) Next(ctx context.Context, data []byte) (server.Step, error) {
	if x.over || data == nil && x.asked {
		x.over = true
		return server.Step{}, malformed(x.peer)
	}
	if data == nil {
		x.asked = true
		return server.Step{Data: []byte{}}, nil
	}
	x.over = true
	authzid, name, password, ok := parsePlain(string(data))
	if !ok {
		return server.Step{}, malformed(x.peer)
	}
	jid, err := claim(x.domain, name, authzid, x.peer)
	if err != nil {
		return server.Step{}, err
	}
	if password, err = prepare(password); err != nil {
		return server.Step{}, wrong(x.peer) // it is nobody's
	}
	if turn := x.r.withTurn(ctx, func() { err = x.check(ctx, jid, password) }); turn != nil {
		return server.Step{}, turn
	}
	if err != nil {
		return server.Step{}, err
	}
	return server.Step{Done: true, User: jid}, nil
}

// check derives the key anew from a prepared password. It runs in a turn of its own.
func (x *plain) check(ctx context.Context, jid xmpp.JID, password string) error {
	g, ok := x.r.limits.take(x.peer.Addr, jid)
	if !ok {
		return held(x.peer)
	}
	who, err := x.r.candidate(ctx, jid, sha256Family)
	if err != nil {
		g.right()
		return err
	}
	k, err := sha256Family.derive(password, who.key.Salt, who.key.Iterations)
	if err != nil {
		g.right()
		return err
	}
	if err := verdict(who, g, subtle.ConstantTimeCompare(k.StoredKey, who.key.StoredKey) == 1, x.peer); err != nil {
		return err
	}
	return x.r.admit(ctx, jid, x.peer)
}

// parsePlain reads [authzid] NUL authcid NUL passwd (RFC 4616 §2).
func parsePlain(s string) (authzid, name, password string, ok bool) {
	parts := strings.Split(s, "\x00")
	if len(s) > maxMessage || !utf8.ValidString(s) || len(parts) != 3 || parts[1] == "" || parts[2] == "" {
		return "", "", "", false
	}
	return parts[0], parts[1], parts[2], true
}
