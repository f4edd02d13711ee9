package account

import (
	"encoding/base64"
	"testing"

	"palabre/server"
)

// The exchanges of RFC 5802 §5 and RFC 7677 §3, user "user", password "pencil".
func TestVectors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, first, nonce, salt, serverFirst, final, accepted string
		family                                                 *family
	}{
		{
			name:        "RFC 5802 §5",
			family:      sha1Family,
			first:       "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
			nonce:       "3rfcNHYJY1ZVvWVs7j",
			salt:        "QSXCR+Q6sek8bf92",
			serverFirst: "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
			final:       "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
			accepted:    "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
		},
		{
			name:        "RFC 7677 §3",
			family:      sha256Family,
			first:       "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
			nonce:       "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
			salt:        "W22ZaJ0SNY7soEsUEjb6gQ==",
			serverFirst: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
			final:       "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
			accepted:    "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			salt, err := base64.StdEncoding.DecodeString(c.salt)
			if err != nil {
				t.Fatal(err)
			}
			key, err := c.family.derive("pencil", salt, 4096)
			if err != nil {
				t.Fatal(err)
			}
			first, ok := parseClientFirst(c.first)
			if !ok || first.name != "user" {
				t.Fatalf("client-first: %+v %v", first, ok)
			}
			run := scramRun{who: candidate{key: key}, clientFirst: first.bare}
			run.challenge(first.nonce+c.nonce, "")
			if run.serverFirst != c.serverFirst {
				t.Errorf("server-first %q, want %q", run.serverFirst, c.serverFirst)
			}
			final, ok := parseClientFinal(c.final)
			if !ok || final.binding != first.gs2 || final.nonce != run.nonce {
				t.Fatalf("client-final: %+v %v", final, ok)
			}
			if !c.family.right(key, final.proof, run.authMessage(final)) {
				t.Error("the proof is not accepted")
			}
			if got := run.accept(c.family, final); string(got.Data) != c.accepted {
				t.Errorf("server-final %q, want %q", got.Data, c.accepted)
			}
			final.proof[3] ^= 1
			if c.family.right(key, final.proof, run.authMessage(final)) {
				t.Error("a wrong proof is accepted")
			}
		})
	}
}

// The example of XEP-0474 §6.3.
func TestDowngradeHash(t *testing.T) {
	t.Parallel()
	peer := &server.Peer{
		Offered:  []string{"SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"},
		Bindings: []server.Binding{{Type: "tls-server-end-point"}, {Type: "tls-exporter"}},
	}
	if got, want := downgradeHash(sha1Family, peer), "G6k/rBLDqgOhRRaCuuatSDFkJ08="; got != want {
		t.Errorf("with bindings %q, want %q", got, want)
	}
	if got := downgradeHash(sha1Family, &server.Peer{}); got != "" {
		t.Errorf("with nothing offered %q, want nothing", got)
	}
	plain := &server.Peer{Offered: []string{"PLAIN"}, Bindings: peer.Bindings}
	if a, b := downgradeHash(sha1Family, plain), downgradeHash(sha1Family, &server.Peer{Offered: []string{"PLAIN"}}); a != b {
		t.Error("bindings are hashed though no mechanism that uses them was offered")
	}
}
