package directory

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"palabre/xmpp"
)

func TestFold(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"alice": "alice", "ÉLODIE": "elodie", "Ångström": "angstrom", "Søren Ægir Œuvre": "soren aegir oeuvre", "STRASSE Straße ẞ": "strasse strasse ss",
		"Łódź": "lodz", "Đorđe": "dorde", "İstanbul ısı": "istanbul isi", "ﬁn": "fin", "Ｗｉｄｅ": "wide", "Ελλάς": "ελλασ", "Ёж": "еж", "a\u00adb\u200d": "ab",
		"Nguyễn": "nguyen", "Þór": "thor", "\xff": "\ufffd",
	} {
		if got := Fold(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	e := Entry{ID: "alice", Kind: Person, Name: "Alice Smith", Email: "alice.smith@example.org", Account: xmpp.MustParseJID("asmith@example.org")}
	e.Unit = "Sales"
	var got []string
	for _, k := range Keys(&e) {
		got = append(got, fmt.Sprintf("%d:%s|%s", k.Class, k.Word, k.Other))
	}
	want := "0:alice smith| 0:alice smith|smith 0:alice smith|asmith 0:alice smith|sales 1:smith| 1:smith|alice 1:smith|asmith 1:smith|sales " +
		"2:alice.smith@example.org| 2:alice.smith@example.org|smith 2:alice.smith@example.org|asmith 2:alice.smith@example.org|sales " +
		"2:asmith@example.org| 2:asmith@example.org|alice 2:asmith@example.org|smith 2:asmith@example.org|sales 3:sales| 3:sales|alice 3:sales|smith 3:sales|asmith"
	if s := strings.Join(got, " "); s != want {
		t.Errorf("keys:\n%s\nwant\n%s", s, want)
	}
}

func TestKeysAreBounded(t *testing.T) {
	t.Parallel()
	var name strings.Builder
	for i := range 500 {
		fmt.Fprintf(&name, "%c%d ", 'a'+i%26, i)
	}
	for what, e := range map[string]Entry{
		"many words":   {ID: "x", Name: name.String()},
		"long words":   {ID: "x", Name: strings.Repeat("é", 9999) + " " + strings.Repeat("王", 9999)},
		"many letters": {ID: strings.Repeat("a.b", 300), Name: strings.Repeat("o'", 4000), Email: strings.Repeat("x.y-", 500) + "@example.org"},
	} {
		keys := Keys(&e)
		if len(keys) > mostWords*(mostWords+1) {
			t.Errorf("%s: %d keys", what, len(keys))
		}
		for _, k := range keys {
			if len(k.Word)+len(k.Other) > 8*longestKey || utf8.RuneCountInString(k.Initial()) > 1 || !utf8.ValidString(k.Word+k.Other) {
				t.Errorf("%s: %+v", what, k)
			}
		}
	}
}

// Whatever somebody types that an entry matches, the plan's keys lead to it.
func TestPlanLeadsToWhatMatches(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		word := rapid.StringMatching(`[abé'.@ -]{0,6}`)
		e := Entry{ID: "a", Name: word.Draw(r, "given") + " " + word.Draw(r, "family"), Email: word.Draw(r, "email"), Details: Details{Unit: word.Draw(r, "unit")}}
		p, ok := NewPlan(word.Draw(r, "one") + " " + word.Draw(r, "two") + " " + word.Draw(r, "three"))
		if !ok || p.Prefix == "" || !p.Match(&e) {
			return
		}
		for _, k := range Keys(&e) {
			if k.Initial() == p.Initial() && strings.HasPrefix(k.Word, p.Prefix) && strings.HasPrefix(k.Other, p.Other) {
				return
			}
		}
		r.Fatalf("%+v has no key for %+v: %+v", e, p, Keys(&e))
	})
}
