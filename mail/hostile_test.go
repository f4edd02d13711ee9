package mail_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"testing"

	"palabre/mail"
)

func TestParseAddress(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"juliet@example.org":             "juliet@example.org",
		"Juliet.Capulet+x@EXAMPLE.org":   "Juliet.Capulet+x@example.org",
		`"the nurse"@example.org`:        `"the nurse"@example.org`,
		`"juliet"@example.org`:           "juliet@example.org",
		`"a\"b\\c"@example.org`:          `"a\"b\\c"@example.org`,
		`"a@b"@example.org`:              `"a@b"@example.org`,
		"roméo@example.org":              "roméo@example.org",
		"nurse@vérone.example":           "nurse@xn--vrone-bsa.example",
		"o'hara@example.org":             "o'hara@example.org",
		"me@localhost":                   "me@localhost",
		strings.Repeat("a", 64) + "@b.c": strings.Repeat("a", 64) + "@b.c",
	} {
		a, err := mail.ParseAddress(in)
		if err != nil || a.String() != want {
			t.Errorf("%q: %q, %v; want %q", in, a, err, want)
		}
		if again, err := mail.ParseAddress(a.String()); err != nil || again != a {
			t.Errorf("%q again: %q, %v", a, again, err)
		}
	}
	for _, in := range []string{
		"", "@", "juliet", "@example.org", "juliet@", "juliet@@example.org", "a b@example.org", "juliet@exa mple.org", ".a@b.c", "a.@b.c", "a..b@c.d",
		"juliet@example.org\r\nRCPT TO:<mallory@example.net>", "juliet@example.org\r\n", "juliet\r\nDATA@example.org", "juliet@example.org>", "juliet@example.org> ORCPT=rfc822;x",
		"<juliet@example.org>", "Juliet <juliet@example.org>", "a@b.c,d@e.f", "a@b.c d@e.f", "juliet@example.org\x00", "ju\x00liet@example.org", "juliet@\x00example.org",
		`"a`, `"a"`, `""@example.org`, `"a"b"@example.org`, `"a\"@example.org`, "\"a\r\nb\"@example.org", "\"a\x00b\"@example.org", `"a> NOTIFY=NEVER"@example.org`, "\"a\tb\"@example.org",
		"juliet@[127.0.0.1]", "juliet@[IPv6:::1]", "juliet@-example.org", "juliet@example..org", "juliet@.", "juliet@exa_mple.org", "a(comment)@b.c", "juliet@example.org(x)",
		"roméo\u202e@example.org", "rom\u200beo@example.org", "rom\xe9o@example.org", "romeo@ex\xe9mple.org", "a\u00a0b@example.org", "a\u2028b@example.org",
		strings.Repeat("a", 65) + "@b.c", "a@" + strings.Repeat("b.", 200) + "c", "é@" + strings.Repeat("é", 60) + ".org", "@a,@b:c@d.e", "mailto:a@b.c?bcc=x@y.z",
	} {
		a, err := mail.ParseAddress(in)
		var why *mail.AddressError
		if !errors.As(err, &why) || !a.IsZero() {
			t.Errorf("%q is taken for %q, %v", in, a, err)
			continue
		}
		if strings.ContainsAny(err.Error(), "\r\n\x00\u202e") {
			t.Errorf("%q", err)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	f.Add("juliet@example.org")
	f.Add(`"a\"b"@é.org`)
	f.Fuzz(func(t *testing.T, s string) {
		a, err := mail.ParseAddress(s)
		if err != nil {
			return
		}
		out := a.String()
		if strings.ContainsAny(out, "<>\r\n\x00\t") || len(out) > 400 {
			t.Errorf("%q gives %q", s, out)
		}
		if again, err := mail.ParseAddress(out); err != nil || again != a {
			t.Errorf("%q again: %q, %v", out, again, err)
		}
	})
}

// evil is what comes in texts of others.
var evil = []string{
	"plain", "", " ", "Réunion d’été", "a\r\nBcc: mallory@example.net", "a\nb", "a\rb", "nul\x00nul", "\x1b[2J", "\u202egpj.exe", "=?utf-8?q?=0D=0ABcc:_x?=", "=?utf-8?b?aGk=?=",
	`quote " and \ backslash`, "comma, semi; colon: <a@b.c>", "(comment)", strings.Repeat("x", 5000), strings.Repeat("é", 5000), strings.Repeat("a b ", 300), "\xff\xfe not UTF-8", "👩‍👩‍👧 family", ".", "..", "-- ",
	"a\r\n\r\n<script>", "multipart\r\n--boundary--", "\u2028line", "\u0085next",
}

// Whatever stands in names, subjects and files, the header has the lines that it should have, and everything is ASCII in lines that no relay minds.
func TestHostileHeaders(t *testing.T) {
	t.Parallel()
	r := newRelay().start(t, false)
	p := newPost(t, options(r.ln.Addr().String()))
	p.run(t)
	for i, s := range evil {
		l := letterTo("juliet@example.org")
		l.Subject, l.From, l.Language = s, s, s
		l.Recipients[0].Name, l.ReplyTo = s, mail.Recipient{Name: s, Address: "romeo@example.org"}
		l.Attachments = []mail.Part{{Type: "application/gzip", Name: s, Write: func(w io.Writer) error { _, err := io.WriteString(w, s); return err }}}
		p.send(t, l)
		data := r.wait(t, i+1)[i].data
		clean7bit(t, data)
		head, _, _ := strings.Cut(data, "\r\n\r\n")
		names := map[string]int{}
		for line := range strings.SplitSeq(head, "\r\n") {
			if !strings.HasPrefix(line, " ") {
				name, _, _ := strings.Cut(line, ":")
				names[name]++
			}
		}
		for name, n := range names {
			if !strings.Contains(" To Reply-To From Subject Date Message-ID Auto-Submitted Content-Language Mime-Version MIME-Version Content-Type ", " "+name+" ") || n != 1 {
				t.Errorf("%q: %d times %q", s, n, name)
			}
		}
		m, err := netmail.ReadMessage(strings.NewReader(data))
		must(t, err)
		for name, want := range map[string]string{"To": "juliet@example.org", "Reply-To": "romeo@example.org", "From": "chat@example.org"} {
			list, err := m.Header.AddressList(name)
			if err != nil || len(list) != 1 || list[0].Address != want || strings.ContainsFunc(list[0].Name, func(r rune) bool { return r < ' ' || r == '\u202e' }) {
				t.Errorf("%q: %s is %v, %v", s, name, list, err)
			}
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		if err != nil || strings.ContainsFunc(subject, func(r rune) bool { return r < ' ' || r == '\u202e' || r == '\u0085' }) || len([]rune(subject)) > 201 {
			t.Errorf("%q: subject %q, %v", s, subject, err)
		}
		if s == "Réunion d’été" && subject != s || strings.HasPrefix(s, "=?") && subject != s {
			t.Errorf("subject %q, want %q", subject, s)
		}
		attachmentOf(t, m, s)
	}
}

// clean7bit asserts that a mail is ASCII without NUL, in lines of at most 998 bytes that end in CRLF.
func clean7bit(t *testing.T, data string) {
	t.Helper()
	for line := range strings.SplitSeq(data, "\r\n") {
		if len(line) > 998 || strings.ContainsFunc(line, func(r rune) bool { return r > 126 || r < ' ' && r != '\t' }) {
			t.Errorf("a line of %d bytes: %.200q", len(line), line)
		}
	}
}

// attachmentOf asserts that a mail's second part is a file whose bytes are these, and whose name leads nowhere.
func attachmentOf(t *testing.T, m *netmail.Message, want string) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/mixed" {
		t.Fatalf("%q, %v", kind, err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	_, err = parts.NextPart()
	must(t, err)
	file, err := parts.NextPart()
	must(t, err)
	got, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, file))
	must(t, err)
	if string(got) != want {
		t.Errorf("%.100q, want %.100q", got, want)
	}
	_, params, err = mime.ParseMediaType(file.Header.Get("Content-Disposition"))
	if err != nil || strings.ContainsAny(params["filename"], "/\\\r\n\x00\u202e") || strings.HasPrefix(params["filename"], ".") {
		t.Errorf("file %q, %v", params["filename"], err)
	}
	if _, err := parts.NextPart(); !errors.Is(err, io.EOF) {
		t.Errorf("more parts: %v", err)
	}
}

// Bodies arrive as they are, but that line ends are CRLF.
func TestHostileBodies(t *testing.T) {
	t.Parallel()
	r := newRelay().start(t, false)
	p := newPost(t, options(r.ln.Addr().String()))
	p.run(t)
	for i, body := range []string{
		"a\n.\nb\n", ".\n", "\n.\r\n..\r\n", ".\r\nMAIL FROM:<mallory@example.net>\r\n", "From mallory\nFrom\n", strings.Repeat("x", 100000), strings.Repeat("é", 50000) + "\n", "nul\x00", "\xff\xfe", "tab\t \n trailing \t\n",
		"\r\n.\n", "\n\n\n", "no end", "=3D = =\n", "-- \nsignature", "",
	} {
		l := letterTo("juliet@example.org")
		l.Alternative = []mail.Part{textPart(body)}
		p.send(t, l)
		data := r.wait(t, i+1)[i].data
		clean7bit(t, data)
		_, raw, _ := strings.Cut(data, "\r\n\r\n")
		got, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(raw)))
		must(t, err)
		want := strings.ReplaceAll(strings.ReplaceAll(body, "\r\n", "\n"), "\n", "\r\n")
		if strings.TrimSuffix(string(got), "\r\n") != strings.TrimSuffix(want, "\r\n") {
			t.Errorf("%.100q arrives as %.100q", body, got)
		}
	}
	p.empty(t)
	if n := len(r.all()); n != 16 {
		t.Errorf("%d mails", n)
	}
	for _, m := range r.all() {
		if m.from != "chat@example.org" {
			t.Errorf("a body became a command: %+v", m)
		}
	}
}

// Quoted local parts reach the relay in quotes.
func TestQuotedRecipients(t *testing.T) {
	t.Parallel()
	p := newPost(t, options(script(t, strings.ReplaceAll(opening, "<juliet@example.org>", `<"the \"nurse\" \\ x"@example.org>`)+"354 go\nC: .\n250 taken\nC: QUIT\n221 bye")))
	p.run(t)
	if m := p.outcome(t, letterTo(`"the \"nurse\" \\ x"@example.org`), nobodyWaits); m.To[0].State != mail.Taken {
		t.Errorf("%+v", m)
	}
}

// A long letter is never in memory: it goes to the store, and from there to the relay, a chunk at a time.
func TestLongLetterStreams(t *testing.T) {
	t.Parallel()
	r := newRelay()
	r.start(t, false)
	p := newPost(t, options(r.ln.Addr().String()))
	p.run(t)
	l := letterTo("juliet@example.org")
	line := bytes.Repeat([]byte("0123456789abcde\n"), 64)
	l.Alternative = []mail.Part{{Type: "text/plain", Write: func(w io.Writer) error {
		for range 4 << 10 {
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
		return nil
	}}}
	p.send(t, l)
	if n := len(r.wait(t, 1)[0].data); n < 4<<20 {
		t.Errorf("%d bytes", n)
	}
	l.Attachments = []mail.Part{{Type: "application/gzip", Name: "x", Write: func(w io.Writer) error {
		for big := make([]byte, 1<<20); ; {
			if _, err := w.Write(big); err != nil {
				return err
			}
		}
	}}}
	if _, err := p.Compose(t.Context(), l); !errors.Is(err, mail.ErrTooLong) {
		t.Errorf("a letter without end: %v", err)
	}
	broken := errors.New("broken")
	l.Alternative[0].Write = func(w io.Writer) error {
		_, err := w.Write(line)
		return errors.Join(err, broken)
	}
	if _, err := p.Compose(t.Context(), l); !errors.Is(err, broken) {
		t.Errorf("a letter that can't be written: %v", err)
	}
	p.empty(t)
}

// Without a relay nothing is written.
func TestDisabled(t *testing.T) {
	t.Parallel()
	o := options("")
	p := newPost(t, o)
	p.run(t)
	if _, err := p.Compose(t.Context(), letterTo("juliet@example.org")); !errors.Is(err, mail.ErrDisabled) || p.Enabled() {
		t.Errorf("%v", err)
	}
}
