package letter

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
)

func TestColumns(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]int{
		"": 0, "abc": 3, "é": 1, "e\u0301": 1, "漢字": 4, "ｱ": 1, "Ａ": 2, "한국": 4, "👍": 2, "שָׁלוֹם": 4, "a\u200db": 2, "…": 1,
	} {
		if got := columns(s); got != want {
			t.Errorf("%q has %d columns, not %d", s, got, want)
		}
	}
}

// What is one character to people is not taken apart, and there is always at least one.
func TestFits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		s    string
		most int
		want string
	}{
		{"abc", 2, "ab"}, {"abc", 3, "abc"}, {"abc", 0, "a"}, {"e\u0301e\u0301", 1, "e\u0301"}, {"漢字", 3, "漢"}, {"漢字", 1, "漢"},
		{"🇸🇪", 1, "🇸🇪"}, {"👩🏽‍❤️‍👨🏿x", 2, "👩🏽‍❤️‍👨🏿"}, {"", 3, ""}, {"\u0301\u0301", 1, "\u0301\u0301"},
	} {
		if got := c.s[:fits(c.s, c.most)]; got != c.want {
			t.Errorf("of %q, %q fits into %d", c.s, got, c.most)
		}
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	w := func(n int) string { return strings.Repeat("w", n) }
	address := "https://example.org/" + w(80)
	for _, c := range []struct{ name, line, want string }{
		{"empty", "", "\n"},
		{"short", "a b", "    a b\n"},
		{"as typed", "  a   b", "      a   b\n"},
		{"just fits", w(33) + " " + w(34), "    " + w(33) + " " + w(34) + "\n"},
		{"does not", w(33) + " " + w(35), "    " + w(33) + "\n    " + w(35) + "\n"},
		{"a gap at the end of a line", w(60) + "     " + w(60), "    " + w(60) + "\n    " + w(60) + "\n"},
		{"blanks at the end", w(68) + "   ", "    " + w(68) + "\n"},
		{"a long word", w(70), "    " + w(68) + "\n    ww\n"},
		{"a word and a long one", "a " + w(70), "    a " + w(66) + "\n    wwww\n"},
		{"a long link", "see " + address + ", or not", "    see\n    " + address + ",\n    or not\n"},
		{"a link in brackets", "(" + address + ")", "    (" + address + ")\n"},
		{"a quote", "> " + w(60) + " " + w(60), "    > " + w(60) + "\n    > " + w(60) + "\n"},
		{"wide", strings.Repeat("字", 36), "    " + strings.Repeat("字", 34) + "\n    字字\n"},
		{"wide behind a word", "word " + strings.Repeat("字", 36), "    word " + strings.Repeat("字", 31) + "\n    " + strings.Repeat("字", 5) + "\n"},
		{"much room before it", strings.Repeat(" ", 80) + "x", "    x\n"},
		{"room before a long one", strings.Repeat(" ", 60) + w(70), strings.Repeat(" ", 64) + w(8) + "\n    " + w(62) + "\n"},
		{"flags", strings.Repeat("🇸🇪", 40), "    " + strings.Repeat("🇸🇪", 34) + "\n    " + strings.Repeat("🇸🇪", 6) + "\n"},
	} {
		if got := indented(lineOf(c.line)) + "\n"; got != c.want {
			t.Errorf("%s:\n%s\nnot\n%s", c.name, got, c.want)
		}
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"see https://example.org/a_(b), or (https://example.org/c).":       "https://example.org/a_(b) https://example.org/c",
		"<https://example.org> “http://example.org/?a=b&c=d#e”!":           "https://example.org http://example.org/?a=b&c=d#e",
		"mailto:juliet@example.org and xmpp:garden@rooms.example.org?join": "mailto:juliet@example.org xmpp:garden@rooms.example.org?join",
		"HTTPS://EXAMPLE.ORG/":                         "https://example.org/",
		"https://example.org/http://example.com/":      "https://example.org/http://example.com/",
		"https://bücher.example/ü?ü":                   "https://xn--bcher-kva.example/%C3%BC?ü",
		"https://[2001:db8::1]/":                       "https://[2001:db8::1]/",
		"https://example.org/\"onclick='alert(1)'":     "https://example.org/",
		"https://example.org:443/":                     "https://example.org:443/",
		"javascript:alert(1) data:text/html,x ftp://x": "",
		"http:// https: mailto: xmpp: :// : ::":        "",
		"https://user:secret@example.org/":             "",
		"xhttps://example.org/ éhttps://example.org/":  "",
		"https://example.org/%zz":                      "",
		"mailto:a@b?subject=x%0Abcc:c@d":               "",
		"14:03: https://example.org/**":                "https://example.org/",
	} {
		var got []string
		for _, l := range linksIn(line) {
			got = append(got, l.url)
		}
		if fmt.Sprint(got) != "["+want+"]" {
			t.Errorf("%s: %v", line, got)
		}
	}
}

func TestOneLine(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		" a \r\n b\tc\u00a0d ": "a b c d", "0123456789": "0123456789", "0123456789a": "012345678…", "漢字漢字漢字": "漢字漢字…", "\u202e": "", "a\u2028b": "a b",
	} {
		if got := oneLine(s, 10); got != want {
			t.Errorf("%q is %q, not %q", s, got, want)
		}
	}
}

// Nothing gets lost when lines are broken, and but for links no line is too long.
func FuzzWrap(f *testing.F) {
	f.Add("a word, a " + strings.Repeat("long", 30) + " one, and https://example.org/")
	f.Add("漢字と仮名 👩🏽‍❤️‍👨🏿 e\u0301 > ")
	f.Fuzz(func(t *testing.T, s string) {
		for _, line := range linesOf(s) {
			out := indented(line)
			for l := range strings.SplitSeq(out, "\n") {
				if columns(l) > lineWidth && len(line.links) == 0 {
					t.Errorf("%d columns: %q", columns(l), l)
				}
			}
			squeeze := func(s string) string {
				return strings.Map(func(r rune) rune {
					if unicode.IsSpace(r) || r == '>' {
						return cut
					}
					return r
				}, s)
			}
			if squeeze(out) != squeeze(line.Text) {
				t.Errorf("%q became %q", line.Text, out)
			}
		}
		if again := clean(clean(s)); again != clean(s) {
			t.Errorf("%q cleaned twice is %q", s, again)
		}
	})
}
