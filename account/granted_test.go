package account_test

import (
	"context"
	"errors"
	"testing"

	"palabre/account"
	"palabre/server"
	"palabre/xmpp"
)

// To whom chat is not granted, the account is disabled, by each mechanism; only who knows the password learns it. A directory that can't be asked is no refusal.
func TestNotGranted(t *testing.T) {
	t.Parallel()
	away := errors.New("away")
	for name, c := range map[string]struct {
		granted  bool
		err      error
		password string
		want     string // empty: it logs in; "away": the error is no refusal
	}{
		"granted":                   {granted: true, password: "R0m30"},
		"not granted":               {password: "R0m30", want: "account-disabled"},
		"not granted, and guessing": {password: "guess", want: "not-authorized"},
		"not known":                 {err: away, password: "R0m30", want: "away"},
		"not known, and guessing":   {err: away, password: "guess", want: "not-authorized"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _ := open(t, func(o *account.Options) {
				o.Granted = func(_ context.Context, who xmpp.JID) (bool, error) { return c.granted && who == juliet, c.err }
			})
			for mechanism, login := range map[string]func() (server.Step, error){
				"PLAIN": func() (server.Step, error) {
					return plainLogin(t.Context(), r, newPeer(r), "\x00juliet\x00"+c.password)
				},
				"SCRAM": func() (server.Step, error) {
					client := scramClient{mechanism: "SCRAM-SHA-256", name: "juliet", password: c.password}
					return client.login(t.Context(), r, newPeer(r))
				},
			} {
				step, err := login()
				var refusal *server.AuthError
				is := errors.As(err, &refusal)
				switch {
				case c.want == "" && (err != nil || !step.Done):
					t.Errorf("%s: %+v %v", mechanism, step, err)
				case c.want == "away" && (is || !errors.Is(err, away)):
					t.Errorf("%s: %v", mechanism, err)
				case c.want != "" && c.want != "away" && (!is || refusal.Condition != c.want):
					t.Errorf("%s: %v", mechanism, err)
				}
			}
		})
	}
}
