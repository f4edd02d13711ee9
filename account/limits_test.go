package account_test

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"palabre/account"
	"palabre/server"
	"palabre/xmpp"
)

// A clock stands still until it is told to go on.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func openWithClock(t testing.TB) (*account.Registry, *clock) {
	c := &clock{now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	r, _ := open(t, func(o *account.Options) { o.Now = c.Now })
	return r, c
}

// try logs in from an address on a stream of its own and gives the condition.
func try(t testing.TB, r *account.Registry, addr, name, password string) string {
	t.Helper()
	peer := newPeer(r)
	peer.Addr = netip.MustParseAddr(addr)
	client := scramClient{mechanism: "SCRAM-SHA-256", name: name, password: password, guess: password != "R0m30"}
	_, err := client.login(context.Background(), r, peer)
	return condition(t, err)
}

// A5: many wrong passwords from one address. It is stopped, for known names and unknown ones alike, and comes back by itself.
func TestGuessingFromOneAddress(t *testing.T) {
	t.Parallel()
	r, clock := openWithClock(t)
	looked := 0
	for i := range 1000 {
		switch got := try(t, r, "198.51.100.7", fmt.Sprintf("name%d", i), "x"); got {
		case "not-authorized":
			looked++
		case "temporary-auth-failure":
		default:
			t.Fatal(got)
		}
	}
	if looked != 30 {
		t.Errorf("%d guesses were looked at, want 30", looked)
	}
	for _, name := range []string{"juliet", "nobody"} {
		if got := try(t, r, "198.51.100.7", name, "R0m30"); got != "temporary-auth-failure" {
			t.Errorf("%s from the guesser's address: %q", name, got)
		}
	}
	if got := try(t, r, "198.51.100.8", "juliet", "R0m30"); got != "" {
		t.Errorf("from another address: %s", got)
	}
	clock.pass(2 * time.Second)
	if got := try(t, r, "198.51.100.7", "juliet", "R0m30"); got != "" {
		t.Errorf("two seconds later: %s", got)
	}
}

// A5: a thousand addresses against one account. The account is guarded, and yet its user gets in within a minute, from an address
// that was never seen before, while the attack goes on.
func TestGuessingFromManyAddresses(t *testing.T) {
	t.Parallel()
	r, clock := openWithClock(t)
	attack := func() (looked int) {
		for i := range 1000 {
			if try(t, r, fmt.Sprintf("2001:db8:%x::1", i), "juliet", "x") == "not-authorized" {
				looked++
			}
		}
		return looked
	}
	if looked := attack(); looked != 10 {
		t.Errorf("%d guesses were looked at, want 10", looked)
	}
	if got := try(t, r, "192.0.2.99", "juliet", "R0m30"); got != "temporary-auth-failure" {
		t.Errorf("the user during the attack: %q", got)
	}
	for range 6 {
		clock.pass(9 * time.Second)
		if looked := attack(); looked > 1000 {
			t.Errorf("%d guesses in nine seconds", looked)
		}
	}
	if got := try(t, r, "192.0.2.99", "juliet", "R0m30"); got != "" {
		t.Errorf("the user after less than a minute: %s", got)
	}
}

// A5: whoever has an IPv6 /48 has 65,536 addresses. They have no more guesses than four others, at all accounts or at one.
func TestGuessingFromOneSite(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	l := account.NewLimits(func() time.Time { return now })
	from := func(i int) netip.Addr {
		return netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, 1, byte(i >> 8), byte(i)})
	}
	looked := 0
	for i := range 1 << 16 {
		if account.Take(l, from(i), xmpp.MustParseJID(fmt.Sprintf("u%d@example.org", i))) {
			looked++
		}
	}
	if looked != 120 {
		t.Errorf("%d guesses at all accounts were looked at, want 120", looked)
	}
	now, looked = now.Add(time.Hour), 0
	for i := range 600 { // ten minutes
		if account.Take(l, from(i), xmpp.MustParseJID("juliet@example.org")) {
			looked++
		}
		now = now.Add(time.Second)
	}
	if want := 10 + 60 + 12; looked > want { // those of the account, its new ones, and one in fifty seconds
		t.Errorf("%d guesses at one account were looked at, want %d at most", looked, want)
	}
	if !account.Take(l, netip.MustParseAddr("2001:db8:2::1"), xmpp.MustParseJID("romeo@example.org")) {
		t.Error("a neighbour is refused")
	}
}

// A5: however many addresses wait for however many accounts, none gets more guesses at one than if they had waited; and its user gets in.
func TestGuessingWhereAllPlacesAreTaken(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	l := account.NewLimits(func() time.Time { return now })
	juliet := xmpp.MustParseJID("juliet@example.org")
	for i := range 200 {
		for j := range 100 {
			account.Take(l, netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), xmpp.MustParseJID(fmt.Sprintf("u%d@example.org", j)))
		}
		if i%4 == 0 {
			now = now.Add(time.Second)
		}
	}
	if _, _, tickets := account.Sizes(l); tickets != 1<<13 {
		t.Fatalf("%d places are taken: the test does not reach the bound", tickets)
	}
	looked := 0
	for i := range 100 {
		for range 30 {
			if account.Take(l, netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), juliet) {
				looked++
			}
		}
	}
	if looked > 10+100 {
		t.Errorf("%d guesses were looked at, want no more than one of each address beside the account's ten", looked)
	}
	if !account.Take(l, netip.MustParseAddr("203.0.113.1"), juliet) {
		t.Error("the user is refused")
	}
}

// Right passwords cost nothing, however many log in from behind one address, and a /64 is one address.
func TestRightPasswordsAreFree(t *testing.T) {
	t.Parallel()
	r, _ := openWithClock(t)
	for range 200 {
		if got := try(t, r, "198.51.100.7", "juliet", "R0m30"); got != "" {
			t.Fatal(got)
		}
	}
	for i := range 30 {
		try(t, r, fmt.Sprintf("2001:db8::%x", i), "nobody"+fmt.Sprint(i), "x")
	}
	if got := try(t, r, "2001:db8::ffff", "juliet", "R0m30"); got != "temporary-auth-failure" {
		t.Errorf("from the same /64: %q", got)
	}
	if got := try(t, r, "::ffff:198.51.100.7", "juliet", "R0m30"); got != "" {
		t.Errorf("an IPv4 address in IPv6 clothes: %s", got)
	}
}

// Many proofs at the same moment don't pass together.
func TestGuessingAtOnce(t *testing.T) {
	t.Parallel()
	r, _ := openWithClock(t)
	var all sync.WaitGroup
	var mu sync.Mutex
	got := map[string]int{}
	for range 200 {
		all.Go(func() {
			peer := newPeer(r)
			_, err := plainLogin(context.Background(), r, peer, "\x00juliet\x00x")
			mu.Lock()
			defer mu.Unlock()
			got[err.(*server.AuthError).Condition]++
		})
	}
	all.Wait()
	if got["not-authorized"] != 10 || got["temporary-auth-failure"] != 190 {
		t.Errorf("%v, want 10 looked at", got)
	}
}

// slixmpp 1.8 tries a binding that we lack three times and y,, three times before it comes to PLAIN. That is not guessing, and fits into
// a stream's eight tries.
func TestSlixmppGetsIn(t *testing.T) {
	t.Parallel()
	r, _ := openWithClock(t)
	for range 50 {
		peer := newPeer(r)
		for _, client := range []scramClient{
			{mechanism: "SCRAM-SHA-512-PLUS", gs2: "p=tls-unique,,"},
			{mechanism: "SCRAM-SHA-256-PLUS", gs2: "p=tls-unique,,"},
			{mechanism: "SCRAM-SHA-1-PLUS", gs2: "p=tls-unique,,"},
			{mechanism: "SCRAM-SHA-512", gs2: "y,,"},
			{mechanism: "SCRAM-SHA-256", gs2: "y,,"},
			{mechanism: "SCRAM-SHA-1", gs2: "y,,"},
		} {
			client.name, client.password = "juliet", "R0m30"
			if _, err := client.login(t.Context(), r, peer); condition(t, err) != "not-authorized" {
				t.Fatal(err)
			}
		}
		if _, err := plainLogin(t.Context(), r, peer, "\x00juliet\x00R0m30"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEightTries(t *testing.T) {
	t.Parallel()
	r, _ := openWithClock(t)
	peer := newPeer(r)
	for i := range 8 {
		client := scramClient{mechanism: "SCRAM-SHA-256", name: "juliet", password: "R0m30", gs2: "y,,"}
		_, err := client.login(t.Context(), r, peer)
		failure, ok := err.(*server.AuthError)
		if !ok || failure.Close != (i == 7) {
			t.Fatalf("try %d: %v, close %v", i+1, err, ok && failure.Close)
		}
	}
	if _, err := r.Begin(domain, "PLAIN", peer); err == nil || !err.(*server.AuthError).Close {
		t.Errorf("a ninth try: %v", err)
	}
	// Exchanges that are begun and left are tries too.
	peer = newPeer(r)
	for range 8 {
		if _, err := r.Begin(domain, "PLAIN", peer); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Begin(domain, "PLAIN", peer); err == nil {
		t.Error("begun nine times")
	}
}

func TestLimitsOff(t *testing.T) {
	t.Parallel()
	r, _ := open(t, func(o *account.Options) { o.Off = true })
	for range 100 {
		if got := try(t, r, "198.51.100.7", "juliet", "x"); got != "not-authorized" {
			t.Fatal(got)
		}
	}
}

// What an attacker makes us remember is bounded.
func TestLimitsAreBounded(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	l := account.NewLimits(func() time.Time { return now })
	for i := range 200_000 {
		addr := netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, byte(i >> 16), byte(i >> 8), byte(i)})
		jid := xmpp.MustParseJID(fmt.Sprintf("u%d@example.org", i/12))
		account.Take(l, addr, jid)
		if i%10 == 0 {
			now = now.Add(time.Millisecond)
		}
	}
	addresses, accounts, tickets := account.Sizes(l)
	if addresses > 1<<15 || accounts > 1<<14 || tickets > 1<<13 {
		t.Errorf("%d addresses, %d accounts, %d tickets are remembered", addresses, accounts, tickets)
	}
	if addresses == 0 || accounts == 0 || tickets != 1<<13 {
		t.Errorf("%d addresses, %d accounts, %d tickets: the test does not reach the bounds", addresses, accounts, tickets)
	}
}
