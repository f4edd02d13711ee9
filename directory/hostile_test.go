package directory

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"
)

// read gives all rows of a file, in words.
func read(in io.Reader) (out []string) {
	for row := range ReadRows(in, "example.org") {
		w := fmt.Sprintf("%d %s", row.Line, row.ID)
		if row.Err != nil {
			w = fmt.Sprintf("%d: %v", row.Line, row.Err)
		}
		out = append(out, w)
	}
	return out
}

func TestHostileCSV(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file string
		want []string
	}{
		"BOM, CRLF, quotes":        {"\xef\xbb\xbfid,name\r\n\"a\",\"A \"\"x\"\", \r\ny\"\r\nb,B\r\n", []string{"2 a", "4 b"}},
		"semicolons":               {"ID ; Name\na;A, B\n", []string{"2 a"}},
		"tabs":                     {"id\tname\na\tA\n", []string{"2 a"}},
		"no end of line":           {"id,name\na,A", []string{"2 a"}},
		"empty lines":              {"id,name\n\n\na,A\n\n", []string{"4 a"}},
		"nothing":                  {"", []string{"1: the file is empty"}},
		"only a header":            {"id,name\n", nil},
		"UTF-16":                   {"\xff\xfei\x00d\x00", []string{"1: the file is UTF-16; save it as UTF-8"}},
		"Latin-1":                  {"id,name\na,Bj\xf6rn\nb,B\n", []string{"2: name is not UTF-8; save the file as UTF-8", "3 b"}},
		"NUL":                      {"id,name\na,A\x00\nb,B\n", []string{"2: name has a NUL character; save the file as UTF-8 text", "3 b"}},
		"wrong header":             {"who,name\na,A\n", []string{`1: the first line must name the columns, and "who" is none; there are id, kind, name, email, account, chat, given, family, organisation, unit, title, phone, mobile, locality, country, note`}},
		"no header":                {"a,A\n", []string{`1: the first line must name the columns, and "a" is none; there are id, kind, name, email, account, chat, given, family, organisation, unit, title, phone, mobile, locality, country, note`}},
		"a column twice":           {"id,name,ID\n", []string{"1: the column id is there twice"}},
		"nobody is named":          {"name,unit\nA,B\n", []string{"1: nothing tells whom a line is about: there must be a column id, account or email"}},
		"too few cells":            {"id,name,unit\na,A\nb,B,U\n", []string{"2: it has 2 cells, and the first line 3", "3 b"}},
		"a quote in a cell":        {"id,name\na,A \"x\"\nb,B\n", []string{`2: it can't be read: bare " in non-quoted-field`, "3 b"}},
		"a quote without end":      {"id,name\na,\"A\nb,B\n", []string{`2: it can't be read: extraneous or missing " in quoted-field`}},
		"a long cell":              {"id,name\na," + strings.Repeat("x", 20_000) + "\nb,B\n", []string{"2: name is longer than 16000 bytes", "3 b"}},
		"a line without end":       {"id,name\na,A\nb,\"" + strings.Repeat("x\n", 2<<20), []string{"2 a", "3: the file can't be read on: a line is longer than 1 MiB; a quote may be missing its end"}},
		"a first cell without end": {"id,name\n\"" + strings.Repeat("x\n", 2<<20), []string{"2: the file can't be read on: a line is longer than 1 MiB; a quote may be missing its end"}},
		"a header without end":     {strings.Repeat("x", 3<<20), []string{"1: the header can't be read: too long"}},
		"the same ID":              {"id,name\na,A\nA,B\n", []string{"2 a", "3: the ID a is in line 2 already"}},
		"the same address":         {"id,email\na,x@example.org\nb,X@Example.org\n", []string{"2 a", "3: the address x@example.org is in line 2 already"}},
		"the same account":         {"id,account\na,x\nb,X@example.org\n", []string{"2 a", "3: the account x is in line 2 already"}},
		"IDs of their addresses":   {"email,name\na@Example.org,A\nA@example.org,B\nc@example.net,C\n", []string{"2 ", "3: the ID a is in line 2 already", "4: the ID is missing; it can only be left out where there is an account, or an e-mail address of example.org"}},
	} {
		got := read(strings.NewReader(c.file))
		if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

// A manyLines is a file of a million lines that takes no memory.
type manyLines struct {
	n, max int
	buf    []byte
}

func (m *manyLines) Read(p []byte) (int, error) {
	for len(m.buf) == 0 {
		if m.n > m.max {
			return 0, io.EOF
		}
		if m.n == 0 {
			m.buf = append(m.buf, "id,name,email,unit\r\n"...)
		} else {
			m.buf = fmt.Appendf(m.buf, "user%d,User Number%d,user%d@example.org,Unit\r\n", m.n, m.n, m.n)
		}
		m.n++
	}
	n := copy(p, m.buf)
	m.buf = append(m.buf[:0], m.buf[n:]...)
	return n, nil
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// Of a million lines, no more is kept than digests of their IDs and addresses.
func TestMillionLines(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	before, most, n := heap(), 0, 0
	for row := range ReadRows(&manyLines{max: 1_000_000}, "example.org") {
		if row.Err != nil || row.Line != n+2 {
			t.Fatalf("line %d: %+v", n+2, row)
		}
		if n++; n%250_000 == 0 {
			most = max(most, heap()-before)
		}
	}
	if n != 1_000_000 || most > 96<<20 {
		t.Errorf("%d lines, %d MiB", n, most>>20)
	}
	t.Logf("at most %d MiB", most>>20)
}

func card(lines ...string) string {
	return "BEGIN:VCARD\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VCARD\r\n"
}

// picture makes a PNG of this size.
func picture(t *testing.T, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{color.Black, color.White})); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// folded writes a property over many lines.
func folded(name string, value []byte) string {
	text := name + base64.StdEncoding.EncodeToString(value)
	var b strings.Builder
	for len(text) > 74 {
		b.WriteString(text[:74] + "\r\n ")
		text = text[74:]
	}
	return b.String() + text
}

func TestHostileCards(t *testing.T) {
	t.Parallel()
	alice := "EMAIL:alice@example.org"
	for name, c := range map[string]struct {
		file string
		want []string
	}{
		"versions":          {card("VERSION:2.1", alice) + card("VERSION:4.0", alice), []string{`1: the card has version "2.1"; export it as version 3.0 or 4.0`, "5 "}},
		"kinds":             {card("VERSION:4.0", "KIND:thing", alice) + card("VERSION:4.0", "KIND:group", "EMAIL:g@example.org"), []string{`1: the card is one of the kind "thing"; there are individual and group`, "6 "}},
		"no end":            {"BEGIN:VCARD\nVERSION:4.0\n" + alice + "\n", []string{"1: the file can't be read on: the card that begins in line 1 has no END:VCARD"}},
		"between cards":     {"hello\nyou\n" + card("VERSION:4.0", alice), []string{"1: the first line must name the columns, and \"hello\" is none; there are id, kind, name, email, account, chat, given, family, organisation, unit, title, phone, mobile, locality, country, note"}},
		"rubbish":           {card("VERSION:4.0", alice) + "\nhello\nyou\n" + card("VERSION:4.0", "EMAIL:bob@example.org"), []string{"1 ", "6: what stands here is not part of a card, which lasts from BEGIN:VCARD to END:VCARD", "8 "}},
		"many properties":   {card("VERSION:4.0", strings.Repeat("NOTE:x\r\n", 100_000)+alice) + card("VERSION:4.0", alice), []string{"1: the card has more than 1000 properties", "100005 "}},
		"many folds":        {card("VERSION:4.0", alice, "NOTE:x"+strings.Repeat("\r\n ", 200_000)) + card("VERSION:4.0", "EMAIL:b@example.org"), []string{"1 ", "200006 "}},
		"a long line":       {card("VERSION:4.0", "NOTE:"+strings.Repeat("x", 5<<20)) + card("VERSION:4.0", alice), []string{"1: a line of the card is longer than 1 MiB", "5 "}},
		"a huge photo":      {card("VERSION:4.0", alice, folded("PHOTO:data:image/png;base64,", make([]byte, 10<<20))) + card("VERSION:4.0", alice), []string{"1: the card is longer than 1 MiB; its photo may be too large", "188939 "}},
		"a large photo":     {card("VERSION:3.0", alice, folded("PHOTO;ENCODING=b:", make([]byte, 300<<10))), []string{"1: the photo is larger than 256 KiB; make it smaller"}},
		"no photo":          {card("VERSION:3.0", alice, folded("PHOTO;ENCODING=b:", []byte("<svg/>"))), []string{"1: the photo is not a PNG, JPEG, GIF or WebP picture"}},
		"bad base64":        {card("VERSION:3.0", alice, "PHOTO;ENCODING=b:%%%"), []string{"1: the photo can't be read: illegal base64 data at input byte 0"}},
		"a photo elsewhere": {card("VERSION:4.0", alice, "PHOTO:http://example.net/alice.png"), []string{"1 "}},
		"a bomb":            {card("VERSION:4.0", alice, folded("PHOTO:data:image/png;base64,", picture(t, 20_000, 3))), []string{"1: the photo is more than 4096 points wide or high; make it smaller"}},
		"NUL":               {card("VERSION:4.0", "NOTE:\x00", alice), []string{"1: the card has a NUL character"}},
		"Latin-1":           {card("VERSION:4.0", "FN:Bj\xf6rn", alice), []string{"1: the card is not UTF-8; export it as UTF-8"}},
		"parameters":        {card("VERSION:4.0", `FN;X="\`, `N;=;;:x`, `TEL;TYPE="cell:1`, `:`, `;`, alice), []string{"1 "}},
		"the same again":    {card("VERSION:4.0", alice) + card("VERSION:4.0", alice), []string{"1 ", "5: the ID alice is in line 1 already"}},
	} {
		got := read(strings.NewReader(c.file))
		if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
			t.Errorf("%s:\n%.300q\nwant\n%q", name, got, c.want)
		}
	}
}

func TestCard(t *testing.T) {
	t.Parallel()
	photo := picture(t, 64, 64)
	file := "\xef\xbb\xbf" + card("VERSION:4.0", "FN:Alice\\, Smith", "N:Smith\\;Jones;Alice;;;", "EMAIL;PREF=2:a@example.net", "EMAIL;PREF=1:alice@example.org",
		"IMPP:xmpp:alice%40home@example.org?message", "IMPP:sip:x@example.org", "ORG:Verona\\, Ltd;Letters;Third", "TITLE:Clerk", "TEL;TYPE=fax:1", "TEL;TYPE=\"work,voice\":tel:+46-8-1",
		"TEL;TYPE=CELL:+46 70", "ADR;TYPE=work:;;Street 1;Stockholm;;111;Sweden", "NOTE:one\\ntwo", folded("PHOTO:data:image/png;base64,", photo))
	var rows []Row
	for row := range ReadRows(strings.NewReader(file), "example.org") {
		rows = append(rows, row)
	}
	if len(rows) != 1 || rows[0].Err != nil {
		t.Fatalf("%+v", rows)
	}
	want := Fields{"name": "Alice, Smith", "family": "Smith;Jones", "given": "Alice", "email": "alice@example.org", "account": "alice@home@example.org", "organisation": "Verona, Ltd",
		"unit": "Letters", "title": "Clerk", "phone": "+46-8-1", "mobile": "+46 70", "locality": "Stockholm", "country": "Sweden", "note": "one\ntwo"}
	for name, value := range want {
		if rows[0].Fields[name] != value {
			t.Errorf("%s: %q, want %q", name, rows[0].Fields[name], value)
		}
	}
	if len(rows[0].Fields) != len(want) {
		t.Errorf("fields: %q", rows[0].Fields)
	}
	if p := rows[0].Photo; p == nil || p.Type != "image/png" || !bytes.Equal(p.Data, photo) || p.Size != len(photo) || len(p.SHA1) != 40 {
		t.Errorf("photo: %+v", p)
	}
}

// What turns text, hides in it or steers a terminal is cut out; what is too long, or no text, is refused.
func TestHostileValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ field, value, want string }{
		{"name", "  Alice \t\r\n Smith  ", "Alice Smith"},
		{"name", "Alice\x1b[31m\x07 \x00Smith\x7f\u0085", "Alice[31m Smith"},
		{"name", "\u202eecilA\u202c \u2066x\u2069\u200f\u061c", "ecilA x"},
		{"name", "\ufeffA\u200bl\u2060i\U000e0041ce\ufffe", "Alice"},
		{"name", "A" + strings.Repeat("\u0301", 500), "Á" + strings.Repeat("\u0301", 7)},
		{"name", "می\u200cخواهم", "می\u200cخواهم"},
		{"name", "👩\u200d🔬 A", "👩\u200d🔬 A"},
		{"name", "<script>alert(1)</script>", "<script>alert(1)</script>"}, // whoever shows it escapes it
		{"note", "one \r\n\ttwo\rthree\n", "one\n two\nthree"},
		{"name", "", "the name is missing"},
		{"name", "\u202e \x07", "the name is missing"},
		{"name", "---", "the name has neither a letter nor a digit"},
		{"name", "\xff", "the name is not UTF-8"},
		{"name", strings.Repeat("é", 129), "the name is longer than 256 bytes; shorten it"},
		{"name", strings.Repeat("x", 1<<20), "the name is longer than 256 bytes; shorten it"},
		{"title", strings.Repeat("x", 501), "title is longer than 500 bytes; shorten it"},
		{"note", strings.Repeat("x\n", 2001), "note is longer than 4000 bytes; shorten it"},
		{"email", " Alice.Smith+x@Example.ORG ", "Alice.Smith+x@example.org"},
		{"email", "älice@exämple.org", "älice@exämple.org"},
		{"email", "alice", `"alice" is not an e-mail address such as alice@example.org`},
		{"email", "a@b@c", `"a@b@c" is not an e-mail address such as alice@example.org`},
		{"email", `"a b"@example.org`, `"\"a b\"@example.org" is not an e-mail address such as alice@example.org`},
		{"email", "a@example.org\r\nBcc: b@example.org", `"a@example.org\r\nBcc: b@example.org" is not an e-mail address such as alice@example.org`},
		{"email", "Alice <a@example.org>", `"Alice <a@example.org>" is not an e-mail address such as alice@example.org`},
		{"email", "a\u202eb@example.org", `"a\u202eb@example.org" is not an e-mail address such as alice@example.org`},
		{"email", "a@-x.org", `"a@-x.org" is not an e-mail address such as alice@example.org`},
		{"email", "a..b@x.org", `"a..b@x.org" is not an e-mail address such as alice@example.org`},
		{"email", strings.Repeat("a", 65) + "@x.org", `"` + strings.Repeat("a", 65) + `@x.org" is not an e-mail address such as alice@example.org`},
		{"email", "a@" + strings.Repeat("x.", 200) + "org", "the e-mail address is longer than 254 bytes; shorten it"},
		{"account", "Alice", "alice@example.org"},
		{"account", "alice@example.net", "the account alice@example.net is not one of the domain example.org, whose directory this is"},
		{"account", "alice@example.org/phone", `"alice@example.org/phone" is not the address of an account, name@domain`},
		{"chat", "maybe", "chat is yes or no"},
		{"colour", "red", `"colour" is not a field; there are ` + strings.Join(FieldNames(), ", ")},
	} {
		r := Record{ID: "x", Fields: Fields{"name": "X", c.field: c.value}}
		edit, err := r.edit("example.org", func(*Entry) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		e, err := edit.Change(nil)
		if err != nil {
			var refusal *ValueError
			if got = err.Error(); !errors.As(err, &refusal) {
				t.Errorf("%T", err)
			}
		} else {
			got = FieldsOf(e)[c.field]
		}
		if got != c.want || !utf8.ValidString(got) {
			t.Errorf("%s %.80q: %.300q, want %.300q", c.field, c.value, got, c.want)
		}
	}
	for id, want := range map[string]string{"Alice": "alice", "ÅSA": "åsa", "a.b-c_1": "a.b-c_1", "": "", "a b": "", "a@b": "", "a/b": "", "\x00": "", "a\u202eb": "", strings.Repeat("x", 129): "", "<x>": ""} {
		if got, err := CleanID("example.org", id); got != want || (err != nil) != (want == "") {
			t.Errorf("ID %q: %q, %v", id, got, err)
		}
	}
}

func TestPhotos(t *testing.T) {
	t.Parallel()
	var j, g bytes.Buffer
	img := image.NewPaletted(image.Rect(0, 0, 9, 7), color.Palette{color.Black})
	if err := errors.Join(jpeg.Encode(&j, img, nil), gif.Encode(&g, img, nil)); err != nil {
		t.Fatal(err)
	}
	webp := func(chunk, head string) string {
		return "RIFF\x40\x00\x00\x00WEBP" + chunk + "\x40\x00\x00\x00" + head + strings.Repeat("\x00", 40)
	}
	for name, c := range map[string]struct{ data, want string }{
		"png":             {string(picture(t, 5, 5)), "image/png"},
		"jpeg":            {j.String(), "image/jpeg"},
		"gif":             {g.String(), "image/gif"},
		"webp, lossy":     {webp("VP8 ", "\x00\x00\x00\x9d\x01\x2a\x10\x00\x10\x00"), "image/webp"},
		"webp, lossless":  {webp("VP8L", "\x2f\x0f\xc0\x03\x00"), "image/webp"},
		"webp, extended":  {webp("VP8X", "\x00\x00\x00\x00\x0f\x00\x00\x0f\x00\x00"), "image/webp"},
		"webp, wide":      {webp("VP8X", "\x00\x00\x00\x00\xff\xff\x00\x0f\x00\x00"), "4096 points"},
		"webp, cut":       {"RIFF\x40\x00\x00\x00WEBPVP8 ", "is not a PNG"},
		"wide":            {string(picture(t, 4097, 1)), "4096 points"},
		"a page":          {"<html><script>alert(1)</script>", "is not a PNG"},
		"nothing":         {"", "is not a PNG"},
		"cut off":         {string(picture(t, 5, 5)[:20]), "is not a PNG"},
		"too many bytes":  {string(append(picture(t, 5, 5), make([]byte, LargestPhoto)...)), "larger than 256 KiB"},
		"a picture of no": {"GIF89a\x00\x00\x00\x00\x00\x00\x00", "4096 points"},
	} {
		p, err := NewPhoto([]byte(c.data))
		if got := p.Type + fmt.Sprint(err); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// Whatever bytes a file has, it is read to its end, in lines that rise, and what is taken can be sent on as text.
func FuzzReadRows(f *testing.F) {
	f.Add("id,name\na,\"A\nB\"\n")
	f.Add("id;email\r\na;b@example.org\r\n\r\nc")
	f.Add(card("VERSION:4.0", "FN:A\\;b", "EMAIL;TYPE=\"x\":a@example.org", "PHOTO:data:image/png;base64,AAAA", " AA"))
	f.Add(card("VERSION:3.0", "X-JABBER:a@example.org") + "x\n" + card("VERSION:3.0"))
	f.Fuzz(func(t *testing.T, file string) {
		last := 0
		for row := range ReadRows(strings.NewReader(file), "example.org") {
			if row.Line < last || row.Line < 1 {
				t.Fatalf("line %d after %d", row.Line, last)
			}
			last = row.Line
			for name, value := range row.Fields {
				if row.Err == nil && (!utf8.ValidString(value) || strings.ContainsRune(value, 0)) {
					t.Fatalf("%s: %q", name, value)
				}
			}
		}
	})
}
