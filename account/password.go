package account

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/text/secure/precis"
)

// ErrPassword says that a text can't be a password.
var ErrPassword = errors.New("this can't be a password: it is empty or holds control characters; choose another")

// prepare brings a password into the form in which it is compared. RFC 5802 §2.2 names SASLprep; what took its place is the
// OpaqueString profile (RFC 8265 §4.2), which gives the same for all but compatibility characters. The error is ErrPassword.
func prepare(password string) (string, error) {
	if isPlainASCII(password) {
		return password, nil
	}
	out, err := precis.OpaqueString.String(password)
	if err != nil || out == "" {
		return "", ErrPassword
	}
	return out, nil
}

func isPlainASCII(s string) bool {
	for _, c := range []byte(s) {
		if c < 0x20 || c > 0x7e {
			return false
		}
	}
	return s != ""
}

// deriveKeys makes a key of each family, each with a salt of its own. The error is ErrPassword or one of the randomness.
func (r *Registry) deriveKeys(password string) ([]Key, error) {
	password, err := prepare(password)
	if err != nil {
		return nil, err
	}
	keys := make([]Key, 0, len(families))
	for _, f := range families {
		salt := make([]byte, saltSize)
		if _, err := io.ReadFull(r.opts.Rand, salt); err != nil {
			return nil, fmt.Errorf("account: salt: %w", err)
		}
		k, err := f.derive(password, salt, r.iterations[f.name])
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// withTurn runs work that costs milliseconds of a core, when there is room: so many derivations at once cannot take the machine
// from those who need none. The error is the context's.
func (r *Registry) withTurn(ctx context.Context, work func()) error {
	select {
	case r.turns <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("account: wait for a turn: %w", ctx.Err())
	}
	defer func() { <-r.turns }()
	work()
	return nil
}
