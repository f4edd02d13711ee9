package attack

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/base64"
	"hash"
	"slices"
	"strconv"
	"strings"
	"testing"

	"palabre/server/servertest"
)

var hashes = map[string]func() hash.Hash{"SCRAM-SHA-1": sha1.New, "SCRAM-SHA-256": sha256.New, "SCRAM-SHA-512": sha512.New}

// A scram is a client that logs in with SCRAM as it pleases.
type scram struct {
	mechanism, name, password string
	gs2                       string // n,, if empty
	binding                   []byte // what c= ends with
	lie                       func(without string) string

	challenge string // the server's first message
	signature string // what the server's last must be
}

func (c *scram) bare() string { return "n=" + c.name + ",r=clientsnonce" }

// begin sends the first message and gives what comes: a challenge, or the failure.
func (c *scram) begin(w *wire) string {
	w.t.Helper()
	if c.gs2 == "" {
		c.gs2 = "n,,"
	}
	first := base64.StdEncoding.EncodeToString([]byte(c.gs2 + c.bare()))
	w.send("<auth xmlns='" + nsSASL + "' mechanism='" + c.mechanism + "'>" + first + "</auth>")
	got := w.until("</")
	if rest, ok := strings.CutPrefix(got, "<challenge xmlns='"+nsSASL+"'>"); ok {
		w.until(">")
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(rest, "</"))
		must(w.t, err)
		c.challenge = string(raw)
		return c.challenge
	}
	return got + w.until("failure>")
}

// attr is a field of the challenge.
func (c *scram) attr(name string) string {
	for f := range strings.SplitSeq(c.challenge, ",") {
		if v, ok := strings.CutPrefix(f, name+"="); ok {
			return v
		}
	}
	return ""
}

// finish answers the challenge and gives what comes.
func (c *scram) finish(w *wire) string {
	w.t.Helper()
	h := hashes[strings.TrimSuffix(c.mechanism, "-PLUS")]
	mac := func(key []byte, s string) []byte {
		m := hmac.New(h, key)
		m.Write([]byte(s))
		return m.Sum(nil)
	}
	salt, err := base64.StdEncoding.DecodeString(c.attr("s"))
	must(w.t, err)
	iterations, err := strconv.Atoi(c.attr("i"))
	must(w.t, err)
	salted, err := pbkdf2.Key(h, c.password, salt, iterations, h().Size())
	must(w.t, err)
	without := "c=" + base64.StdEncoding.EncodeToString(append([]byte(c.gs2), c.binding...)) + ",r=" + c.attr("r")
	if c.lie != nil {
		without = c.lie(without)
	}
	auth := c.bare() + "," + c.challenge + "," + without
	key := mac(salted, "Client Key")
	stored := h()
	stored.Write(key)
	proof := mac(stored.Sum(nil), auth)
	for i := range proof {
		proof[i] ^= key[i]
	}
	c.signature = base64.StdEncoding.EncodeToString([]byte("v=" + base64.StdEncoding.EncodeToString(mac(mac(salted, "Server Key"), auth))))
	last := base64.StdEncoding.EncodeToString([]byte(without + ",p=" + base64.StdEncoding.EncodeToString(proof)))
	w.send("<response xmlns='" + nsSASL + "'>" + last + "</response>")
	got := w.until("</")
	if strings.HasPrefix(got, "<success") {
		return got + w.until("success>")
	}
	return got + w.until("failure>")
}

// run is the whole exchange.
func (c *scram) run(w *wire) string {
	w.t.Helper()
	if got := c.begin(w); strings.HasPrefix(got, "<failure") {
		return got
	}
	return c.finish(w)
}

// succeeded tells whether the server has let us in, and knows the key.
func (c *scram) succeeded(got string) bool {
	return got == "<success xmlns='"+nsSASL+"'>"+c.signature+"</success>"
}

// offers are what a stream's features offer to log in with: mechanisms, and channel bindings.
func offers(features string) (mechanisms, bindings []string) {
	features, _, _ = strings.Cut(features, "<authentication ")
	for m := range strings.SplitSeq(features, "<mechanism>") {
		if name, _, ok := strings.Cut(m, "</mechanism>"); ok {
			mechanisms = append(mechanisms, name)
		}
	}
	for b := range strings.SplitSeq(features, "<channel-binding type='") {
		if name, _, ok := strings.Cut(b, "'/>"); ok && b != features {
			bindings = append(bindings, name)
		}
	}
	return mechanisms, bindings
}

// offerHash is what a client compares with the h= of the challenge (XEP-0474 §6.1).
func offerHash(h func() hash.Hash, mechanisms, bindings []string) string {
	s := strings.Join(slices.Sorted(slices.Values(mechanisms)), "\x1e")
	if len(bindings) > 0 {
		s += "\x1f" + strings.Join(slices.Sorted(slices.Values(bindings)), "\x1e")
	}
	x := h()
	x.Write([]byte(s))
	return base64.StdEncoding.EncodeToString(x.Sum(nil))
}

// TestA1Downgrade: passwords don't go in clear, and who hides a mechanism from the client is found out: by the hash of what was offered, by the flag y, by the binding.
func TestA1Downgrade(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Account(t, juliet)
	for _, request := range []string{
		plain("", "juliet", servertest.Password), "<auth xmlns='" + nsSASL + "' mechanism='SCRAM-SHA-1'>biwsbj1qdWxpZXQscj14</auth>",
	} {
		w := s.clear(t)
		w.send(header)
		if got := w.until("</stream:features>"); strings.Contains(got, "mechanism") {
			t.Errorf("mechanisms are offered in clear: %s", got)
		}
		w.send(request)
		w.until("<failure xmlns='" + nsSASL + "'><encryption-required/>")
		w.until("</failure>")
	}
	w := s.tls(t)
	w.send(header)
	mechanisms, bindings := offers(w.until("</stream:features>"))
	if len(mechanisms) != 7 || len(bindings) != 2 {
		t.Fatalf("%v and %v are offered", mechanisms, bindings)
	}
	for family, h := range hashes {
		w := s.opened(t)
		c := &scram{mechanism: family, name: "juliet", password: servertest.Password}
		if got := c.run(w); !c.succeeded(got) {
			t.Errorf("%s: %s", family, got)
		}
		if got := c.attr("h"); got != offerHash(h, mechanisms, bindings) {
			t.Errorf("%s: the hash of what was offered is %q", family, got)
		}
		for i := range mechanisms {
			if c.attr("h") == offerHash(h, slices.Delete(slices.Clone(mechanisms), i, i+1), bindings) {
				t.Errorf("%s: that %s was hidden does not show", family, mechanisms[i])
			}
		}
		if c.attr("h") == offerHash(h, mechanisms, bindings[:1]) {
			t.Errorf("%s: that a binding was hidden does not show", family)
		}
	}
	for name, c := range map[string]*scram{
		"-PLUS was hidden":                  {mechanism: "SCRAM-SHA-256", gs2: "y,,"},
		"the binding of another connection": {mechanism: "SCRAM-SHA-256-PLUS", gs2: "p=tls-exporter,,", binding: make([]byte, 32)},
		"no binding":                        {mechanism: "SCRAM-SHA-256-PLUS", gs2: "p=tls-exporter,,"},
		"a binding without a name":          {mechanism: "SCRAM-SHA-256-PLUS"},
		"a binding that we don't know":      {mechanism: "SCRAM-SHA-256-PLUS", gs2: "p=tls-unique,,"},
		"another flag at the end":           {mechanism: "SCRAM-SHA-256", lie: func(s string) string { return strings.Replace(s, "c=biws", "c=eSws", 1) }},
		"another nonce at the end":          {mechanism: "SCRAM-SHA-256", lie: func(s string) string { return s + "x" }},
	} {
		w := s.opened(t)
		c.name, c.password = "juliet", servertest.Password
		if got := c.run(w); !strings.HasPrefix(got, "<failure") {
			t.Errorf("%s: %s", name, got)
		}
	}
	// The right binding is right.
	state := w.conn.(*tls.Conn).ConnectionState()

	exported, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32) // RFC 9266 §2
	must(t, err)
	c := &scram{mechanism: "SCRAM-SHA-512-PLUS", name: "juliet", password: servertest.Password, gs2: "p=tls-exporter,,", binding: exported}
	if got := c.run(w); !c.succeeded(got) {
		t.Errorf("with the right binding: %s", got)
	}
}
