package attack

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"palabre/server/servertest"
)

// places are where hostile bytes can stand, and how a client gets there.
var places = []struct {
	name string
	open func(s *site, t testing.TB) *wire
}{
	{"first, in clear", (*site).clear},
	{"first, over TLS", (*site).tls},
	{"before login", (*site).opened},
	{"after login", func(s *site, t testing.TB) *wire { return s.authenticated(t, mallory) }},
	{"in a session", func(s *site, t testing.TB) *wire { return s.login(t, mallory, "pc") }},
	{"in a message", func(s *site, t testing.TB) *wire {
		w := s.login(t, mallory, "pc")
		w.send("<message to='juliet@example.org/balcony' type='headline'><body>")
		return w
	}},
	{"in a vCard", func(s *site, t testing.TB) *wire {
		w := s.login(t, mallory, "pc")
		w.send("<iq type='set' id='v'><vCard xmlns='vcard-temp'><FN>")
		return w
	}},
	{"in a form", func(s *site, t testing.TB) *wire {
		w := s.login(t, mallory, "pc")
		w.send("<iq type='set' id='f'><query xmlns='jabber:iq:register'><x xmlns='jabber:x:data' type='submit'><field var='a'><value>")
		return w
	}},
}

// lol is a document type whose entities would be a gigabyte.
func lol() string {
	b := &strings.Builder{}
	b.WriteString(`<!DOCTYPE lolz [<!ENTITY a0 "lolololololololololololololololololololol">`)
	for i := range 24 {
		fmt.Fprintf(b, `<!ENTITY a%d "%s">`, i+1, strings.Repeat(fmt.Sprintf("&a%d;", i), 10))
	}
	return b.String() + "]><lolz>&a24;</lolz>"
}

// TestX1Entities (CVE-2011-1753 and its kin, CVE-2022-0217): document types and entities are refused where they begin, wherever they stand. Nothing is
// expanded, nothing is fetched.
func TestX1Entities(t *testing.T) {
	s := start(t)
	outside, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer outside.Close()
	url := "http://" + outside.Addr().String() + "/"
	victim := s.login(t, juliet, "balcony")
	for name, sent := range map[string]string{
		"nested entities":         lol(),
		"a long entity":           `<!DOCTYPE a [<!ENTITY a "` + strings.Repeat("a", 5000) + `">]><a>` + strings.Repeat("&a;", 500) + "</a>",
		"a file":                  `<!DOCTYPE a [<!ENTITY xxe SYSTEM "file:///etc/passwd">]><a>&xxe;</a>`,
		"an address":              `<!DOCTYPE a [<!ENTITY xxe SYSTEM "` + url + `">]><a>&xxe;</a>`,
		"a document type outside": `<!DOCTYPE a PUBLIC "-//X//EN" "` + url + `a.dtd">`,
		"a parameter entity":      `<!DOCTYPE a [<!ENTITY % p SYSTEM "` + url + `">%p;]>`,
		"a style sheet":           `<?xml-stylesheet href="` + url + `"?>`,
	} {
		for _, p := range places {
			t.Run(name+" "+p.name, func(t *testing.T) {
				w := p.open(s, t)
				w.send(sent)
				if got := w.dies("restricted-xml"); strings.Contains(got, "root:") || strings.Contains(got, "lolol") {
					t.Errorf("something was expanded: %s", got)
				}
			})
		}
	}
	for _, sent := range []string{"&xxe;", "&a24;", "&nbsp;"} {
		w := s.login(t, mallory, "pc")
		w.send("<message to='juliet@example.org/balcony' type='headline' id='" + sent + "'/>")
		w.dies("restricted-xml")
	}
	victim.hearsNothing()
	must(t, outside.(*net.TCPListener).SetDeadline(time.Now()))
	if c, err := outside.Accept(); err == nil {
		t.Errorf("somebody fetched something from %s", c.LocalAddr())
	}
	t.Run("memory", func(t *testing.T) { entitiesInMemory(t, s) })
}

// entitiesInMemory compares what a bomb makes the server allocate with what a comment of its length does.
func entitiesInMemory(t *testing.T, s *site) {
	const times = 40
	bomb := lol()
	comment := "<!--" + strings.Repeat("-", len(bomb)-4)
	measure := func(sent string) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range times {
			w := s.opened(t)
			w.send(sent)
			w.dies("restricted-xml")
		}
		runtime.ReadMemStats(&after)
		return (after.TotalAlloc - before.TotalAlloc) / times
	}
	measure(comment)
	plain, bombed := measure(comment), measure(bomb)
	if bombed > plain+64<<10 {
		t.Errorf("a bomb costs %d bytes, as many bytes of comment %d", bombed, plain)
	}
}

// TestX1Stored: what looks like a document type, escaped, is text; it comes back as it was.
func TestX1Stored(t *testing.T) {
	t.Parallel()
	play(t, "x1_stored")
}

// TestX2Characters: what XML or XMPP doesn't allow ends the stream of the one who sends it, and goes to nobody.
func TestX2Characters(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	victim := s.login(t, juliet, "balcony")
	for _, test := range []struct{ name, sent, condition string }{
		{"a comment", "<!-- -->", "restricted-xml"},
		{"an instruction", "<?php echo 1 ?>", "restricted-xml"},
		{"an XML declaration in the middle", "<?xml version='1.0'?>", "restricted-xml"},
		{"an entity that is not there", "&nbsp;", "restricted-xml"},
		{"the end of CDATA alone", "]]>", "not-well-formed"},
		{"CDATA in CDATA", "<![CDATA[<![CDATA[]]>]]>", "not-well-formed"},
		{"CDATA in small letters", "<![cdata[ ]]>", "not-well-formed"},
		{"a byte that UTF-8 does not have", "\xff", "not-well-formed"},
		{"an overlong slash", "\xc0\xaf", "not-well-formed"},
		{"a lone surrogate", "\xed\xa0\x80", "not-well-formed"},
		{"a reference to a surrogate", "&#xD800;", "not-well-formed"},
		{"NUL", "\x00", "not-well-formed"},
		{"a reference to NUL", "&#0;", "not-well-formed"},
		{"U+FFFE", "\ufffe", "not-well-formed"},
		{"a form feed", "\f", "not-well-formed"},
		{"a character cut short", "\xe2\x82<", "not-well-formed"},
		{"beyond Unicode", "\xf4\x90\x80\x80", "not-well-formed"},
	} {
		for _, where := range []struct{ name, before string }{
			{"in text", "<message to='juliet@example.org/balcony' type='headline'><body>"},
			{"between elements", "<message to='juliet@example.org/balcony' type='headline'><a/>"},
		} {
			t.Run(test.name+" "+where.name, func(t *testing.T) {
				w := s.login(t, mallory, "pc")
				w.send(where.before + test.sent + closingOf(where.before))
				w.dies(test.condition)
			})
		}
		t.Run(test.name+" between stanzas", func(t *testing.T) {
			condition := test.condition
			if strings.HasPrefix(test.sent, "]") || strings.HasPrefix(test.sent, "<![CDATA") || test.sent[0] == '&' {
				condition = "bad-format" // RFC 6120 §4.9.3.1: text where an element is expected
			}
			w := s.login(t, mallory, "pc")
			w.send(test.sent)
			w.dies(condition)
		})
	}
	for _, test := range []struct{ name, sent, condition string }{
		{"a byte order mark in the middle", "\ufeff<message/>", "not-well-formed"},
		{"a new stream's declaration in another encoding", "<?xml version='1.0' encoding='UTF-16'?>", "restricted-xml"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := s.login(t, mallory, "pc")
			w.send(test.sent)
			w.dies(test.condition)
		})
	}
	for _, sent := range []string{"\xff\xfe<\x00?\x00", "<?xml version='1.0' encoding='UTF-7'?>" + header} {
		w := s.tls(t)
		w.send(sent)
		w.dies("unsupported-encoding")
	}
	victim.hearsNothing()
}

// closingOf ends what is open.
func closingOf(before string) string {
	if strings.HasSuffix(before, "<body>") {
		return "</body></message>"
	}
	return "</message>"
}

// TestX3Smuggling (CVE-2022-25236, Zoom's CVE-2022-22784 and its kin): what a client puts into any place of a stanza is, to the recipient's parser, still in that place. The
// recipient reads with another parser than the server.
func TestX3Smuggling(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	must(t, s.Befriend(t, juliet, mallory))
	victim := s.present(t, juliet, "balcony")
	for i, evil := range []string{
		`"'><message from='romeo@example.org'><body>forged</body></message>`, "</message><message from='romeo@example.org'/>", "]]>", "<![CDATA[", "&lt;body&gt;",
		"a\r\nb\tc", "\u0085\u2028", "\ufeff\ufffd\U0001F600", "{urn:x}y urn:a b", "' xmlns='urn:x", "--><!--", "&#x3C;", "%s%n", "\u202egnissap",
	} {
		resource := fmt.Sprint("r", i)
		if full, err := mallory.WithResource(evil); err == nil {
			resource = full.Resource()
		}
		w := s.login(t, mallory, resource)
		e := escape(evil)
		w.send("<message to='juliet@example.org/balcony' id='" + e + "' type='" + e + "' xml:lang='" + e + "' a:b='" + e + "' xmlns:a='urn:a'><body>" + e + "</body><x xmlns='urn:x' y='" + e + "'/><thread>" + e + "</thread></message>" +
			"<presence id='" + e + "'><status>" + e + "</status></presence>" +
			"<iq type='get' id='" + e + "' to='nobody@example.org'><q xmlns='urn:q'/></iq>")
		got := parse(t, victim.fenceAfter(w))
		if len(got) != 2 {
			t.Errorf("%q became %d stanzas", evil, len(got))
			continue
		}
		from := "mallory@example.org/" + resource
		checkAttrs(t, got[0], map[string]string{"id": evil, "type": evil, "lang": evil, "b": evil, "from": from, "to": "juliet@example.org/balcony"})
		if texts := got[0].texts(); len(texts) != 4 || texts[0] != evil || texts[1] != "" || texts[2] != evil || texts[3] != "" { // the last is the id in the archive
			t.Errorf("%q: the message's texts are %q", evil, texts)
		}
		checkAttrs(t, got[1], map[string]string{"id": evil, "from": from})
		if texts := got[1].texts(); len(texts) != 1 || texts[0] != evil {
			t.Errorf("%q: the presence's texts are %q", evil, texts)
		}
		echo := parse(t, w.fence())
		if n := len(echo); n == 0 || echo[n-1].attr("id") != evil || echo[n-1].attr("type") != "error" {
			t.Errorf("%q: the error comes back as %v", evil, echo)
		}
		w.send(closed)
		w.ends()
		eventually(t, "mallory leaves", func() bool { return s.Host.Online(mallory) == nil })
		victim.fence()
	}
}

// fenceAfter waits until the server has dealt with what another client has sent, and gives what came of it. What the other has heard stays for it.
func (w *wire) fenceAfter(other *wire) string {
	w.t.Helper()
	heard := other.fence()
	other.got = heard + other.got
	return w.fence()
}

// A node is an element as encoding/xml reads it.
type node struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []node     `xml:",any"`
}

func (n node) attr(local string) string {
	for _, a := range n.Attrs {
		if a.Name.Local == local && a.Name.Space != "xmlns" {
			return a.Value
		}
	}
	return ""
}

func (n node) texts() (out []string) {
	for _, c := range n.Children {
		out = append(out, c.Text)
	}
	return out
}

// parse reads what a server has sent, with a parser that is not ours.
func parse(t *testing.T, sent string) (out []node) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(sent))
	d.DefaultSpace = "jabber:client"
	for {
		var n node
		err := d.Decode(&n)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%.2000q: %v", sent, err)
		}
		out = append(out, n)
	}
}

func checkAttrs(t *testing.T, n node, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got := n.attr(name); got != value {
			t.Errorf("<%s> has %s=%q, not %q", n.XMLName.Local, name, got, value)
		}
	}
}

// TestX5Shape: depth, attributes, children and declarations are bounded; who goes over a bound is told there, and nobody else notices.
func TestX5Shape(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	victim := s.login(t, juliet, "balcony")
	message := "<message to='juliet@example.org/balcony' type='headline'>"
	for _, test := range []struct{ name, sent string }{
		{"depth of 10,000", message + strings.Repeat("<a>", 10000)},
		{"5,000 attributes", "<message" + numbered(5000, " a%d='x'")},
		{"5,000 attributes further down", message + "<b" + numbered(5000, " a%d='x'")},
		{"100,000 children", message + strings.Repeat("<a/>", 100000)},
		{"10,000 declarations", message + numbered(10000, "<a xmlns:p%d='urn:x'>")},
		{"10,000 declarations in one tag", "<message" + numbered(10000, " xmlns:p%d='urn:x'")},
		{"80,000 pieces of text", message + strings.Repeat("&amp;", 80000)},
		{"30,000 CDATA sections", message + strings.Repeat("<![CDATA[]]>", 30000)},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := s.login(t, mallory, "pc")
			_ = w.try(test.sent) // which the server may well cut off
			w.dies("policy-violation")
			victim.hearsNothing()
		})
	}
	for _, test := range []struct{ name, sent string }{
		{"32 elements", "<x xmlns='urn:x'>" + strings.Repeat("<y/>", 32)},
		{"65 attributes", "<x xmlns='urn:x'" + numbered(64, " a%d=''") + ">"},
		{"depth of 1,000", "<x xmlns='urn:x'>" + strings.Repeat("<y>", 1000)},
	} {
		t.Run(test.name+" before login", func(t *testing.T) {
			w := s.opened(t)
			w.send(test.sent)
			w.dies("policy-violation")
		})
	}
	w := s.login(t, mallory, "pc")
	w.send(message + strings.Repeat("<a>", 63) + strings.Repeat("</a>", 63) + "</message>" + message + strings.Repeat("x&amp;<![CDATA[]]>", 5000) + "</message>")
	if got := parse(t, victim.fenceAfter(w)); len(got) != 2 || got[1].Text != strings.Repeat("x&", 5000) {
		t.Errorf("what is within the bounds does not arrive: %d stanzas", len(got))
	}
}

// TestX5Declarations: what a stream's header declares is passed on with each stanza that uses it. A few bytes must not become a burst that ends the recipient's stream.
func TestX5Declarations(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Account(t, mallory)
	victim := s.login(t, juliet, "balcony")
	long := strings.Replace(header, " to=", " xmlns:p='urn:"+strings.Repeat("x", 600)+"' to=", 1)
	many := strings.Replace(header, " to=", numbered(30, " xmlns:p%d='urn:xxxxxxxxxxxxxxxx'")+" to=", 1)
	for _, h := range []string{long, many, strings.Replace(long, "urn:", "urn:&#x78;", 1)} {
		w := s.tls(t)
		w.send(h)
		w.dies("policy-violation")
		w = s.opened(t)
		w.send(plain("", "mallory", servertest.Password))
		w.until("<success xmlns='" + nsSASL + "'/>")
		w.send(h)
		w.dies("policy-violation")
	}
	w := s.opened(t)
	w.send(plain("", "mallory", servertest.Password))
	w.until("<success xmlns='" + nsSASL + "'/>")
	w.send(strings.Replace(header, " to=", " xmlns:p='urn:"+strings.Repeat("x", 400)+"' to=", 1))
	w.until("</stream:features>")
	w.bind("pc")
	message := "<message to='juliet@example.org/balcony' type='headline'><p:a/></message>"
	w.send(message)
	if got := victim.fenceAfter(w); len(parse(t, got)) != 1 || len(got) > 10*len(message) {
		t.Errorf("%d bytes became %d", len(message), len(got))
	}
}

func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// TestX6Names: names made to collide or to be dear to compare are read and passed on like others. That the work is linear is shown beside the scanner, by counting.
func TestX6Names(t *testing.T) {
	t.Parallel()
	s := start(t)
	victim := s.login(t, juliet, "balcony")
	w := s.login(t, mallory, "pc")
	prefix := strings.Repeat("a", 60)
	var evil strings.Builder
	evil.WriteString("<message to='juliet@example.org/balcony' type='headline'>")
	for range 10 {
		evil.WriteString("<x" + numbered(31, " xmlns:"+prefix+"%d='urn:"+prefix+"'") + numbered(31, " "+prefix+"%d=''") + "/>")
	}
	evil.WriteString("</message>")
	for range 100 {
		w.send(evil.String())
		if got := parse(t, victim.fenceAfter(w)); len(got) != 1 || len(got[0].Children) != 10 || len(got[0].Children[9].Attrs) != 62 {
			t.Fatalf("it arrives as %.500v", got)
		}
	}
}

// TestX8Compression (CVE-2014-2741 and its kin): there is none, so that nothing can be inflated.
func TestX8Compression(t *testing.T) {
	t.Parallel()
	s := start(t)
	const ask = "<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>"
	w := s.tls(t)
	w.send(header)
	if got := w.until("</stream:features>"); strings.Contains(got, "compress") {
		t.Errorf("compression is offered: %s", got)
	}
	w.send(ask)
	w.dies("not-authorized")
	s.Account(t, mallory)
	w = s.opened(t)
	w.send(plain("", "mallory", servertest.Password))
	w.until("<success")
	w.until(">")
	w.send(header)
	if got := w.until("</stream:features>"); strings.Contains(got, "compress") {
		t.Errorf("compression is offered: %s", got)
	}
	w.send(ask)
	w.dies("unsupported-stanza-type") // RFC 6120 §4.9.3.24: what was not offered is unknown
}
