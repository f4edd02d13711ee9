package bench

import (
	"bytes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"mellium.im/sasl"
)

// A keyring remembers what SCRAM makes of a password, as RFC 5802 §3 allows a client to: stretching one costs
// this tool more than all else in a login, and many times what the login costs the server. The zero keyring is empty.
type keyring struct {
	mu   sync.Mutex
	keys map[stretch]scramKeys
}

// A stretch is what the keys depend on.
type stretch struct {
	password, salt string
	iterations     int
}

type scramKeys struct{ client, stored, server []byte }

// maxIterations bounds what a server can make us calculate: some seconds.
const maxIterations = 10_000_000

// mechanism is the client side of SCRAM-SHA-256 (RFC 7677) without channel binding, with the keys of the ring.
func (k *keyring) mechanism() sasl.Mechanism {
	m := sasl.ScramSha256
	m.Next = func(n *sasl.Negotiator, challenge []byte, data any) (bool, []byte, any, error) {
		switch n.State() & sasl.StepMask {
		case sasl.AuthTextSent:
			return k.prove(n, string(challenge), data.([]byte))
		case sasl.ResponseSent:
			return false, nil, nil, verify(challenge, data.([]byte))
		}
		return false, nil, nil, errors.New("the server goes on after its proof")
	}
	return m
}

// prove answers the server's first message. It hands the proof that the server owes us on to verify.
func (k *keyring) prove(n *sasl.Negotiator, challenge string, bare []byte) (bool, []byte, any, error) {
	nonce, s, err := parseChallenge(challenge)
	if err != nil {
		return false, nil, nil, err
	}
	if own := string(n.Nonce()); !strings.HasPrefix(nonce, own) || nonce == own {
		return false, nil, nil, errors.New("the server's nonce does not extend ours")
	}
	_, password, _ := n.Credentials()
	s.password = string(password)
	keys, err := k.of(s)
	if err != nil {
		return false, nil, nil, err
	}
	final := "c=biws,r=" + nonce // "n,,": no channel binding (RFC 5802 §7)
	message := string(bare) + "," + challenge + "," + final
	proof := sign(keys.stored, message)
	subtle.XORBytes(proof, proof, keys.client)
	return true, []byte(final + ",p=" + base64.StdEncoding.EncodeToString(proof)), sign(keys.server, message), nil
}

// verify takes the server's last message.
func verify(message, want []byte) error {
	value, ok := bytes.CutPrefix(message, []byte("v="))
	if !ok {
		return fmt.Errorf("the server refused the proof: %q", message)
	}
	got, err := base64.StdEncoding.DecodeString(string(value))
	if err != nil || !hmac.Equal(got, want) {
		return errors.New("the server does not know the password")
	}
	return nil
}

// parseChallenge reads the server's first message: r=NONCE,s=SALT,i=ITERATIONS and extensions (RFC 5802 §7).
func parseChallenge(message string) (nonce string, s stretch, err error) {
	parts := strings.Split(message, ",")
	if len(parts) < 3 {
		return "", stretch{}, errors.New("the server's challenge is too short")
	}
	nonce, okNonce := strings.CutPrefix(parts[0], "r=")
	salt, okSalt := strings.CutPrefix(parts[1], "s=")
	count, okCount := strings.CutPrefix(parts[2], "i=")
	if !okNonce || !okSalt || !okCount {
		return "", stretch{}, errors.New("the server's challenge is not one of SCRAM, or has extensions that we do not know")
	}
	raw, err := base64.StdEncoding.DecodeString(salt)
	if err != nil || len(raw) == 0 {
		return "", stretch{}, errors.New("the server's salt is malformed")
	}
	s.salt = string(raw)
	if s.iterations, err = strconv.Atoi(count); err != nil || s.iterations < 1 || s.iterations > maxIterations {
		return "", stretch{}, fmt.Errorf("the server wants %q iterations", count)
	}
	return nonce, s, nil
}

// of gives the keys, calculated where they are not known yet. Two who ask at once may both calculate.
func (k *keyring) of(s stretch) (scramKeys, error) {
	k.mu.Lock()
	keys, ok := k.keys[s]
	k.mu.Unlock()
	if ok {
		return keys, nil
	}
	salted, err := pbkdf2.Key(sha256.New, s.password, []byte(s.salt), s.iterations, sha256.Size)
	if err != nil {
		return scramKeys{}, err
	}
	keys.client = sign(salted, "Client Key")
	stored := sha256.Sum256(keys.client)
	keys.stored = stored[:]
	keys.server = sign(salted, "Server Key")
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.keys == nil {
		k.keys = make(map[stretch]scramKeys)
	}
	k.keys[s] = keys
	return keys, nil
}

func sign(key []byte, message string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	return h.Sum(nil)
}
