package account

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"palabre/server"
	"palabre/xmpp"
)

// Options say how accounts are kept and guarded.
type Options struct {
	Domains    map[string]Domain // those that we serve; nobody logs in to another
	Iterations Iterations
	Off        bool // true: no limits on guessing, for measurements
	// Granted tells whether an account may use chat at all; nil: all may. Whoever changes that calls Reconsider.
	Granted func(ctx context.Context, account xmpp.JID) (bool, error)
	Now     func() time.Time // nil: time.Now
	Rand    io.Reader        // safe for concurrent use; nil: crypto/rand
}

// A Domain says how people log in to a domain.
type Domain struct {
	Mechanisms []string // those allowed, of MechanismNames; nil: all
}

// Iterations are those of PBKDF2 for new passwords. Zero is the default: 4,096 for SHA-512, 10,000 for the others. Fewer than
// 4,096 are refused. Passwords set under other counts stay as they are, and then show who has one until they are set anew.
type Iterations struct{ SHA1, SHA256, SHA512 int }

// A Registry is the list of accounts of a server: it lets people in and manages them. It implements server.Authenticator.
type Registry struct {
	store      Store
	opts       Options
	offers     map[string]*offer
	iterations map[string]int // by the family's name
	secret     []byte         // from which the decoys are drawn
	limits     *limits
	turns      chan struct{} // a place for each derivation under way
	changes    atomic.Uint64 // rises with every change to an account
	changed    atomic.Int64  // when that was last, in Unix nanoseconds
	host       *server.Host  // nil where no server runs: a command line that works on the database
}

var _ server.Authenticator = (*Registry)(nil)

// New makes the registry. The error says which option is wrong, or is one of the store's.
func New(ctx context.Context, store Store, opts Options) (*Registry, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Rand == nil {
		opts.Rand = rand.Reader
	}
	r := &Registry{
		store:  store,
		opts:   opts,
		offers: make(map[string]*offer, len(opts.Domains)),
		limits: newLimits(opts.Now, opts.Off),
		turns:  make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
	}
	for name, d := range opts.Domains {
		jid, err := xmpp.ParseJID(name)
		if err != nil || jid != jid.DomainJID() {
			return nil, fmt.Errorf("%q is not a domain", name)
		}
		if r.offers[jid.Domain()], err = newOffer(name, d.Mechanisms); err != nil {
			return nil, err
		}
	}
	var err error
	if r.iterations, err = opts.Iterations.byName(); err != nil {
		return nil, err
	}
	if r.secret, err = store.Secret(ctx, "scram-decoys"); err != nil {
		return nil, fmt.Errorf("account: load the secret: %w", err)
	}
	return r, nil
}

func (it Iterations) byName() (map[string]int, error) {
	out := map[string]int{sha1Family.name: it.SHA1, sha256Family.name: it.SHA256, sha512Family.name: it.SHA512}
	for _, f := range families {
		switch n := out[f.name]; {
		case n == 0:
			out[f.name] = f.iterations
		case n < minIterations:
			return nil, fmt.Errorf("%d iterations for %s are too few; set at least %d", n, f.name, minIterations)
		}
	}
	return out, nil
}

// Mechanisms lists what this peer may use to log in to a domain, the strongest first. The list is shared: it is not to be changed.
func (r *Registry) Mechanisms(domain string, peer *server.Peer) []string {
	o, ok := r.offers[domain]
	if !ok {
		return nil
	}
	return o.to(peer)
}

// maxTries is how often a stream may try to log in. slixmpp 1.8 tries seven ways, from tls-unique down to PLAIN.
const maxTries = 8

// Begin starts an exchange, which is a try, however it ends. The error is an *AuthError.
func (r *Registry) Begin(domain, name string, peer *server.Peer) (server.Exchange, error) {
	if peer.Failures >= maxTries {
		return nil, refuse(peer, "not-authorized", "Too many tries. Connect again, and check the name and the password.")
	}
	peer.Failures++
	o, ok := r.offers[domain]
	if !ok {
		return nil, refuse(peer, "invalid-mechanism", "Nobody can log in to this domain here. Check the domain in your address.")
	}
	if !slices.Contains(o.to(peer), name) {
		if name == "PLAIN" && !peer.Secure && slices.Contains(o.allowed, name) {
			return nil, refuse(peer, "encryption-required", "A password may not be sent in the clear. Turn on TLS in your client.") // RFC 6120 §6.5.4
		}
		return nil, refuse(peer, "invalid-mechanism", "This mechanism is not offered here. Use one of: "+strings.Join(o.to(peer), ", ")+".")
	}
	m, _ := mechanismNamed(name)
	if m.family == nil {
		return newPlain(r, domain, peer), nil
	}
	return newScram(r, domain, m, peer), nil
}

// refuse makes the failure of a try.
func refuse(peer *server.Peer, condition, text string) *server.AuthError {
	return &server.AuthError{Condition: condition, Text: text, Close: peer.Failures >= maxTries}
}

// The failures that both kinds of exchange know.
func malformed(peer *server.Peer) error {
	return refuse(peer, "malformed-request", "Your client sent a login message that can't be read. Update it, or tell its makers.")
}

func wrong(peer *server.Peer) error {
	return refuse(peer, "not-authorized", "Wrong name or password. Check both and try again.")
}

func held(peer *server.Peer) error {
	return refuse(peer, "temporary-auth-failure", "Too many wrong passwords. Wait a minute, then try again.")
}

// claim reads who the client says it is. An authorization identity may only repeat the account's own address, to the letter.
func claim(domain, name, authzid string, peer *server.Peer) (xmpp.JID, error) {
	jid, err := xmpp.NewJID(name, domain, "")
	if err != nil || jid.Local() == "" {
		return xmpp.JID{}, wrong(peer) // RFC 5802 §5.1: a name that can't be prepared ends the exchange
	}
	if authzid != "" && authzid != jid.String() {
		return xmpp.JID{}, refuse(peer, "invalid-authzid", "Nobody can log in as someone else. Leave the authorization identity empty.")
	}
	return jid, nil
}

// A candidate is whom a proof is checked against: an account, or the decoy that stands in for one that there is not.
type candidate struct {
	jid      xmpp.JID
	key      Key
	known    bool
	disabled bool
	changes  uint64 // the registry's count when it was loaded
}

// candidate loads an account. The decoy is drawn in any case, so that it costs everybody the same.
func (r *Registry) candidate(ctx context.Context, jid xmpp.JID, f *family) (candidate, error) {
	c := candidate{jid: jid, changes: r.changes.Load()}
	c.key = f.decoy(r.secret, jid.String(), r.iterations[f.name])
	a, err := r.store.Account(ctx, jid)
	if errors.Is(err, ErrUnknown) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("account: load: %w", err)
	}
	if k, ok := f.key(a); ok {
		c.key, c.known, c.disabled = k, true, a.Disabled
	}
	return c, nil
}

// verdict ends a try. That an account is disabled is told only to whoever knows its password.
func verdict(c candidate, g guess, right bool, peer *server.Peer) error {
	if !right || !c.known {
		return wrong(peer)
	}
	g.right()
	if c.disabled {
		return refuse(peer, "account-disabled", textDisabled)
	}
	return nil
}
