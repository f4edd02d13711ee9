package xmpp

import (
	"encoding/xml"
	"errors"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

const payload = `<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='urn:xmpp:avatar:metadata'><item id='111f4b3c50d7b0df729d299bc6f8e9ef9066971f'>` +
	`<metadata xmlns='urn:xmpp:avatar:metadata'><info bytes='12345' id='111f4b3c50d7b0df729d299bc6f8e9ef9066971f' height='64' type='image/png' width='64'/></metadata></item></publish></pubsub>`

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(payload, NSClient); err != nil {
			b.Fatal(err)
		}
	}
}

func TestParseReads(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`<a/>`:                   `<a xmlns='jabber:client'/>`,
		` <a/>` + "\n":           `<a xmlns='jabber:client'/>`,
		`<a b = "1" c='"'></a >`: `<a xmlns='jabber:client' b='1' c='&quot;'/>`,
		`<a xmlns=''><b/></a>`:   `<a><b/></a>`,
		`<a xmlns='urn:a'><b xmlns='urn:b'/><c/></a>`:            `<a xmlns='urn:a'><b xmlns='urn:b'/><c/></a>`,
		`<p:a xmlns:p='urn:a' p:b='1' xml:lang='de'><b/></p:a>`:  `<a xmlns='urn:a' xmlns:a0='urn:a' a0:b='1' xml:lang='de'><b xmlns='jabber:client'/></a>`,
		`<a>x<![CDATA[<&]]>y<![CDATA[]]]]>&gt;<![CDATA[z]]></a>`: `<a xmlns='jabber:client'>x&lt;&amp;y]]&gt;z</a>`,
		"<a b='\t1\r\n2\r3\n'>\t1\r\n2\r3\n</a>":                 "<a xmlns='jabber:client' b=' 1 2 3 '>\t1\n2\n3\n</a>",
		`<a b='&#9;&#xA;&#13;'>&#9;&#xA;&#13;</a>`:               "<a xmlns='jabber:client' b='&#x9;&#xA;&#xD;'>\t\n&#xD;</a>",
		`<a>&lt;&gt;&amp;&apos;&quot;&#x1F600;</a>`:              "<a xmlns='jabber:client'>&lt;&gt;&amp;'\"\U0001F600</a>",
	} {
		got, err := Parse(in, NSClient)
		if err != nil || got.String() != want {
			t.Errorf("%q\ngot  %q\nwant %q\nerror %v", in, got, want, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		``, ` `, `text`, `<`, `<a`, `<a `, `<a>`, `<a/`, `<a></a`, `<a></b>`, `<a></ab>`, `</a>`, `<a/><b/>`, `<a/>text`, `text<a/>`,
		`<a b/>`, `<a b=/>`, `<a b=1/>`, `<a b='1/>`, `<a b='1'c='2'/>`, `<a b='<'/>`, `<a / >`, `<:a/>`, `<a:/>`, `<a:b:c xmlns:a='urn:a'/>`,
		`<p:a/>`, `<a p:b='1'/>`, `<a><b xmlns:p='urn:p'/><p:c/></a>`, `<a>&</a>`, `<a>&nbsp;</a>`, `<a>&#0;</a>`, `<a>&#xD800;</a>`, `<a>&#xFFFF;</a>`,
		`<a>&#99999999999;</a>`, `<a>&#;</a>`, `<a>&#x;</a>`, `<a>&#+1;</a>`, `<a>&lt</a>`, `<a>]]></a>`, `<a><![CDATA[</a>`, "<a>\x00</a>", "<a>\xff</a>",
		"<a b='\x01'/>", "<a>\ufffe</a>", "<a><![CDATA[\x02]]></a>", `<!-- --><a/>`, `<a><!-- --></a>`, `<?xml version='1.0'?><a/>`, `<a><?b?></a>`, `<!DOCTYPE a><a/>`,
		strings.Repeat("<a>", 1000) + strings.Repeat("</a>", 1000),
	} {
		if got, err := Parse(in, NSClient); !errors.Is(err, ErrXML) {
			t.Errorf("%q: got %v, error %v", in, got, err)
		}
	}
	for _, decls := range []string{" xmlns:p", "xmlns:p='urn:p'", " xmlns:p='urn:p'>", " q:b='1'"} {
		if got, err := ParseIn("<a/>", NSClient, decls); !errors.Is(err, ErrXML) {
			t.Errorf("%q: got %v, error %v", decls, got, err)
		}
	}
}

// A value that is kept must not keep all the rest of what a peer sent.
func TestAValueDoesNotHoldItsElement(t *testing.T) {
	const count, size = 100, 100 << 10
	heap := func() int {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	var kept []string
	before := heap()
	for range count {
		e, err := Parse("<item name='kept' xmlns='urn:kept'>"+strings.Repeat(" ", size)+"<b/>kept</item>", NSClient)
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, e.Attr("name"), e.Name.Space, e.Name.Local, e.Children[2].Content())
	}
	if grown := heap() - before; grown > count*size/10 {
		t.Errorf("%d values hold %d bytes", len(kept), grown)
	}
	runtime.KeepAlive(kept)
}

// FuzzParse compares with encoding/xml, and reads back what is written.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		payload, `<a b='1' c="&lt;"><d xmlns='urn:d'>e&amp;<![CDATA[f]]></d></a>`, `<p:a xmlns:p='urn:p' p:b='1' xml:lang='de'><p:c/><d xmlns=''/></p:a>`,
		"<a b='\r\n'>\r\n\r</a>", `<a>&#x41;&#13;</a>`, `<a xmlns:b='x' xmlns:c='y'><b:d c:e='' b:e=''/></a>`, `<a><a><a/></a></a>`, `<a b='1'`, `<a>]]></a>`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		e, err := Parse(raw, NSClient)
		if err != nil {
			return
		}
		if want, err := reference(raw); err == nil && !reflect.DeepEqual(strip(e), strip(want)) {
			t.Fatalf("%q\ngot  %q\nwant %q", raw, e, want)
		}
		again, err := Parse(e.String(), "")
		if _, bad := reference(raw); bad == nil && (err != nil || !reflect.DeepEqual(strip(again), strip(e))) {
			t.Fatalf("%q is written as %q, which reads as %q, error %v", raw, e, again, err)
		}
	})
}

// reference reads an element with encoding/xml.
func reference(raw string) (Element, error) {
	d := xml.NewDecoder(strings.NewReader("<p xmlns='" + NSClient + "'>" + raw + "</p>"))
	var open []Element
	for {
		tok, err := d.Token()
		if err != nil {
			return Element{}, err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			e := Element{Name: Name(t.Name)}
			for _, a := range t.Attr {
				if a.Name.Space != "xmlns" && (a.Name.Space != "" || a.Name.Local != "xmlns") {
					if a.Name.Space == "xml" {
						a.Name.Space = NSXML
					}
					e.Attrs = append(e.Attrs, Attr{Name(a.Name), a.Value})
				}
			}
			open = append(open, e)
		case xml.EndElement:
			e := open[len(open)-1]
			open = open[:len(open)-1]
			if len(open) == 0 {
				if _, err := d.Token(); err != io.EOF {
					return Element{}, errors.New("more than one element")
				}
				return e.Elements()[0], nil
			}
			open[len(open)-1] = open[len(open)-1].Add(e)
		case xml.CharData:
			open[len(open)-1] = open[len(open)-1].Add(Text(string(t)))
		default:
			return Element{}, errors.New("restricted")
		}
	}
}

// strip joins text that stands together and makes the white space of values alike, which encoding/xml does not normalise.
func strip(e Element) Element {
	out := Element{Name: e.Name, text: e.text}
	for _, a := range e.Attrs {
		a.Value = strings.NewReplacer("\t", " ", "\n", " ", "\r", " ").Replace(a.Value)
		out.Attrs = append(out.Attrs, a)
	}
	for _, c := range e.Children {
		n := len(out.Children)
		switch {
		case c.IsText() && c.text == "":
		case c.IsText() && n > 0 && out.Children[n-1].IsText():
			out.Children[n-1].text += c.text
		default:
			out.Children = append(out.Children, strip(c))
		}
	}
	return out
}
