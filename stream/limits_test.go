package stream

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
	"unsafe"

	"palabre/xmpp"
)

// opened gives a scanner in an open stream.
func opened(t testing.TB, l Limits) *Scanner {
	t.Helper()
	s := NewScanner(xmpp.NSClient, l)
	if _, ev, err := s.Scan([]byte(clientOpen)); err != nil || ev.Kind != Opened {
		t.Fatal(err)
	}
	return s
}

func condition(err error) Condition {
	var e *Error
	if errors.As(err, &e) {
		return e.Condition
	}
	return ""
}

// endless are elements that never end: a beginning, and what is sent again and again.
var endless = map[string][2]string{
	"an attribute's value":       {"<message a='", "x"},
	"an attribute's name":        {"<message ", "x"},
	"references in a value":      {"<message a='", "&lt;"},
	"text":                       {"<message><body>", "x"},
	"text beyond ASCII":          {"<message><body>", "€"},
	"references":                 {"<message>", "&amp;"},
	"a reference":                {"<message>&#", "0"},
	"a CDATA section":            {"<message><![CDATA[", "]"},
	"CDATA sections":             {"<message>", "<![CDATA[]]>"},
	"a name":                     {"<", "a"},
	"a name beyond ASCII":        {"<", "é"},
	"white space in a start tag": {"<message", "\n"},
	"white space in an end tag":  {"<message></message", " "},
	"white space in the content": {"<message>", "\t"},
	"white space around =":       {"<message a", " "},
	"a nonza":                    {"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>", "A"},
}

// X4: an element that is too long is refused at the limit and not one byte later, whether or not it ever ends.
func TestElementsAreRefusedAtTheLimit(t *testing.T) {
	t.Parallel()
	for name, c := range endless {
		for login, l := range map[string]Limits{"before login": BeforeLogin, "after login": AfterLogin} {
			l.Stanzas = true
			t.Run(name+" "+login, func(t *testing.T) {
				t.Parallel()
				in := []byte(c[0] + strings.Repeat(c[1], l.Bytes/len(c[1])+1))
				s := opened(t, l)
				for n := 1; ; n++ {
					used, ev, err := s.Scan(in[:n])
					if used != 0 || ev.Kind != None {
						t.Fatalf("an event of kind %d after %d bytes", ev.Kind, n)
					}
					if n < l.Bytes && err != nil || n == l.Bytes && condition(err) != PolicyViolation {
						t.Fatalf("after %d of %d bytes: %v", n, l.Bytes, err)
					}
					if n == l.Bytes {
						break
					}
				}
				if _, _, err := opened(t, l).Scan(in); condition(err) != PolicyViolation {
					t.Errorf("in one piece: %v", err)
				}
			})
		}
	}
}

func TestTheStreamHeaderIsLimited(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"a declaration": "<?xml version='1.0" + strings.Repeat(" ", 10000),
		"a start tag":   "<stream:stream" + strings.Repeat(" ", 10000),
		"an attribute":  "<stream:stream to='" + strings.Repeat("x", 10000),
	} {
		evs, err := scan(NewScanner(xmpp.NSClient, BeforeLogin), []byte(in[:BeforeLogin.Bytes-1]), single)
		if err != nil || len(evs) > 0 {
			t.Errorf("%s: below the limit: %v", name, err)
		}
		if _, err := scan(NewScanner(xmpp.NSClient, BeforeLogin), []byte(in[:BeforeLogin.Bytes]), single); condition(err) != PolicyViolation {
			t.Errorf("%s: at the limit: %v", name, err)
		}
	}
}

func TestAnElementOfExactlyTheLimitPasses(t *testing.T) {
	t.Parallel()
	for _, size := range []int{AfterLogin.Bytes, AfterLogin.Bytes + 1} {
		in := "<message><body>" + strings.Repeat("x", size-len("<message><body></body></message>")) + "</body></message>"
		_, ev, err := opened(t, AfterLogin).Scan([]byte(in))
		if (size == AfterLogin.Bytes) != (ev.Kind == Stanza) || (size > AfterLogin.Bytes) != (condition(err) == PolicyViolation) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

// RFC 6120 §4.6.1: white space between stanzas may go on for ever, and costs nothing.
func TestKeepalivesAreNotCounted(t *testing.T) {
	t.Parallel()
	s := opened(t, BeforeLogin)
	blanks := []byte(strings.Repeat(" \n", 1000))
	for range 1000 {
		if n, ev, err := s.Scan(blanks); n != len(blanks) || ev.Kind != None || err != nil {
			t.Fatal(n, ev, err)
		}
	}
}

func TestStanzasWaitForLogin(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]Condition{
		`<message/>`: NotAuthorized, `<presence>`: NotAuthorized, `<iq type='set' id='1'>`: NotAuthorized,
		`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>`: "",
	} {
		if _, err := scan(opened(t, BeforeLogin), []byte(in), single); condition(err) != want {
			t.Errorf("%s: %v", in, err)
		}
	}
}

// nested gives n elements, each in the one before.
func nested(n int) string {
	return strings.Repeat("<a>", n) + strings.Repeat("</a>", n)
}

func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// X5.
func TestLimitsOfShape(t *testing.T) {
	t.Parallel()
	login := BeforeLogin
	for name, c := range map[string]struct {
		l  Limits
		in string
		ok bool
	}{
		"as deep as allowed":                 {AfterLogin, "<message>" + nested(63) + "</message>", true},
		"one deeper":                         {AfterLogin, "<message>" + nested(64) + "</message>", false},
		"an empty element that deep":         {AfterLogin, "<message>" + strings.Repeat("<a>", 63) + "<b/>", false},
		"depth 10,000":                       {AfterLogin, "<message>" + strings.Repeat("<a>", 10000), false},
		"as many attributes as allowed":      {AfterLogin, "<message" + numbered(64, " a%d=''") + "/>", true},
		"one attribute more":                 {AfterLogin, "<message" + numbered(65, " a%d=''") + "/>", false},
		"one attribute more, inside":         {AfterLogin, "<message><a" + numbered(65, " a%d=''") + "/></message>", false},
		"5,000 attributes":                   {AfterLogin, "<message" + numbered(5000, " a%d=''"), false},
		"declarations are attributes":        {AfterLogin, "<message xmlns:a='a'" + numbered(64, " a%d=''") + "/>", false},
		"as many declarations as allowed":    {AfterLogin, "<message" + numbered(32, " xmlns:a%d='a'") + "/>", true},
		"one declaration more":               {AfterLogin, "<message" + numbered(33, " xmlns:a%d='a'") + "/>", false},
		"one declaration more, nested":       {AfterLogin, "<message" + numbered(32, " xmlns:a%d='a'") + "><a xmlns='b'/></message>", false},
		"10,000 declarations, nested":        {AfterLogin, "<message>" + strings.Repeat("<a xmlns='b'>", 10000), false},
		"many declarations, one at a time":   {AfterLogin, "<message>" + strings.Repeat("<a xmlns='b'/>", 4000) + "</message>", true},
		"as many elements as allowed":        {AfterLogin, "<message>" + strings.Repeat("<a/>", 4999) + "</message>", true},
		"one element more":                   {AfterLogin, "<message>" + strings.Repeat("<a/>", 5000) + "</message>", false},
		"100,000 elements":                   {AfterLogin, "<message>" + strings.Repeat("<a/>", 100000), false},
		"as many elements before login":      {login, "<a xmlns='urn:a'>" + strings.Repeat("<a/>", 31) + "</a>", true},
		"one element more before login":      {login, "<a xmlns='urn:a'>" + strings.Repeat("<a/>", 32) + "</a>", false},
		"as many elements again and again":   {login, strings.Repeat("<a xmlns='urn:a'>"+strings.Repeat("<a/>", 31)+"</a>", 3), true},
		"pieces of text":                     {AfterLogin, "<message>" + strings.Repeat("x&amp;<![CDATA[]]>", 10000) + "</message>", true},
		"a header's own declarations beside": {AfterLogin, "<message" + numbered(32, " xmlns:a%d='a'") + "><f:a/></message>", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, cut := range []func() int{whole, func() int { return 1000 }} {
				evs, err := scan(opened(t, c.l), []byte(c.in), cut)
				if c.ok != (err == nil && len(evs) > 0) || !c.ok && condition(err) != PolicyViolation {
					t.Errorf("%d events, error %v", len(evs), err)
				}
			}
		})
	}
	// The limits may be wider than what a word of bits can tell: 32 declarations stay the most.
	l := wide
	l.Namespaces = 1000
	if _, err := scan(opened(t, l), []byte("<message"+numbered(33, " xmlns:a%d='a'")+"/>"), whole); condition(err) != PolicyViolation {
		t.Errorf("33 declarations: %v", err)
	}
}

// X1, X5, X6: besides the bytes, an element in progress holds little, whatever it is made of.
func TestWorkIsBounded(t *testing.T) {
	t.Parallel()
	const most = 320 << 10 // the limit of 256 KiB, and 64 KiB over it
	for name, in := range map[string]string{
		"children":     "<message>" + strings.Repeat("<a/>", 100000),
		"depth":        "<message>" + strings.Repeat("<a>", 10000),
		"attributes":   "<message" + numbered(10000, " a%d=''"),
		"declarations": "<message>" + strings.Repeat("<a xmlns='urn:&amp;'/>", 12000),
		"entities":     `<!DOCTYPE a [<!ENTITY b "` + strings.Repeat("x", 10000),
	} {
		s := opened(t, AfterLogin)
		s.run([]byte(in)) // without the end that gives the work back
		w := s.w
		held := cap(w.attrs)*int(unsafe.Sizeof(attr{})) + cap(w.top)*int(unsafe.Sizeof(attr{})) + cap(w.open)*int(unsafe.Sizeof(elem{})) +
			cap(w.binds)*int(unsafe.Sizeof(bind{})) + cap(w.kids)*int(unsafe.Sizeof(kid{})) + cap(w.patches)*int(unsafe.Sizeof(span{})) +
			cap(w.names)*int(unsafe.Sizeof(""))
		for _, n := range w.names {
			held += len(n)
		}
		if held > most {
			t.Errorf("%s: %d bytes held", name, held)
		}
	}
}

// X5, X6: the work is linear in the bytes, however they are made up and cut. What is counted is the bytes that the
// steps look at, and the steps.
func TestWorkIsLinear(t *testing.T) {
	t.Parallel()
	inputs := map[string]string{
		"typical": typical, "children": "<message>" + strings.Repeat("<a/>", 4000), "attributes": "<message>" + strings.Repeat("<a"+numbered(60, " a%d='x'")+"/>", 300),
		"names": "<message>" + strings.Repeat("<"+strings.Repeat("é", 100)+"/>", 200), "declarations": "<message>" + strings.Repeat("<a xmlns='urn:a' xmlns:b='urn:b'/>", 4000),
	}
	for name, c := range endless {
		inputs[name] = c[0] + strings.Repeat(c[1], 100000/len(c[1]))
	}
	for name, in := range inputs {
		for _, piece := range []int{1, 7, 1000, len(in)} {
			s := opened(t, AfterLogin)
			s.run([]byte(in[:1]))
			touched, steps := 0, 0
			for end := piece; s.err == nil && !s.done; end += piece {
				b := []byte(in)[:min(end, len(in))]
				for more := true; more && s.pos < len(b); {
					from := s.pos
					s.pos, more = s.step(b, from)
					touched += s.pos - from + 1
					steps++
				}
				if end >= len(in) {
					break
				}
			}
			if s.err != nil || touched > 4*len(in) || steps > 3*len(in) {
				t.Errorf("%s, %d bytes in pieces of %d: %d touched in %d steps, error %v", name, len(in), piece, touched, steps, s.err)
			}
		}
	}
}

// X4: a reader's buffer never grows beyond the limit.
func TestAReaderHoldsNoMoreThanTheLimit(t *testing.T) {
	t.Parallel()
	for name, l := range map[string]Limits{"before login": BeforeLogin, "after login": AfterLogin} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l.Stanzas = true
			server, client := net.Pipe()
			defer server.Close()
			go func() {
				defer client.Close()
				client.SetDeadline(time.Now().Add(time.Minute))
				client.Write([]byte(clientOpen + "<message a='"))
				for {
					if _, err := client.Write([]byte(strings.Repeat("x", 999))); err != nil {
						return
					}
				}
			}()
			r := NewReader(server, xmpp.NSClient, l)
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Next(); condition(err) != PolicyViolation {
				t.Fatal(err)
			}
			if len(r.buf) > max(l.Bytes, mediumBuffer) {
				t.Errorf("a buffer of %d bytes", len(r.buf))
			}
			r.Release()
		})
	}
}
