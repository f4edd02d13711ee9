package account_test

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"hash"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"palabre/account"
	"palabre/server"
	"palabre/store"
	"palabre/xmpp"
)

const domain = "example.org"

var (
	juliet   = xmpp.MustParseJID("juliet@example.org")
	exporter = server.Binding{Type: "tls-exporter", Data: []byte("what both ends of the connection export")}
	endPoint = server.Binding{Type: "tls-server-end-point", Data: []byte("the hash of a certificate")}
)

// low are iterations that keep the tests quick.
var low = account.Iterations{SHA1: 4096, SHA256: 4096, SHA512: 4096}

// openStore opens an empty database, for as long as the test runs.
func openStore(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{DataDir: t.TempDir(), Fatal: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// open makes a registry of one domain with juliet in it, whose password is "R0m30".
func open(t testing.TB, change ...func(*account.Options)) (*account.Registry, *store.Store) {
	t.Helper()
	s := openStore(t)
	return openOn(t, s, change...), s
}

func openOn(t testing.TB, s account.Store, change ...func(*account.Options)) *account.Registry {
	t.Helper()
	o := account.Options{Domains: map[string]account.Domain{domain: {}}, Iterations: low}
	for _, fn := range change {
		fn(&o)
	}
	r, err := account.New(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Add(t.Context(), juliet, "R0m30"); err != nil && !errors.Is(err, account.ErrExists) {
		t.Fatal(err)
	}
	return r
}

// newPeer makes a client on TLS, to which everything has been offered.
func newPeer(r *account.Registry) *server.Peer {
	p := &server.Peer{Addr: netip.MustParseAddr("192.0.2.1"), Secure: true, Bindings: []server.Binding{exporter, endPoint}}
	p.Offered = r.Mechanisms(domain, p)
	return p
}

// A scramClient is a client of our own making. Its fields alter what a sound one would send.
type scramClient struct {
	mechanism string
	name      string // escaped
	password  string
	gs2       string // n,, if empty
	binding   []byte // what c= ends with

	extra      string // of the first message, behind the nonce
	finalExtra string
	nonce      string // "client" if empty
	finalGS2   string // what c= begins with, if not gs2
	finalNonce func(string) string
	proof      func([]byte) []byte
	guess      bool // sends some proof, and derives none

	serverFirst string // what came
	signature   string
}

var hashOf = map[string]func() hash.Hash{"SCRAM-SHA-1": sha1.New, "SCRAM-SHA-256": sha256.New, "SCRAM-SHA-512": sha512.New}

// login runs the exchange to its end.
func (c *scramClient) login(ctx context.Context, r *account.Registry, peer *server.Peer) (server.Step, error) {
	x, err := r.Begin(domain, c.mechanism, peer)
	if err != nil {
		return server.Step{}, err
	}
	step, err := x.Next(ctx, []byte(c.first()))
	if err != nil {
		return step, err
	}
	c.serverFirst = string(step.Data)
	step, err = x.Next(ctx, []byte(c.final()))
	if err == nil && string(step.Data) != c.signature {
		return step, errors.New("the server does not know the key")
	}
	return step, err
}

func (c *scramClient) first() string {
	if c.gs2 == "" {
		c.gs2 = "n,,"
	}
	if c.nonce == "" {
		c.nonce = "client"
	}
	return c.gs2 + c.bare()
}

func (c *scramClient) bare() string { return "n=" + c.name + ",r=" + c.nonce + c.extra }

// final reads the server-first-message and answers it.
func (c *scramClient) final() string {
	h := hashOf[strings.TrimSuffix(c.mechanism, "-PLUS")]
	attr := map[byte]string{}
	for _, a := range strings.Split(c.serverFirst, ",") {
		attr[a[0]] = a[2:]
	}
	salt, _ := base64.StdEncoding.DecodeString(attr['s'])
	iterations, _ := strconv.Atoi(attr['i'])
	if c.guess {
		iterations = 1
	}
	salted, err := pbkdf2.Key(h, c.password, salt, iterations, h().Size())
	if err != nil {
		panic(err)
	}
	mac := func(key []byte, s string) []byte {
		m := hmac.New(h, key)
		m.Write([]byte(s))
		return m.Sum(nil)
	}
	clientKey := mac(salted, "Client Key")
	stored := h()
	stored.Write(clientKey)

	gs2, nonce := c.gs2, attr['r']
	if c.finalGS2 != "" {
		gs2 = c.finalGS2
	}
	if c.finalNonce != nil {
		nonce = c.finalNonce(nonce)
	}
	without := "c=" + base64.StdEncoding.EncodeToString(append([]byte(gs2), c.binding...)) + ",r=" + nonce + c.finalExtra
	auth := c.bare() + "," + c.serverFirst + "," + without
	proof := mac(stored.Sum(nil), auth)
	for i := range proof {
		proof[i] ^= clientKey[i]
	}
	if c.proof != nil {
		proof = c.proof(proof)
	}
	c.signature = "v=" + base64.StdEncoding.EncodeToString(mac(mac(salted, "Server Key"), auth))
	return without + ",p=" + base64.StdEncoding.EncodeToString(proof)
}

// plainLogin runs a PLAIN exchange.
func plainLogin(ctx context.Context, r *account.Registry, peer *server.Peer, message string) (server.Step, error) {
	x, err := r.Begin(domain, "PLAIN", peer)
	if err != nil {
		return server.Step{}, err
	}
	return x.Next(ctx, []byte(message))
}

// condition is that of an AuthError; empty for nil.
func condition(t testing.TB, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var e *server.AuthError
	if !errors.As(err, &e) {
		t.Fatalf("not an AuthError: %v", err)
	}
	if e.Text == "" {
		t.Errorf("%s has no text", e.Condition)
	}
	return e.Condition
}
