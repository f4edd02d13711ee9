package stream

import (
	"encoding/xml"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"palabre/xmpp"
)

const clientOpen = `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' xmlns:f='urn:foo'>`

// wide limits are out of the way of tests of well-formedness.
var wide = Limits{Bytes: 1 << 20, Depth: 128, Attrs: 128, Namespaces: 32, Elements: 10000, Stanzas: true}

// found is an event with the bytes that it was found in.
type found struct {
	Event
	raw string
}

// scan feeds data in pieces of the sizes that cut gives, into buffers of their own each time: nothing but what the
// contract promises stays where it was.
func scan(s *Scanner, data []byte, cut func() int) (out []found, err error) {
	var buf []byte
	for len(data) > 0 {
		n := min(max(cut(), 1), len(data))
		buf = append(slices.Clone(buf), data[:n]...)
		data = data[n:]
		for {
			n, ev, err := s.Scan(buf)
			if err != nil {
				return out, err
			}
			if ev.Kind != None {
				out = append(out, found{ev, strings.TrimLeft(string(buf[:n]), " \t\r\n")})
			}
			clear(buf[:n])
			buf = buf[n:]
			if n == 0 || len(buf) == 0 {
				break
			}
		}
	}
	return out, nil
}

func whole() int  { return 1 << 30 }
func single() int { return 1 }

// describe tells everything about what was found.
func describe(evs []found, err error) string {
	var b strings.Builder
	for _, ev := range evs {
		fmt.Fprintf(&b, "%d %+v %+v %v %v %v\n", ev.Kind, ev.Header, ev.Stanza, ev.Nonza, ev.BadTo, ev.BadFrom)
		if st := ev.Stanza; st != nil {
			fmt.Fprintf(&b, "\t%#v\n", *st)
		}
	}
	fmt.Fprintln(&b, err)
	return b.String()
}

// failer is a test of any kind.
type failer interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

var seeds = []string{
	`<message to='juliet@example.org/balcony' id='1' type='chat' xml:lang='en'><body>O Romeo &amp; &#x41;&#66;</body></message>`,
	`<presence/><iq type='get' id="a"><query xmlns='jabber:iq:roster'/></iq> ` + "\n",
	`<message f:x='1' y="&lt;&#10;'"><f:y/><z xmlns:f='urn:bar' f:q='2'><f:w/></z></message>`,
	`<message xmlns='jabber:client' xmlns:p='urn:p'><p:a p:b='c'><![CDATA[<x>]]]]><![CDATA[>]]></p:a></message>`,
	`<a xmlns='urn:xmpp:sm:3' h='5'/><stream:error><x xmlns='urn:y'/></stream:error></stream:stream>`,
	"<message to='j\u00fcrgen@b\u00fccher.example' from='x@y'><\u00e9l\u00e9 \u00e0='\u00e9'>\U0001F600</\u00e9l\u00e9></message>",
	`<message><body>]]></body></message>`,
	`<message><!-- --></message>`, `<?xml version='1.0'?>`, `<!DOCTYPE a [<!ENTITY b "c">]>`,
	`<message a='1' a='2'/>`, `<message xmlns:a='u' xmlns:b='u' a:x='1' b:x='2'/>`, `<message><a></b></message>`,
	`<message><q:a/></message>`, `<message><a xmlns:b=''/></message>`, `<message><a xmlns:xml='urn:x'/></message>`,
	"<message>\x00</message>", "<message>\xff</message>", "<message>\xef\xbf\xbe</message>", `<message>&#xD800;</message>`, `<message>&nbsp;</message>`,
	`<message a = "1"` + "\t\n" + `b='2' ></message >`, `<message a='1'b='2'/>`, `<message to='' from='@'/>`,
	`<c:message xmlns:c='jabber:client'/>`, `<x/>`, `text`, `<message xmlns='urn:x'/>`, `<message xmlns=''/>`,
}

func FuzzScanner(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), true, uint64(1))
		f.Add([]byte(clientOpen+s), false, uint64(2))
		f.Add([]byte(" <?xml version='1.0' encoding=\"utf-8\" standalone='no'?>\n"+clientOpen+s), false, uint64(3))
	}
	f.Add([]byte("<stream xmlns='http://etherx.jabber.org/streams'><message xmlns='jabber:client'><a xmlns='http://etherx.jabber.org/streams'/></message>"), false, uint64(4))
	f.Fuzz(func(t *testing.T, data []byte, headed bool, seed uint64) {
		if headed {
			data = append([]byte(clientOpen), data...)
		}
		evs, err := scan(NewScanner(xmpp.NSClient, wide), data, whole)
		checkCuts(t, data, describe(evs, err), seed)
		checkVerdict(t, data, evs, err)
		checkStanzas(t, evs)
	})
}

// checkCuts: however the bytes are cut, the outcome is the same.
func checkCuts(t failer, data []byte, want string, seed uint64) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 0))
	for name, cut := range map[string]func() int{"bytes": single, "pieces": func() int { return 1 + rnd.IntN(9) }} {
		if got := describe(scan(NewScanner(xmpp.NSClient, wide), data, cut)); got != want {
			t.Fatalf("in %s:\n%swhole:\n%s", name, got, want)
		}
	}
}

// checkVerdict: what the scanner lets through is well-formed, and what it refuses is not.
func checkVerdict(t *testing.T, data []byte, evs []found, err error) {
	t.Helper()
	verdict := refuse(data)
	var e *Error
	switch {
	case err == nil && verdict != nil && !errors.Is(verdict, errIncomplete):
		t.Fatalf("let through, but: %v", verdict)
	case errors.As(err, &e) && verdict == nil && (e.Condition == NotWellFormed || e.Condition == RestrictedXML || e.Condition == UnsupportedEncoding):
		if n := len(evs); n > 0 && evs[n-1].Kind == Closed {
			return
		}
		t.Fatalf("refused without reason: %v", err)
	}
}

// checkStanzas: what is written of a stanza means what was read, and reads back as itself.
func checkStanzas(t failer, evs []found) {
	t.Helper()
	open := clientOpen
	for _, ev := range evs {
		switch ev.Kind {
		case Opened:
			open = ev.raw
		case Stanza:
			checkStanza(t, open, ev)
		case Nonza:
			want, err := tokens(open, ev.raw)
			if err != nil {
				t.Fatal(err)
			}
			got, err := tokens("<x>", ev.Nonza.String())
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("the nonza\n%s\nbecame\n%s\nerror %v\n%q\n%q", ev.raw, ev.Nonza.String(), err, want, got)
			}
		}
	}
}

func checkStanza(t failer, open string, ev found) {
	t.Helper()
	want, err := tokens(open, ev.raw)
	if err != nil {
		t.Fatal(err)
	}
	// The place that it is written to declares nothing but the content namespace.
	out := ev.Stanza.String()
	got, err := tokens(bareOpen, out)
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("\n%s\nbecame\n%s\nerror %v\n%q\n%q", ev.raw, out, err, want, got)
	}
	s := NewScanner(xmpp.NSClient, wide)
	again, err := scan(s, []byte(bareOpen+out), whole)
	if err != nil || len(again) != 2 || again[1].Stanza.String() != out {
		t.Fatalf("%s reads back as %s", out, describe(again, err))
	}
	for _, c := range ev.Stanza.Children {
		e, ok := ev.Stanza.Child(c.Name.Space, c.Name.Local)
		raw := ev.Stanza.RawChild(c)
		if !ok || e.Name != c.Name || !strings.HasPrefix(raw, "<") || !strings.HasSuffix(raw, ">") {
			t.Fatalf("child %v of %s is %v", c, out, e)
		}
		place := "<p xmlns='jabber:client'" + ev.Stanza.Extra + ">"
		if e, err = xmpp.ParseIn(raw, xmpp.NSClient, ev.Stanza.Extra); err != nil {
			t.Fatalf("child %s of %s: %v", raw, out, err)
		}
		want, err1 := tokens(place, raw)
		got, err2 := tokens("<p>", e.String())
		if err1 != nil || err2 != nil || !slices.Equal(got, want) {
			t.Fatalf("child %s of %s decodes as %s: %v, %v\n%q\n%q", raw, out, e, err1, err2, want, got)
		}
	}
}

const bareOpen = `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`

// attributes lists the attributes of a start tag without declarations. White space in values is made alike:
// encoding/xml does not normalise it.
func attributes(t xml.StartElement, top bool) []string {
	var out []string
	for _, a := range t.Attr {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && (a.Name.Local == "xmlns" || top && (a.Name.Local == "to" || a.Name.Local == "from")) {
			continue
		}
		value := strings.NewReplacer("\t", " ", "\n", " ", "\r", " ").Replace(a.Value)
		if top && value == "" {
			switch a.Name {
			case xml.Name{Local: "type"}, xml.Name{Local: "id"}, xml.Name{Space: xmpp.NSXML, Local: "lang"}, xml.Name{Space: "xml", Local: "lang"}:
				continue // an empty one is as good as none
			}
		}
		out = append(out, fmt.Sprintf("%v=%q", a.Name, value))
	}
	if top {
		slices.Sort(out)
	}
	return out
}
