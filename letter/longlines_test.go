package letter

import (
	"strings"
	"testing"
	"time"
)

// What takes long to be taken apart is as long as a message can be, and does not hold up a letter: what is looked at grows with the line, and not with its square.
func TestLongLines(t *testing.T) {
	t.Parallel()
	const long = 200_000
	for name, part := range map[string]string{
		"colons": ":", "schemes": "a:", "beginnings of links": "http://a@b", "addresses": "mailto:", "links": "mailto:a ", "one word": "a", "joined": "a\u200d", "accents": "e\u0301", "lines": ">\n",
		"brackets": "http://x/" + strings.Repeat(")", 1900) + " ",
	} {
		begun := time.Now()
		for _, line := range linesOf(strings.Repeat(part, long/len(part))) {
			indented(line)
			line.Pieces()
		}
		if took := time.Since(begun); took > 5*time.Second { // 0.1 s, and some minutes for one that goes by the square
			t.Errorf("%s: %v", name, took)
		}
	}
	begun := time.Now()
	linesOf(strings.Repeat("http:/", 1000) + strings.Repeat(")", long))
	if took := time.Since(begun); took > 5*time.Second {
		t.Error(took)
	}
}

// Links that are longer than any that people use stay text.
func TestLongLinks(t *testing.T) {
	t.Parallel()
	link := "https://example.org/" + strings.Repeat("a", longestLink-20)
	for line, want := range map[string]int{"see " + link + " there": 1, link + "é": 0, "HTTPS://example.org/((a)), and xmpp:a@b.c": 2, "https:/example.org mailto: http://": 0} {
		if got := linksIn(line); len(got) != want {
			t.Errorf("%.40s…: %d links", line, len(got))
		}
	}
}
