package letter_test

import (
	"strings"
	"testing"
	"time"

	"palabre/letter"
)

// A message that was taken back before the letter begins, or while its sender could not see the room, is not in it as what others have quoted.
func TestQuoteOfWhatWasTakenBackBefore(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	name, id := p.say(juliet, "Juliet", "1", body("my secret"))
	kept, before := p.say(juliet, "Juliet", "2", body("my garden"))
	p.takeBack(id, "3", "")
	p.after(24 * time.Hour)
	reply := func(name string) string { return "<reply xmlns='urn:xmpp:reply:0' id='" + name + "'/>" }
	p.say(romeo, "Romeo", "4", reply(name)+body("> my secret\nNo!"))
	p.say(romeo, "Romeo", "5", reply(name)+"<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='10'/></fallback>"+body("my secret\nNo, no!"))
	p.say(romeo, "Romeo", "6", reply(kept)+body("> my garden\nYes"))
	for name, change := range map[string]func(*letter.Query){
		"what came later": func(q *letter.Query) { q.Since = p.now },
		"what was seen":   func(q *letter.Query) { q.Within = []letter.Span{{Since: before}} },
	} {
		text := p.text(change)
		if strings.Contains(text, "secret") || !strings.Contains(text, "No!") || !strings.Contains(text, "No, no!") || !strings.Contains(text, "> my garden") {
			t.Errorf("%s:\n%s", name, text)
		}
	}
}
