package account_test

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"testing"

	"mellium.im/sasl"

	"palabre/account"
	"palabre/server"
	"palabre/store"
	"palabre/xmpp"
)

// Each mechanism, as a sound client speaks it, with every binding that goes with it.
func TestLogin(t *testing.T) {
	t.Parallel()
	r, _ := open(t)
	for _, c := range []scramClient{
		{mechanism: "SCRAM-SHA-1"},
		{mechanism: "SCRAM-SHA-256"},
		{mechanism: "SCRAM-SHA-512"},
		{mechanism: "SCRAM-SHA-1-PLUS", gs2: "p=tls-exporter,,", binding: exporter.Data},
		{mechanism: "SCRAM-SHA-256-PLUS", gs2: "p=tls-exporter,,", binding: exporter.Data},
		{mechanism: "SCRAM-SHA-512-PLUS", gs2: "p=tls-exporter,,", binding: exporter.Data},
		{mechanism: "SCRAM-SHA-512-PLUS", gs2: "p=tls-server-end-point,,", binding: endPoint.Data},
		{mechanism: "SCRAM-SHA-512", gs2: "p=tls-exporter,,", binding: exporter.Data}, // as Cyrus SASL does
		{mechanism: "SCRAM-SHA-256", gs2: "n,a=juliet@example.org,"},
		{mechanism: "SCRAM-SHA-256", name: "JULIET"},
		{mechanism: "SCRAM-SHA-256", extra: ",x=an extension,y=and=another", finalExtra: ",z=one more"},
	} {
		t.Run(c.mechanism+" "+c.gs2+c.name+c.extra, func(t *testing.T) {
			t.Parallel()
			c.password = "R0m30"
			if c.name == "" {
				c.name = "juliet"
			}
			step, err := c.login(t.Context(), r, newPeer(r))
			if err != nil || !step.Done || step.User != juliet {
				t.Errorf("%+v %v", step, err)
			}
			if !strings.Contains(c.serverFirst, ",h=") {
				t.Error("no downgrade protection") // XEP-0474 §6.1
			}
		})
	}
	for _, message := range []string{"\x00juliet\x00R0m30", "juliet@example.org\x00juliet\x00R0m30", "\x00Juliet\x00R0m30"} {
		if step, err := plainLogin(t.Context(), r, newPeer(r), message); err != nil || !step.Done || step.User != juliet {
			t.Errorf("PLAIN %q: %+v %v", message, step, err)
		}
	}
}

// Where the first message does not come with the request, the server asks for it (RFC 6120 §6.4.2).
func TestNoInitialResponse(t *testing.T) {
	t.Parallel()
	r, _ := open(t)
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256"} {
		x, err := r.Begin(domain, mechanism, newPeer(r))
		if err != nil {
			t.Fatal(err)
		}
		step, err := x.Next(t.Context(), nil)
		if err != nil || step.Done || step.Data == nil || len(step.Data) != 0 {
			t.Errorf("%s: %+v %v", mechanism, step, err)
		}
		message := "\x00juliet\x00R0m30"
		if mechanism != "PLAIN" {
			message = "n,,n=juliet,r=client"
		}
		if step, err = x.Next(t.Context(), []byte(message)); err != nil || step.Done != (mechanism == "PLAIN") {
			t.Errorf("%s: %+v %v", mechanism, step, err)
		}
	}
}

// mellium's client against our server.
func TestMelliumClient(t *testing.T) {
	t.Parallel()
	r, _ := open(t)
	name := xmpp.MustParseJID("mer,cu=tio@example.org")
	if err := r.Add(t.Context(), name, "påss, wörd="); err != nil {
		t.Fatal(err)
	}
	client, bindings := tlsPair(t)
	for _, m := range []sasl.Mechanism{sasl.Plain, sasl.ScramSha1, sasl.ScramSha256, sasl.ScramSha1Plus, sasl.ScramSha256Plus} {
		t.Run(m.Name, func(t *testing.T) {
			peer := newPeer(r)
			peer.Bindings = bindings
			n := sasl.NewClient(m, sasl.RemoteMechanisms(peer.Offered...), sasl.TLSState(client),
				sasl.Credentials(func() (user, password, identity []byte) {
					return []byte("mer,cu=tio"), []byte("påss, wörd="), nil
				}))
			x, err := r.Begin(domain, m.Name, peer)
			if err != nil {
				t.Fatal(err)
			}
			var step server.Step
			for !step.Done {
				_, response, err := n.Step(step.Data)
				if err != nil {
					t.Fatalf("client: %v", err)
				}
				if step, err = x.Next(t.Context(), response); err != nil {
					t.Fatalf("server: %v", err)
				}
			}
			if step.User != name {
				t.Errorf("logged in as %s", step.User)
			}
			if m.Name != "PLAIN" {
				if _, _, err := n.Step(step.Data); err != nil {
					t.Errorf("the client does not accept the server: %v", err)
				}
			}
		})
	}
}

// Each refusal, with its condition. juliet's right password is used throughout, unless the case says otherwise.
func TestRefusals(t *testing.T) {
	t.Parallel()
	flip := func(p []byte) []byte { p[0] ^= 1; return p }
	for name, c := range map[string]struct {
		client scramClient
		peer   func(*server.Peer)
		want   string
	}{
		"wrong password":                    {client: scramClient{password: "r0m30"}, want: "not-authorized"},
		"wrong proof":                       {client: scramClient{proof: flip}, want: "not-authorized"},
		"short proof":                       {client: scramClient{proof: func(p []byte) []byte { return p[:8] }}, want: "not-authorized"},
		"long proof":                        {client: scramClient{proof: func(p []byte) []byte { return append(p, 0) }}, want: "not-authorized"},
		"unknown user":                      {client: scramClient{name: "romeo"}, want: "not-authorized"},
		"a name that can't be one":          {client: scramClient{name: "jul iet"}, want: "not-authorized"},
		"an address for a name":             {client: scramClient{name: "juliet@example.org"}, want: "not-authorized"},
		"authzid of another":                {client: scramClient{gs2: "n,a=romeo@example.org,"}, want: "invalid-authzid"},
		"authzid in other letters":          {client: scramClient{gs2: "n,a=Juliet@example.org,"}, want: "invalid-authzid"},
		"authzid with a resource":           {client: scramClient{gs2: "n,a=juliet@example.org/balcony,"}, want: "invalid-authzid"},
		"authzid without a domain":          {client: scramClient{gs2: "n,a=juliet,"}, want: "invalid-authzid"},
		"authzid of another domain":         {client: scramClient{gs2: "n,a=juliet@example.net,"}, want: "invalid-authzid"},
		"y where -PLUS was offered":         {client: scramClient{gs2: "y,,"}, want: "not-authorized"},
		"y where it was not":                {client: scramClient{gs2: "y,,"}, peer: func(p *server.Peer) { p.Offered, p.Bindings = []string{"SCRAM-SHA-256"}, nil }},
		"n under -PLUS":                     {client: scramClient{mechanism: "SCRAM-SHA-256-PLUS"}, want: "malformed-request"},
		"y under -PLUS":                     {client: scramClient{mechanism: "SCRAM-SHA-256-PLUS", gs2: "y,,"}, want: "not-authorized"},
		"a binding that we lack":            {client: scramClient{mechanism: "SCRAM-SHA-256-PLUS", gs2: "p=tls-unique,,"}, want: "not-authorized"},
		"wrong binding data":                {client: scramClient{mechanism: "SCRAM-SHA-256-PLUS", gs2: "p=tls-exporter,,", binding: endPoint.Data}, want: "not-authorized"},
		"no binding data":                   {client: scramClient{mechanism: "SCRAM-SHA-256-PLUS", gs2: "p=tls-exporter,,"}, want: "not-authorized"},
		"another flag in the final message": {client: scramClient{finalGS2: "y,,"}, want: "not-authorized"},
		"another authzid in the final":      {client: scramClient{finalGS2: "n,a=juliet@example.org,"}, want: "not-authorized"},
		"-PLUS without TLS":                 {client: scramClient{mechanism: "SCRAM-SHA-256-PLUS"}, peer: func(p *server.Peer) { p.Bindings = nil }, want: "invalid-mechanism"},
		"another nonce":                     {client: scramClient{finalNonce: func(s string) string { return s + "x" }}, want: "malformed-request"},
		"the client's nonce alone":          {client: scramClient{finalNonce: func(string) string { return "client" }}, want: "malformed-request"},
		"an extension that must be known":   {client: scramClient{extra: ",m=x"}, want: "malformed-request"},
		"the same in the final message":     {client: scramClient{finalExtra: ",m=x"}, want: "malformed-request"},
		"an extension without a value":      {client: scramClient{extra: ",x="}, want: "malformed-request"},
		"a mechanism that there is not":     {client: scramClient{mechanism: "SCRAM-MD5"}, want: "invalid-mechanism"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _ := open(t)
			client, peer := c.client, newPeer(r)
			if c.peer != nil {
				c.peer(peer)
			}
			fill(&client.mechanism, "SCRAM-SHA-256")
			fill(&client.name, "juliet")
			fill(&client.password, "R0m30")
			step, err := client.login(t.Context(), r, peer)
			if got := condition(t, err); got != c.want || step.Done != (c.want == "") {
				t.Errorf("%q (%v), want %q", got, err, c.want)
			}
			if tried := peer.Failures; tried != 1 {
				t.Errorf("counted as %d tries", tried)
			}
		})
	}
}

func fill(s *string, with string) {
	if *s == "" {
		*s = with
	}
}

func TestPlainRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ message, want string }{
		"wrong password":             {"\x00juliet\x00r0m30", "not-authorized"},
		"unknown user":               {"\x00romeo\x00R0m30", "not-authorized"},
		"no password":                {"\x00juliet\x00", "malformed-request"},
		"no name":                    {"\x00\x00R0m30", "malformed-request"},
		"two parts":                  {"juliet\x00R0m30", "malformed-request"},
		"four parts":                 {"\x00juliet\x00R0m30\x00", "malformed-request"},
		"nothing":                    {"", "malformed-request"},
		"not UTF-8":                  {"\x00juliet\x00\xff", "malformed-request"},
		"too long":                   {"\x00juliet\x00" + strings.Repeat("x", 9000), "malformed-request"},
		"a control character":        {"\x00juliet\x00R0m30\x07", "not-authorized"},
		"authzid of another":         {"romeo@example.org\x00juliet\x00R0m30", "invalid-authzid"},
		"authzid in other letters":   {"JULIET@example.org\x00juliet\x00R0m30", "invalid-authzid"},
		"an address for a name":      {"\x00juliet@example.org\x00R0m30", "not-authorized"},
		"a slash in the name":        {"\x00juliet/x\x00R0m30", "not-authorized"},
		"right, for the table's own": {"\x00juliet\x00R0m30", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _ := open(t)
			step, err := plainLogin(t.Context(), r, newPeer(r), c.message)
			if got := condition(t, err); got != c.want || step.Done != (c.want == "") {
				t.Errorf("%q (%v), want %q", got, err, c.want)
			}
		})
	}
}

func TestMalformedFirst(t *testing.T) {
	t.Parallel()
	r, _ := open(t)
	for _, message := range []string{
		"", "n", "n,", "n,,", "n,,n=juliet", "n,,r=x,n=juliet", "n,,n=,r=x", "n,,n=juliet,r=", "n,,n=juliet,r=a b",
		"x,,n=juliet,r=x", "p,,n=juliet,r=x", "p=,,n=juliet,r=x", "p=tls exporter,,n=juliet,r=x", "n,x,n=juliet,r=x", "n,a=,n=juliet,r=x",
		"n,,m=x,n=juliet,r=x", "n,,n=jul=iet,r=x", "n,,n=jul=2,r=x", "n,,n=jul=2c,r=x", "n,,n=juliet=,r=x", "n,,n=juliet,r=x,", "n,,n=juliet,r=x,1=y",
		"n,,n=juliet,r=x,xy", "n,,n=jul\x00iet,r=x", "n,,n=jul\xffiet,r=x", "n,,n=juliet,r=é", " n,,n=juliet,r=x", "N,,n=juliet,r=x",
		"n,,n=juliet,r=" + strings.Repeat("x", 9000),
	} {
		x, err := r.Begin(domain, "SCRAM-SHA-256", newPeer(r))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.Next(t.Context(), []byte(message)); condition(t, err) != "malformed-request" {
			t.Errorf("%q: %v", message, err)
		}
		if _, err := x.Next(t.Context(), []byte("n,,n=juliet,r=x")); condition(t, err) != "malformed-request" {
			t.Errorf("%q: the exchange goes on: %v", message, err)
		}
	}
}

// A disabled account says so only to whoever knows its password.
func TestDisabled(t *testing.T) {
	t.Parallel()
	r, _ := open(t)
	if err := r.Disable(t.Context(), juliet); err != nil {
		t.Fatal(err)
	}
	right := scramClient{mechanism: "SCRAM-SHA-256", name: "juliet", password: "R0m30"}
	wrong := scramClient{mechanism: "SCRAM-SHA-256", name: "juliet", password: "Par1s"}
	for name, got := range map[string]error{
		"account-disabled": second(right.login(t.Context(), r, newPeer(r))),
		"not-authorized":   second(wrong.login(t.Context(), r, newPeer(r))),
	} {
		if condition(t, got) != name {
			t.Errorf("SCRAM: %v, want %s", got, name)
		}
	}
	if _, err := plainLogin(t.Context(), r, newPeer(r), "\x00juliet\x00R0m30"); condition(t, err) != "account-disabled" {
		t.Errorf("PLAIN: %v", err)
	}
	if _, err := plainLogin(t.Context(), r, newPeer(r), "\x00juliet\x00Par1s"); condition(t, err) != "not-authorized" {
		t.Errorf("PLAIN: %v", err)
	}
	if err := r.Enable(t.Context(), juliet); err != nil {
		t.Fatal(err)
	}
	if _, err := right.login(t.Context(), r, newPeer(r)); err != nil {
		t.Errorf("enabled again: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

// What changes between the two messages counts: nobody gets in by holding an exchange open.
func TestChangedMeanwhile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*testing.T, *account.Registry)
		want   string
	}{
		"disabled":     {func(t *testing.T, r *account.Registry) { must(t, r.Disable(t.Context(), juliet)) }, "account-disabled"},
		"deleted":      {func(t *testing.T, r *account.Registry) { must(t, r.Delete(t.Context(), juliet)) }, "not-authorized"},
		"new password": {func(t *testing.T, r *account.Registry) { must(t, r.SetPassword(t.Context(), juliet, "Par1s")) }, "not-authorized"},
		"someone else": {func(t *testing.T, r *account.Registry) {
			must(t, r.Add(t.Context(), xmpp.MustParseJID("romeo@example.org"), "x"))
			must(t, r.Disable(t.Context(), xmpp.MustParseJID("romeo@example.org")))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _ := open(t)
			client := scramClient{mechanism: "SCRAM-SHA-256", name: "juliet", password: "R0m30"}
			x, err := r.Begin(domain, client.mechanism, newPeer(r))
			must(t, err)
			step, err := x.Next(t.Context(), []byte(client.first()))
			must(t, err)
			client.serverFirst = string(step.Data)
			c.change(t, r)
			if _, err = x.Next(t.Context(), []byte(client.final())); condition(t, err) != c.want {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A store that is away is no wrong password: the error is its own, and the try is not paid for.
func TestStoreAway(t *testing.T) {
	t.Parallel()
	s := &away{Store: openStore(t)}
	r := openOn(t, s)
	s.err = store.ErrAway
	for range 100 {
		client := scramClient{mechanism: "SCRAM-SHA-256", name: "juliet", password: "R0m30"}
		if _, err := client.login(t.Context(), r, newPeer(r)); !errors.Is(err, store.ErrAway) {
			t.Fatalf("SCRAM: %v", err)
		}
		if _, err := plainLogin(t.Context(), r, newPeer(r), "\x00juliet\x00R0m30"); !errors.Is(err, store.ErrAway) {
			t.Fatalf("PLAIN: %v", err)
		}
	}
	s.err = nil
	if _, err := plainLogin(t.Context(), r, newPeer(r), "\x00juliet\x00R0m30"); err != nil {
		t.Errorf("after it is back: %v", err)
	}
}

// away is a store that can't be used at times.
type away struct {
	account.Store
	err error
}

func (a *away) Account(ctx context.Context, jid xmpp.JID) (account.Account, error) {
	if a.err != nil {
		return account.Account{}, a.err
	}
	return a.Store.Account(ctx, jid)
}

// What a client is told is the same for an account, for none, and for one that is disabled: byte for byte, but for nonce and salt.
func TestUnknownIsIndistinguishable(t *testing.T) {
	t.Parallel()
	r, _ := open(t)
	must(t, r.Add(t.Context(), xmpp.MustParseJID("tybalt@example.org"), "x"))
	must(t, r.Disable(t.Context(), xmpp.MustParseJID("tybalt@example.org")))
	for _, mechanism := range []string{"SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512", "SCRAM-SHA-512-PLUS"} {
		shapes := map[string]bool{}
		for _, name := range []string{"juliet", "nobody", "tybalt"} {
			var salts []string
			for range 2 {
				client := scramClient{mechanism: mechanism, name: name, password: "Par1s"}
				if strings.HasSuffix(mechanism, "-PLUS") {
					client.gs2, client.binding = "p=tls-exporter,,", exporter.Data
				}
				_, err := client.login(t.Context(), r, newPeer(r))
				var failure *server.AuthError
				if !errors.As(err, &failure) {
					t.Fatalf("%s: %v", name, err)
				}
				parts := strings.Split(client.serverFirst, ",")
				if len(parts) != 4 {
					t.Fatalf("%s: %q", name, client.serverFirst)
				}
				salts = append(salts, parts[1])
				for i := range 2 {
					parts[i] = parts[i][:2] + strings.Repeat("?", len(parts[i])-2)
				}
				shapes[strings.Join(parts, ",")+" "+failure.Error()] = true
			}
			if salts[0] != salts[1] {
				t.Errorf("%s %s: the salt changes", mechanism, name)
			}
		}
		if len(shapes) != 1 {
			t.Errorf("%s: %v", mechanism, shapes)
		}
	}
}

func TestMechanisms(t *testing.T) {
	t.Parallel()
	r, _ := open(t, func(o *account.Options) {
		o.Domains["strict.example"] = account.Domain{Mechanisms: []string{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"}}
	})
	all := "SCRAM-SHA-512-PLUS SCRAM-SHA-512 SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 PLAIN"
	bound := []server.Binding{exporter}
	for _, c := range []struct {
		domain string
		peer   server.Peer
		want   string
	}{
		{domain, server.Peer{Secure: true, Bindings: bound}, all},
		{domain, server.Peer{Secure: true}, "SCRAM-SHA-512 SCRAM-SHA-256 SCRAM-SHA-1 PLAIN"},
		{domain, server.Peer{}, "SCRAM-SHA-512 SCRAM-SHA-256 SCRAM-SHA-1"},
		{"strict.example", server.Peer{Secure: true, Bindings: bound}, "SCRAM-SHA-256-PLUS SCRAM-SHA-256"},
		{"strict.example", server.Peer{Secure: true}, "SCRAM-SHA-256"},
		{"example.net", server.Peer{Secure: true}, ""},
	} {
		if got := strings.Join(r.Mechanisms(c.domain, &c.peer), " "); got != c.want {
			t.Errorf("%s %+v: %s, want %s", c.domain, c.peer, got, c.want)
		}
	}
	for _, c := range []struct{ domain, mechanism, want string }{
		{domain, "PLAIN", "encryption-required"},
		{domain, "SCRAM-SHA-256-PLUS", "invalid-mechanism"},
		{"strict.example", "PLAIN", "invalid-mechanism"},
		{"example.net", "SCRAM-SHA-256", "invalid-mechanism"},
	} {
		if _, err := r.Begin(c.domain, c.mechanism, &server.Peer{}); condition(t, err) != c.want {
			t.Errorf("%s %s in the clear: %v", c.domain, c.mechanism, err)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]account.Options{
		"too few iterations":   {Iterations: account.Iterations{SHA512: 4095}},
		"an address":           {Domains: map[string]account.Domain{"juliet@example.org": {}}},
		"no domain":            {Domains: map[string]account.Domain{"": {}}},
		"an unknown mechanism": {Domains: map[string]account.Domain{domain: {Mechanisms: []string{"SCRAM-SHA-3"}}}},
	} {
		if _, err := account.New(t.Context(), openStore(t), o); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// tlsPair makes a connection and gives the client's state, and the bindings as the server has them.
func tlsPair(t *testing.T) (tls.ConnectionState, []server.Binding) {
	t.Helper()
	client, srv := handshake(t)
	data, err := srv.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32) // RFC 9266 §2
	must(t, err)
	return client, []server.Binding{{Type: "tls-exporter", Data: data}}
}
