package account_test

import (
	"bytes"
	"errors"
	"testing"

	"palabre/account"
	"palabre/server"
)

// Any bytes in every step of every mechanism: the answer is a step or an AuthError, and nobody gets in without the password.
func FuzzExchange(f *testing.F) {
	first := []byte("p=tls-exporter,a=juliet@example.org,n=juliet,r=client,x=y")
	for i := range account.MechanismNames() {
		f.Add(uint8(i), first, []byte("c=biws,r=client,x=y,p=AAAA"), []byte{})
		f.Add(uint8(i), []byte("n,,n=jul=2Ciet=3D,r=client"), []byte("c=,r=,p="), []byte("\x00juliet\x00R0m30"))
		f.Add(uint8(i), []byte("y,,n=juliet,r=client"), []byte("="), []byte("a\x00juliet\x00x"))
	}
	r, _ := open(f, func(o *account.Options) { o.Off = true })
	f.Fuzz(func(t *testing.T, which uint8, a, b, c []byte) {
		names := account.MechanismNames()
		x, err := r.Begin(domain, names[int(which)%len(names)], newPeer(r))
		if err != nil {
			t.Fatal(err)
		}
		knows := false
		for _, data := range [][]byte{a, b, c} {
			knows = knows || bytes.HasSuffix(data, []byte("\x00R0m30"))
			step, err := x.Next(t.Context(), data)
			var refused *server.AuthError
			switch {
			case err != nil && !errors.As(err, &refused):
				t.Fatalf("%q: %v", data, err)
			case err != nil && (step.Done || refused.Condition == "" || refused.Text == ""):
				t.Fatalf("%q: %+v %+v", data, step, refused)
			case step.Done && !knows:
				t.Fatalf("%q: logged in as %s", data, step.User)
			case step.Done && step.User != juliet:
				t.Fatalf("%q: logged in as %s", data, step.User)
			}
		}
	})
}

// Any bytes for the final message, in an exchange that has begun well.
func FuzzFinal(f *testing.F) {
	f.Add([]byte(",r="), []byte(",p=AAAA"), []byte{0})
	f.Add([]byte("c=biws,r="), []byte(",x=y,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), []byte("x"))
	r, _ := open(f, func(o *account.Options) { o.Off = true })
	f.Fuzz(func(t *testing.T, before, after, nonce []byte) {
		client := scramClient{mechanism: "SCRAM-SHA-256", name: "juliet", password: "R0m30", nonce: string(nonce)}
		x, err := r.Begin(domain, client.mechanism, newPeer(r))
		if err != nil {
			t.Fatal(err)
		}
		step, err := x.Next(t.Context(), []byte(client.first()))
		if err != nil || bytes.ContainsRune(nonce, ',') {
			return // the nonce is none, or is more than that
		}
		client.serverFirst = string(step.Data)
		ours, _, ok := bytes.Cut(step.Data, []byte(","))
		if !ok || !bytes.HasPrefix(ours, append([]byte("r="), client.nonce...)) {
			t.Fatalf("%q does not begin with the nonce %q", step.Data, client.nonce)
		}
		final := append(append(bytes.Clone(before), ours[2:]...), after...)
		step, err = x.Next(t.Context(), final)
		if err == nil || step.Done {
			t.Fatalf("%q is accepted: %+v", final, step)
		}
		var refused *server.AuthError
		if !errors.As(err, &refused) {
			t.Fatalf("%q: %v", final, err)
		}
	})
}
