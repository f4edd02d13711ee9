package xmpp

import (
	"errors"
	"strings"
	"testing"

	"mellium.im/xmpp/jid"
	"pgregory.net/rapid"
)

var jidSeeds = []string{
	"", "example.org", "juliet@example.org", "juliet@example.org/balcony", "example.org/balcony", "Juliet@EXAMPLE.org/Balcony", "a@b/c@d/e", "@b", "a@", "a@b/",
	"/", "@", "a@@b", "a b@c", "a@b c", "a@b/ c", "a@b/c ", "a@b/c  d", "jürgen@bücher.example/ö", "J\u0308@b", "a@xn--bcher-kva.example", "a@xn--a", "a@b..c", "a@.b", "a@b.",
	"a@-b", "a@b-", "a@b-.c", "a@b--c", "a@127.0.0.1", "a@[::1]", "a@[::1]/r", "a@1.2.3.4.5", "ß@ß", "ﬁ@b", "a@ｂ", "Ａ@b", "a@b/\u00a0", "a@b/\t", "a@b/\x7f", "a\"&'/:<>@b",
	"a@b/ﬁ", "a@b/\u200d", "\u0130@b", "a@\u0130", "a@b\u3002c", "a@B_c", "a@b_c", "a@b:5222", "a@1", "a@localhost", "\u212a@b", "a@b/\ufeff", "a\xff@b", "a@b/\xff",
	strings.Repeat("a", 1023) + "@b", strings.Repeat("a", 1024) + "@b", "a@" + strings.Repeat("b.", 511) + "b", "a@" + strings.Repeat("b", 63), "a@" + strings.Repeat("b", 64),
	"a@b/" + strings.Repeat("c", 1023), "a@b/" + strings.Repeat("c", 1024), "\u1e9e@b", "a@b/\u0041\u030a", "#!+=@b", "~@b", "a@b/~", "\u03c2@b", "a@fa\u00df.de",
}

// checkJID: an address is what mellium.im/xmpp/jid makes of it, and is its own normal form.
func checkJID(t interface {
	Fatalf(string, ...any)
}, s string) {
	j, err := ParseJID(s)
	m, wrong := jid.Parse(s)
	if fast, ok := parseFast(s); ok {
		if wrong != nil || fast.Local() != m.Localpart() || fast.Domain() != m.Domainpart() || fast.Resource() != m.Resourcepart() {
			t.Fatalf("%q: fast %q, full %q, error %v", s, fast, m, wrong)
		}
	}
	if err != nil {
		if !errors.Is(err, ErrJID) || !j.IsZero() {
			t.Fatalf("%q: %v, error %v", s, j, err)
		}
		return
	}
	if wrong != nil {
		t.Fatalf("%q: %q, but %v", s, j, wrong)
	}
	if again, err := ParseJID(j.String()); err != nil || again != j {
		t.Fatalf("%q: %q reads back as %q, error %v", s, j, again, err)
	}
	if again, err := NewJID(j.Local(), j.Domain(), j.Resource()); err != nil || again != j {
		t.Fatalf("%q: %q of its parts is %q, error %v", s, j, again, err)
	}
	bare, err := ParseJID(j.Bare().String())
	if err != nil || bare != j.Bare() || !bare.IsBare() || bare.Resource() != "" {
		t.Fatalf("%q: bare %q, error %v", s, bare, err)
	}
	if d, err := ParseJID(j.Domain()); err != nil || d != j.DomainJID() {
		t.Fatalf("%q: domain %q, error %v", s, d, err)
	}
	if j.IsBare() != (j.Resource() == "") || len(j.Local()) > maxPart || len(j.Domain()) > maxPart || len(j.Resource()) > maxPart || j.Domain() == "" {
		t.Fatalf("%q: parts of %q", s, j)
	}
	if full, err := j.WithResource("r"); err != nil || full.Bare() != j.Bare() || full.Resource() != "r" {
		t.Fatalf("%q: with a resource %q, error %v", s, full, err)
	}
}

func FuzzParseJID(f *testing.F) {
	for _, s := range jidSeeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkJID(t, s) })
}

func TestParseJIDAgainstMellium(t *testing.T) {
	t.Parallel()
	part := rapid.OneOf(rapid.StringMatching(`[a-z0-9.\-_+=#!]{0,8}`), rapid.StringMatching(`[ -~]{0,6}`), rapid.StringN(0, 6, 20))
	rapid.Check(t, func(t *rapid.T) {
		checkJID(t, part.Draw(t, "local")+rapid.SampledFrom([]string{"@", "", "@@"}).Draw(t, "at")+
			part.Draw(t, "domain")+rapid.SampledFrom([]string{"/", "", "//"}).Draw(t, "slash")+part.Draw(t, "resource"))
	})
}

func TestNewJIDTakesPartsAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ local, domain, resource, want string }{
		{"a", "b", "c", "a@b/c"}, {"", "b", "", "b"}, {"a", "b", "", "a@b"}, {"", "b", "c", "b/c"}, {"A", "B", "C", "a@b/C"}, {"a", "b", "c/d@e", "a@b/c/d@e"},
		{"a", "", "c", ""}, {"a@x", "b", "", ""}, {"a/x", "b", "", ""}, {"a", "b/x", "", ""}, {"a", "b@x", "", ""}, {"", "", "", ""}, {"", "a@b", "", ""}, {"", "b/c", "", ""},
	} {
		j, err := NewJID(c.local, c.domain, c.resource)
		if (err != nil) != (c.want == "") || j.String() != c.want {
			t.Errorf("%q: %q, error %v", c, j, err)
		}
	}
}

// The fast way is there to allocate nothing.
func TestPlainAddressesAllocateNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() {
		if _, err := ParseJID("juliet@capulet.example/balcony"); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkParseJID(b *testing.B) {
	for b.Loop() {
		if _, err := ParseJID("juliet@capulet.example/balcony"); err != nil {
			b.Fatal(err)
		}
	}
}
