package account

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"fmt"
	"hash"
	"io"
)

// A family is a hash function with which SCRAM is spoken.
type family struct {
	name       string // as in Key.Hash
	new        func() hash.Hash
	size       int // of its sums
	iterations int // unless configured otherwise
}

// The families, the strongest first. RFC 5802 §5.1 and RFC 7677 §4 ask for at least 4096 iterations.
var (
	sha512Family = &family{"SHA-512", sha512.New, sha512.Size, 4096}
	sha256Family = &family{"SHA-256", sha256.New, sha256.Size, 10000}
	sha1Family   = &family{"SHA-1", sha1.New, sha1.Size, 10000}
	families     = [...]*family{sha512Family, sha256Family, sha1Family}
)

const (
	minIterations = 4096
	saltSize      = 16
)

// derive makes the key of a prepared password (RFC 5802 §3).
func (f *family) derive(password string, salt []byte, iterations int) (Key, error) {
	salted, err := pbkdf2.Key(f.new, password, salt, iterations, f.size)
	if err != nil {
		return Key{}, fmt.Errorf("account: derive: %w", err)
	}
	return Key{
		Hash:       f.name,
		Iterations: iterations,
		Salt:       salt,
		StoredKey:  f.sum(f.hmac(salted, "Client Key")),
		ServerKey:  f.hmac(salted, "Server Key"),
	}, nil
}

// right tells whether a proof shows that the client knows the password (RFC 5802 §3).
func (f *family) right(k Key, proof []byte, authMessage string) bool {
	clientKey := f.hmac(k.StoredKey, authMessage)
	if len(proof) != len(clientKey) {
		return false
	}
	subtle.XORBytes(clientKey, clientKey, proof)
	return subtle.ConstantTimeCompare(f.sum(clientKey), k.StoredKey) == 1
}

func (f *family) hmac(key []byte, message string) []byte {
	mac := hmac.New(f.new, key)
	io.WriteString(mac, message)
	return mac.Sum(nil)
}

func (f *family) sum(b []byte) []byte {
	h := f.new()
	h.Write(b)
	return h.Sum(nil)
}

// decoy makes the key that stands in for an account that there is not: always the same for a name, and no proof fits it
// but one that nobody can make.
func (f *family) decoy(secret []byte, name string, iterations int) Key {
	draw := func(what string) []byte { return f.hmac(secret, f.name+"\x00"+what+"\x00"+name) }
	return Key{Hash: f.name, Iterations: iterations, Salt: draw("salt")[:saltSize], StoredKey: draw("stored"), ServerKey: draw("server")}
}

// key finds the account's key of this family.
func (f *family) key(a Account) (Key, bool) {
	for _, k := range a.Keys {
		if k.Hash == f.name && len(k.StoredKey) == f.size {
			return k, true
		}
	}
	return Key{}, false
}
