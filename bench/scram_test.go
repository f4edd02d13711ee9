package bench

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"mellium.im/sasl"
)

// scramServer is mellium's server side, which is not ours.
func scramServer(keys func(user string) (salt, salted []byte, iterations int64, err error)) *sasl.Negotiator {
	return sasl.NewServer(sasl.ScramSha256, func(*sasl.Negotiator) bool { return true },
		sasl.SaltedCredentials(func(user, _ []byte, _ string) ([]byte, []byte, int64, error) { return keys(string(user)) }))
}

func scramClient(k *keyring, user, password string) *sasl.Negotiator {
	return sasl.NewClient(k.mechanism(), sasl.Credentials(func() ([]byte, []byte, []byte) {
		return []byte(user), []byte(password), nil
	}))
}

// exchange has the two talk until both are done. It returns who failed.
func exchange(client, server *sasl.Negotiator) error {
	_, message, err := client.Step(nil)
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	for more := true; more; {
		var challenge []byte
		if _, challenge, err = server.Step(message); err != nil {
			return fmt.Errorf("server: %w", err)
		}
		if more, message, err = client.Step(challenge); err != nil {
			return fmt.Errorf("client: %w", err)
		}
	}
	return nil
}

func TestScramWithMelliumServer(t *testing.T) {
	t.Parallel()
	var k keyring
	server := func(user string) ([]byte, []byte, int64, error) {
		salt := []byte("salt of " + user)
		salted, err := pbkdf2.Key(sha256.New, "right", salt, 4096, sha256.Size)
		return salt, salted, 4096, err
	}
	for range 3 { // the second and third time with keys from the ring
		if err := exchange(scramClient(&k, "romeo", "right"), scramServer(server)); err != nil {
			t.Fatal(err)
		}
	}
	if err := exchange(scramClient(&k, "juliet", "right"), scramServer(server)); err != nil {
		t.Fatal(err)
	}
	if len(k.keys) != 2 {
		t.Errorf("%d keys are remembered, want one a salt", len(k.keys))
	}
	if err := exchange(scramClient(&k, "romeo", "wrong"), scramServer(server)); err == nil || !strings.HasPrefix(err.Error(), "server:") {
		t.Errorf("a wrong password: %v; want a refusal by the server", err)
	}
}

// A server must prove that it knows the password (RFC 5802 §3).
func TestScramRefusesServer(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(first string) []string{
		"wrong proof":       func(f string) []string { return []string{"r=" + f + "x,s=c2FsdA==,i=4096", "v=AAAA"} },
		"error":             func(f string) []string { return []string{"r=" + f + "x,s=c2FsdA==,i=4096", "e=other-error"} },
		"our nonce alone":   func(f string) []string { return []string{"r=" + f + ",s=c2FsdA==,i=4096"} },
		"another nonce":     func(string) []string { return []string{"r=zzz,s=c2FsdA==,i=4096"} },
		"no salt":           func(f string) []string { return []string{"r=" + f + "x,s=,i=4096"} },
		"no iterations":     func(f string) []string { return []string{"r=" + f + "x,s=c2FsdA==,i=0"} },
		"endless":           func(f string) []string { return []string{"r=" + f + "x,s=c2FsdA==,i=4000000000"} },
		"unknown extension": func(f string) []string { return []string{"m=1,r=" + f + "x,s=c2FsdA==,i=4096"} },
		"nothing":           func(string) []string { return []string{""} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := scramClient(new(keyring), "romeo", "secret")
			_, first, err := client.Step(nil)
			if err != nil {
				t.Fatal(err)
			}
			_, nonce, _ := strings.Cut(string(first), ",r=")
			for _, challenge := range answer(nonce) {
				if _, _, err = client.Step([]byte(challenge)); err != nil {
					return
				}
			}
			t.Error("the server was believed")
		})
	}
}
