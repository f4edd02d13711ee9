package attack

import (
	"strings"
	"testing"

	"palabre/server/servertest"
	"palabre/xmpp"
)

// TestA10Addresses (RFC 7622, CVE-2026-39821): an address that is written in another way is the same one, one that can't be brought into a normal form is none, and what only looks
// like another address is not it.
func TestA10Addresses(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	victim := s.login(t, juliet, "balcony")
	w := s.login(t, mallory, "pc")
	for _, same := range []string{
		"JULIET@example.org", "juliet@EXAMPLE.ORG", "juliet@example.org.", "\uff4a\uff55\uff4c\uff49\uff45\uff54@example.org", "Juliet@Example.Org.", "juliet@\uff45xample.org",
	} {
		w.send("<message to='" + same + "/balcony' type='headline'/>")
		got := parse(t, victim.fenceAfter(w))
		if len(got) != 1 || got[0].attr("to") != "juliet@example.org/balcony" {
			t.Errorf("%q: juliet gets %v", same, got)
		}
		if errs := w.fence(); errs != "" {
			t.Errorf("%q: the sender gets %s", same, errs)
		}
	}
	long := strings.Repeat("j", 1024)
	for _, none := range []string{
		"ju\u200dliet@example.org", "ju\u200bliet@example.org", "ju\u00adliet@example.org", "\u202ejuliet@example.org", "juliet\u0000@example.org", "juli et@example.org", "juli\"et@example.org",
		"juliet@@example.org", "@example.org", "juliet@", "juliet@-example.org", "juliet@xn--a", "juliet@xn--example-.org", "juliet@exa mple.org", "juliet@example.org/",
		"\ufb01@example.org", long + "@example.org", "juliet@" + long, "juliet@example.org/" + long, "\u0130\u0345@example.org\u2024",
		"juliet@example.org/\u2028",
	} {
		none = strings.ReplaceAll(none, "\u0000", "&#xB7;&#x0301;&#xAD;") // NUL can't even be written
		w.send("<message to='" + strings.ReplaceAll(none, "\"", "&quot;") + "' id='none'/>")
		got := parse(t, w.fence())
		if len(got) != 1 || got[0].attr("type") != "error" || len(got[0].Children) != 1 || got[0].Children[0].Children[0].XMLName.Local != "jid-malformed" {
			t.Errorf("%q: %v", none, got)
		}
	}
	for _, other := range []string{
		"\u0458uliet@example.org", "juli\u0435t@example.org", "jul\u0456et@example.org", "juliet@ex\u0430mple.org", "juliet@xn--exmple-4nf.org", "juliett@example.org", "juli\u00e9t@example.org",
		"juliet@example.org.example.net", "juliet@example..org", "juliet@" + strings.Repeat("x", 64) + ".example.org", "juliet@" + strings.Repeat("d.", 500) + "example.org",
		"juliet@sub.example.org", "xn--juliet@example.org", "juliet\\40example.org@example.org",
	} {
		w.send("<message to='" + other + "/balcony' type='normal' id='other'/>")
		got := parse(t, w.fence())
		if len(got) != 1 || got[0].attr("type") != "error" {
			t.Errorf("%q: the sender gets %v", other, got)
		}
	}
	victim.hearsNothing()
}

// TestA10Names: whoever logs in under another writing of a name is who it is, and gets no second account; what is distinct stays so.
func TestA10Names(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	s.Account(t, juliet)
	strasse := xmpp.MustParseJID("strasse@example.org")
	must(t, s.Accounts.Add(t.Context(), strasse, "Str4sse pw"))
	for _, name := range []string{"JULIET", "\uff4a\uff55\uff4c\uff49\uff45\uff54", "Juliet"} {
		w := s.opened(t)
		w.send(authenticate("", name, servertest.Password))
		if got := w.until("</success>"); !strings.Contains(got, "<authorization-identifier>juliet@example.org/") {
			t.Errorf("%q logs in as %s", name, got)
		}
	}
	for _, test := range []struct{ name, password string }{
		{"stra\u00dfe", "Str4sse pw"}, {"juli\u0435t", servertest.Password}, {"ju\u200dliet", servertest.Password}, {"juliet\u00ad", servertest.Password}, {" juliet", servertest.Password},
		{"juliet@example.org", servertest.Password}, {"juliet/x", servertest.Password}, {strings.Repeat("j", 1024), servertest.Password}, {"\u202ejuliet", servertest.Password},
	} {
		w := s.opened(t)
		w.send(authenticate("", test.name, test.password))
		if got := w.until("</failure>"); !strings.Contains(got, "<not-authorized") {
			t.Errorf("%q: %s", test.name, got)
		}
	}
	for _, name := range []string{"JULIET@example.org", "juliet@example.org.", "\uff4auliet@example.org"} {
		if err := s.Accounts.Add(t.Context(), xmpp.MustParseJID(name), servertest.Password); err == nil {
			t.Errorf("%q is a second account", name)
		}
	}
}

// TestA10Idempotent: an address that the server gives back is in its normal form: it is the same when sent again.
func TestA10Idempotent(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	w := s.login(t, mallory, "pc")
	for _, to := range []string{"\u1e9e@example.org/A\u030a", "\u03a3\u03c3\u03c2@example.org/\u00a0x", "STRA\u00dfE@b\u00fccher.example", "\uff21@xn--bcher-kva.example", "a@example.org/ x", "\u0130@example.org"} {
		ask := func(to string) string {
			w.send("<message to='" + escape(to) + "' id='i'/>")
			got := parse(t, w.fence())
			if len(got) != 1 {
				t.Fatalf("%q: %v", to, got)
			}
			if got[0].Children[0].Children[0].XMLName.Local == "jid-malformed" {
				return ""
			}
			return got[0].attr("from")
		}
		if once := ask(to); once != "" && ask(once) != once {
			t.Errorf("%q becomes %q, and that %q", to, once, ask(once))
		}
	}
}
