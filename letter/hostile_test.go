package letter_test

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"

	"palabre/letter"
	"palabre/server"
	"palabre/xmpp"
)

// allowed are the elements of a letter, and their attributes.
var allowed = map[string][]string{
	"html": {"lang"}, "head": nil, "meta": {"charset", "name", "content"}, "title": nil, "body": {"style"},
	"div": {"style", "dir"}, "h1": {"style", "dir"}, "h2": {"style"}, "p": {"style"}, "b": {"style", "dir"}, "span": {"style", "dir"}, "br": nil,
	"a": {"href", "rel", "style"},
}

// checkHTML finds what should not be in a letter: elements and attributes that it does not need, ones that are not closed, addresses of other schemes, and styles that fetch.
func checkHTML(t *testing.T, page []byte) (links []string) {
	t.Helper()
	z := html.NewTokenizer(bytes.NewReader(page))
	var open []string
	for {
		kind := z.Next()
		token := z.Token()
		switch kind {
		case html.ErrorToken:
			if len(open) > 0 {
				t.Errorf("not closed: %v", open)
			}
			return links
		case html.CommentToken:
			t.Errorf("a comment: %s", token.Data)
		case html.StartTagToken:
			attributes, ok := allowed[token.Data]
			if !ok {
				t.Errorf("<%s> in a letter", token.Data)
			}
			for _, a := range token.Attr {
				switch {
				case !slices.Contains(attributes, a.Key):
					t.Errorf("<%s %s>", token.Data, a.Key)
				case a.Key == "style" && strings.ContainsAny(a.Val, "(\\@<&"):
					t.Errorf("style %q", a.Val)
				case a.Key == "rel" && a.Val != "noopener noreferrer":
					t.Errorf("rel %q", a.Val)
				case a.Key == "href":
					links = append(links, a.Val)
				}
			}
			if token.Data != "meta" && token.Data != "br" {
				open = append(open, token.Data)
			}
		case html.EndTagToken:
			if n := len(open); n == 0 || open[n-1] != token.Data {
				t.Fatalf("</%s> closes %v", token.Data, open)
			}
			open = open[:len(open)-1]
		}
	}
}

// checkText finds what should not be in a letter: control characters, directions that are changed, lines that are too long, or mean something to SMTP.
func checkText(t *testing.T, text []byte) {
	t.Helper()
	if !utf8.Valid(text) {
		t.Error("not UTF-8")
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if line == "." || strings.HasPrefix(line, "From ") {
			t.Errorf("line %q", line)
		}
		depth := 0
		for _, r := range line {
			switch {
			case r == '\u2068':
				depth++
			case r == '\u2069':
				depth--
			case unicode.IsControl(r), r >= 0x202A && r <= 0x202E, r == 0x2066, r == 0x2067, r == 0x2028, r == 0x2029:
				t.Errorf("%U in %q", r, line)
			}
		}
		if n := utf8.RuneCountInString(line); n > 72 && !strings.Contains(line, "://") && !strings.ContainsFunc(line, func(r rune) bool { return unicode.In(r, unicode.M, unicode.Cf) }) {
			t.Errorf("%d characters: %s", n, line)
		}
	}
}

// write writes a letter in both ways, checks them, and gives what is read in them.
func (p *past) write(t *testing.T, change func(*letter.Query)) (text, page string, links []string) {
	t.Helper()
	l := p.ask(change)
	plain, rich := written(t, l.WriteText), written(t, l.WriteHTML)
	checkText(t, plain)
	checkText(t, []byte(l.Subject+"\n"))
	for _, line := range []string{".", ".."} {
		if strings.Contains(string(rich), "\n"+line+"\n") {
			t.Errorf("line %q in HTML", line)
		}
	}
	return string(plain), string(rich), checkHTML(t, rich)
}

var nasty = []string{
	`<script>alert(1)</script>`,
	`"><img src=x onerror=alert(1)>`,
	`' onmouseover='alert(1)`,
	`</div></body></html><h1>`,
	`<!-- `, `--> ]]>`, `&lt;b&gt; &#0; &nbsp;`,
	`{{.Name}} {{define "x"}} {name} {text} %s %[1]q`,
	`</style><style>*{background:url(https://example.org/x)}`,
	"a\r\nBcc: victim@example.org\r\n\r\n<b>hi</b>",
	"line\nSubject: other\n.\n..\nFrom here on",
	"\u202Egnp.exe", "a\u2066b\u2067c\u2068d\u2069e\u2069\u2069f", "\u200e\u200f\u061c",
	"Z" + strings.Repeat("\u0337\u0310\u0352", 500) + "algo",
	"x" + strings.Repeat("\u200d\u0310", 300),
	"tags \U000E0068\U000E0069 hidden", "\U0001F3F4\U000E0067\U000E0062\U000E0073\U000E0063\U000E0074\U000E007F",
	"separators\u2028and\u2029and\u0085and\u007fmore", "\uFEFF\uFFFE\uFDD0\uFFF9a\uFFFAb\uFFFB",
	"javascript:alert(1)", "JaVaScRiPt://x%0aalert(1)", "data:text/html,<script>alert(1)</script>", "vbscript:x", "file:///etc/passwd", "https:javascript:alert(1)", "http://", "https:///x",
	"https://bank.example.org@evil.example/", "mailto:a@example.org?subject=x%0d%0aBcc:b@example.org", "https://example.org/%00", "xhttps://example.org/",
	strings.Repeat("w", 10_000), strings.Repeat("字", 10_000), strings.Repeat("a b ", 2500), strings.Repeat(">", 10_000), strings.Repeat("\n", 9999) + "x",
	"https://example.org/" + strings.Repeat("long", 2000),
	strings.Repeat("https:", 1600), strings.Repeat("(", 5000) + "https://example.org/" + strings.Repeat(")", 4900),
}

// Whatever is said, whoever says it, and whatever the room is called, a letter is text and markup of ours, and links of a few schemes.
func TestHostileWords(t *testing.T) {
	t.Parallel()
	for i, s := range nasty {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			p := newPast(t)
			said := strings.ToValidUTF8(s, "")
			nick := "nick"
			if j, err := room.WithResource(s); err == nil {
				nick = j.Resource()
			}
			inside := strings.NewReplacer("\uFFFE", "").Replace(said)
			p.say(juliet, "first", "s", "<subject>"+escape(inside)+"</subject>")
			p.say(juliet, nick, "1", body(inside))
			p.say(romeo, nick, "2", body("/me "+inside))
			p.say(nurse, nick, "3", "<x xmlns='jabber:x:oob'><url>"+escape(inside)+"</url><desc>"+escape(inside)+"</desc></x>")
			p.say(nurse, nick, "4", "<reactions xmlns='urn:xmpp:reactions:0' id='x'><reaction>"+escape(inside)+"</reaction></reactions>")
			for _, lang := range []string{"en", s} {
				_, _, links := p.write(t, func(q *letter.Query) {
					q.Title, q.Requester, q.Language = s, s, lang
					q.Name = func(account xmpp.JID, nick string) string { return s }
				})
				for _, l := range links {
					if !strings.HasPrefix(l, "https://example.org/") {
						t.Errorf("a link to %q", l)
					}
				}
			}
		})
	}
}

// What is not cut stays: joiners of emoji, flags, marks of scripts that have many.
func TestHarmlessWords(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	for i, s := range []string{
		"👩🏽‍❤️‍👨🏿 👨‍👩‍👧‍👦 🏴\U000E0067\U000E0062\U000E0073\U000E0063\U000E0074\U000E007F 🇸🇪", "שָׁל֥וֹם עֲלֵיכֶם", "กำลังที่ปู่", "tiếng Việt", "می\u200cخواهم", "हिन्दी क्ष्म्य",
		"tab\tis a blank", "*bold* _it_ `code` ~no~", "    indented    by four",
	} {
		p.say(juliet, "Juliet", fmt.Sprint(i), body(s))
		s = strings.ReplaceAll(s, "\t", " ")
		text, page, _ := p.write(t, nil)
		if page = strings.ReplaceAll(page, "\u00a0", " "); !strings.Contains(text, "    "+s+"\n") || !strings.Contains(page, ">"+s+"<") {
			t.Errorf("%q is not in %s", s, text)
		}
	}
}

// A message that is corrected without end has the last text, and is one message.
func TestManyCorrections(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	p.say("user7@example.org", "User 7", "m", body("first"))
	var wg sync.WaitGroup
	wg.Add(manyCorrections)
	for i := range manyCorrections {
		w := p.saying(7, fmt.Sprint("c", i), body(fmt.Sprint("words ", i))+"<replace xmlns='urn:xmpp:message-correct:0' id='m'/>")
		p.store.Commit([]server.Write{w}, func(err error) {
			if err != nil {
				t.Error(err)
			}
			wg.Done()
		})
	}
	wg.Wait()
	text, _, _ := p.write(t, nil)
	if !strings.Contains(text, "\n1 message\n") || !strings.Contains(text, fmt.Sprintf("    words %d\n    [corrected]\n\n", manyCorrections-1)) || strings.Count(text, "words ") != 1 {
		t.Errorf("%.2000s", text)
	}
}

// What a message says by now, whatever became of it, and by whom.
func TestFate(t *testing.T) {
	t.Parallel()
	correct := func(id, to string) string {
		return "<replace xmlns='urn:xmpp:message-correct:0' id='" + id + "'/>" + body(to)
	}
	for _, c := range []struct {
		name string
		do   func(p *past)
		want string // what is said, line by line
	}{
		{"by another", func(p *past) {
			p.say(juliet, "Juliet", "1", body("mine"))
			p.say(romeo, "Romeo", "2", correct("1", "yours"))
		}, "Juliet: mine|Romeo: yours [corrects an earlier message]"},
		{"by another with the same nick", func(p *past) {
			p.say(juliet, "Juliet", "1", body("mine"))
			p.say(romeo, "Juliet", "2", correct("1", "yours"))
		}, "Juliet (2): mine|Juliet (1): yours [corrects an earlier message]"},
		{"two of one nick", func(p *past) {
			p.say(juliet, "Juliet", "1", body("mine"))
			p.say(romeo, "JULIET", "2", body("yours"))
			p.say(nurse, "Juliet", "3", body("ours"))
			p.say(juliet, "Juliet", "4", body("mine!"))
		}, "Juliet (1): mine|JULIET (2): yours|Juliet (3): ours|Juliet (1): mine!"},
		{"under another nick", func(p *past) {
			p.say(juliet, "Juliet", "1", body("mine"))
			p.say(juliet, "Jules", "2", correct("1", "still mine"))
		}, "Juliet: still mine [corrected]"},
		{"a chain", func(p *past) {
			p.say(juliet, "Juliet", "1", body("one"))
			p.say(juliet, "Juliet", "2", correct("1", "two"))
			p.say(juliet, "Juliet", "3", correct("2", "three"))
		}, "Juliet: three [corrected]"},
		{"a loop", func(p *past) {
			p.say(juliet, "Juliet", "1", correct("2", "one"))
			p.say(juliet, "Juliet", "2", correct("1", "two"))
			p.say(juliet, "Juliet", "3", correct("3", "three"))
		}, "Juliet: two [corrects an earlier message]|Juliet: three"},
		{"an id that comes again", func(p *past) {
			p.say(juliet, "Juliet", "1", body("one"))
			p.say(juliet, "Juliet", "2", correct("1", "uno"))
			p.say(juliet, "Juliet", "1", body("two"))
			p.say(juliet, "Juliet", "3", correct("1", "due"))
			p.say(juliet, "Juliet", "1", body("three"))
		}, "Juliet: uno [corrected]|Juliet: due [corrected]|Juliet: three"},
		{"no id", func(p *past) {
			p.say(juliet, "Juliet", "", body("one"))
			p.say(juliet, "Juliet", "2", correct("", "two"))
		}, "Juliet: one|Juliet: two"},
		{"emptied", func(p *past) {
			p.say(juliet, "Juliet", "1", body("one"))
			p.say(juliet, "Juliet", "2", "<replace xmlns='urn:xmpp:message-correct:0' id='1'/>")
		}, "Juliet: [This message was emptied.]"},
		{"to an encrypted one", func(p *past) {
			p.say(juliet, "Juliet", "1", body("one"))
			p.say(juliet, "Juliet", "2", correct("1", "for others")+"<encrypted xmlns='urn:xmpp:omemo:2'/>")
		}, "Juliet: [This message is encrypted: only the participants’ own devices can show it.] [corrected]"},
		{"what was corrected is taken back", func(p *past) {
			_, id := p.say(juliet, "Juliet", "1", body("one"))
			p.say(juliet, "Juliet", "2", correct("1", "two"))
			p.takeBack(id, "3", "")
		}, "Juliet: [This message was taken back.]"},
		{"what was corrected is removed, and the archive knows only by the message that says so", func(p *past) {
			name, _ := p.say(juliet, "Juliet", "1", body("one"))
			p.say(juliet, "Juliet", "2", correct("1", "two"))
			p.say(room.String(), "", "3", "<retract xmlns='urn:xmpp:message-retract:1' id='"+name+"'><moderated xmlns='urn:xmpp:message-moderate:1' by='"+room.String()+"/Nurse'/></retract>")
		}, "Juliet: [This message was removed by Nurse.]"},
		{"a correction is taken back", func(p *past) {
			p.say(juliet, "Juliet", "1", body("one"))
			name, _ := p.say(juliet, "Juliet", "2", correct("1", "two"))
			p.say(juliet, "Juliet", "3", "<retract xmlns='urn:xmpp:message-retract:1' id='"+name+"'/>")
		}, "Juliet: [This message was taken back.]"},
		{"taken back by another", func(p *past) {
			name, _ := p.say(juliet, "Juliet", "1", body("one"))
			p.say(romeo, "Romeo", "2", "<retract xmlns='urn:xmpp:message-retract:1' id='"+name+"'><moderated xmlns='urn:xmpp:message-moderate:1' by='"+room.String()+"/Romeo'/></retract>")
		}, "Juliet: one"},
		{"taken back by its author, and by another before", func(p *past) {
			name, _ := p.say(juliet, "Juliet", "1", body("one"))
			p.say(romeo, "Romeo", "2", "<retract xmlns='urn:xmpp:message-retract:1' id='"+name+"'/>")
			p.say(juliet, "Juliet", "3", "<retract xmlns='urn:xmpp:message-retract:1' id='"+name+"'/>")
			p.say(romeo, "Romeo", "4", "<retract xmlns='urn:xmpp:message-retract:1' id='"+name+"'/>")
		}, "Juliet: [This message was taken back.]"},
		{"a loop of what takes back", func(p *past) {
			name, _ := p.say(juliet, "Juliet", "1", body("one"))
			second, _ := p.say(juliet, "Juliet", "2", "<retract xmlns='urn:xmpp:message-retract:1' id='"+name+"'/>"+body("fallback"))
			third, _ := p.say(juliet, "Juliet", "3", "<retract xmlns='urn:xmpp:message-retract:1' id='"+second+"'/>"+body("fallback"))
			p.say(juliet, "Juliet", "4", "<retract xmlns='urn:xmpp:message-retract:1' id='"+third+"'/>"+body("fallback"))
			p.say(juliet, "Juliet", "5", "<retract xmlns='urn:xmpp:message-retract:1' id='5'/>"+body("fallback"))
		}, "Juliet: [This message was taken back.]"},
		{"a reply to what was taken back", func(p *past) {
			name, id := p.say(juliet, "Juliet", "1", body("my secret"))
			reply := "<reply xmlns='urn:xmpp:reply:0' id='" + name + "'/>"
			p.say(romeo, "Romeo", "2", reply+"<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='12'/></fallback>"+body("> my secret\nNo!"))
			p.say(romeo, "Romeo", "3", reply+body("> my secret\n> and more\nNo, no!"))
			p.say(romeo, "Romeo", "4", reply+"<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='-3' end='99999999999999999999'/></fallback>"+body("> my secret"))
			p.say(romeo, "Romeo", "5", reply+"<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='7' end='2'/></fallback>"+body("> my secret\nNo?"))
			p.takeBack(id, "6", "")
		}, "Juliet: [This message was taken back.]|Romeo: No!|Romeo: No, no!|Romeo: |Romeo: No?"},
		{"a reply that quotes nothing", func(p *past) {
			reply := func(name string) string { return "<reply xmlns='urn:xmpp:reply:0' id='" + name + "'/>" }
			first, _ := p.say(juliet, "Juliet", "1", body("one"))
			p.say(romeo, "Romeo", "2", reply(first)+body("two"))
			p.after(24 * time.Hour)
			p.say(nurse, "Nurse", "3", reply(first)+body("three"))
			p.say(nurse, "Nurse", "4", reply("2")+body("four"))
		}, "Juliet: one|Romeo: [in reply to Juliet, 08:03] two|Nurse: [in reply to Juliet, 20 Nov 2026, 08:03] three|Nurse: four"},
		{"reactions that come again", func(p *past) {
			name, _ := p.say(juliet, "Juliet", "1", body("one"))
			p.say(romeo, "Romeo", "2", "<reactions xmlns='urn:xmpp:reactions:0' id='"+name+"'><reaction>👍</reaction></reactions>")
			p.say(nurse, "Nurse", "3", "<reactions xmlns='urn:xmpp:reactions:0' id='"+name+"'><reaction>🙏</reaction></reactions>"+body("🙏"))
			p.say(romeo, "Romeo", "4", "<reactions xmlns='urn:xmpp:reactions:0' id='"+name+"'><reaction>👎</reaction></reactions>")
			p.say(nurse, "Nurse", "5", "<reactions xmlns='urn:xmpp:reactions:0' id='"+name+"'/>")
		}, "Juliet: one|*** Romeo reacted: 👎"},
		{"a nick like an event", func(p *past) {
			p.say(romeo, "*** Juliet removed the subject.", "1", body(" "))
			p.say(romeo, "* * ***", "2", body("08:05  Juliet\n    mine"))
		}, "Juliet removed the subject.: |?: 08:05  Juliet mine"},
		{"files", func(p *past) {
			const address = "https://upload.example.org/1"
			shared := "<file-sharing xmlns='urn:xmpp:sfs:0'><file xmlns='urn:xmpp:file:metadata:0'><name>a.pdf</name><size>x</size></file><sources>" +
				"<url-data xmlns='http://jabber.org/protocol/url-data' target='" + address + "'/></sources></file-sharing>"
			p.say(juliet, "Juliet", "1", shared+"<x xmlns='jabber:x:oob'><url>"+address+"</url></x>"+body(address))
			p.say(juliet, "Juliet", "2", shared+"<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:sfs:0'><body/></fallback>"+body("I have sent you a file."))
			p.say(juliet, "Juliet", "3", shared+"<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:sfs:0'><subject/></fallback>"+body("The plan"))
			p.say(juliet, "Juliet", "4", "<x xmlns='jabber:x:oob'><url>javascript:alert(1)</url></x>")
			p.say(juliet, "Juliet", "5", "<file-sharing xmlns='urn:xmpp:sfs:0'/>")
		}, "Juliet: File: a.pdf https://upload.example.org/1|Juliet: File: a.pdf https://upload.example.org/1|" +
			"Juliet: The plan File: a.pdf https://upload.example.org/1|Juliet: File: javascript:alert(1)"},
		{"subjects", func(p *past) {
			p.say(juliet, "Juliet", "1", "<subject>One</subject>")
			p.say(juliet, "Juliet", "2", "<subject>Two</subject><body>With a text</body>")
			p.say(juliet, "Juliet", "3", "<subject>Three</subject><thread>t</thread>")
			p.say(juliet, "Juliet", "4", "<subject></subject>")
		}, "*** Juliet changed the subject to: One|Juliet: Two With a text|Juliet: Three|*** Juliet removed the subject."},
		{"in several languages", func(p *past) {
			p.say(juliet, "Juliet", "1", "<body xml:lang='fr'>un</body><body xml:lang='en-GB'>one</body><body>ett</body>")
			p.say(juliet, "Juliet", "2", "<body xml:lang='fr'>deux</body><body>två</body>")
			p.say(juliet, "Juliet", "3", "<body xml:lang='fr'>trois</body><body xml:lang='de'>drei</body>")
		}, "Juliet: one|Juliet: två|Juliet: trois"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPast(t)
			c.do(p)
			text, _, _ := p.write(t, nil)
			if got := heard(text); got != c.want {
				t.Errorf("heard %s\nnot   %s\n%s", got, c.want, text)
			}
		})
	}
}

// heard is what a letter says, without times, in one line.
func heard(text string) string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case len(line) > 7 && line[2] == ':' && line[5] == ' ':
			if !strings.Contains(line, "***") {
				line += ":"
			}
			out = append(out, line[7:])
		case strings.HasPrefix(line, "    ") && len(out) > 0:
			out[len(out)-1] += " " + strings.TrimSpace(line)
		case strings.HasPrefix(line, "======") && len(out) > 0:
			out[len(out)-1] += " "
		}
	}
	joined := strings.Join(out, "|")
	return strings.ReplaceAll(strings.TrimSuffix(joined, " "), ":|", ": |")
}

// A letter begins where its reader may see, though what was said there may be about what was said before.
func TestBefore(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	name, first := p.say(juliet, "Juliet", "1", body("before"))
	_, second := p.say(juliet, "Juliet", "2", body("before, too"))
	p.after(time.Hour)
	p.say(juliet, "Juliet", "3", body("a secret")+"<replace xmlns='urn:xmpp:message-correct:0' id='1'/>")
	p.say(juliet, "Juliet", "4", body("no secret")+"<replace xmlns='urn:xmpp:message-correct:0' id='2'/>")
	p.takeBack(first, "5", "")
	_ = name
	text, _, _ := p.write(t, func(q *letter.Query) { q.Within = []letter.Span{{Since: second}} })
	if got, want := heard(text), "Juliet: no secret [corrects an earlier message]"; got != want {
		t.Errorf("heard %s, not %s\n%s", got, want, text)
	}
	if !strings.Contains(text, "\n1 message\nParticipants:\n  Juliet\n") {
		t.Error(text)
	}
}

var minutes = regexp.MustCompile(`, \d\d:\d\d]`)

// timeless is a text without the times in brackets.
func timeless(text string) string { return minutes.ReplaceAllString(text, ", TIME]") }
