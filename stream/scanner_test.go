package stream

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"palabre/xmpp"
)

// scanOne gives the first event after the stream header.
func scanOne(t *testing.T, space, in string) Event {
	t.Helper()
	open := strings.Replace(clientOpen, "jabber:client", space, 1)
	evs, err := scan(NewScanner(space, wide), []byte(open+in), whole)
	if err != nil || len(evs) < 2 {
		t.Fatalf("%s: %d events, error %v", in, len(evs), err)
	}
	return evs[1].Event
}

func TestHeaderIsToldAsItCame(t *testing.T) {
	t.Parallel()
	in := `<?xml version='1.0'?><stream:stream to='Ex&#x41;mple.org' from="a@b" id='&lt;1' version='1.0' xml:lang='de' xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'>`
	evs, err := scan(NewScanner(xmpp.NSServer, wide), []byte(in), whole)
	if err != nil {
		t.Fatal(err)
	}
	want := Header{To: "ExAmple.org", From: "a@b", ID: "<1", Version: "1.0", Lang: "de", Space: "jabber:server"}
	if *evs[0].Header != want {
		t.Errorf("got %+v, want %+v", *evs[0].Header, want)
	}
	again, err := scan(NewScanner(xmpp.NSServer, wide), want.AppendOpen(nil), whole)
	if err != nil || *again[0].Header != want {
		t.Errorf("%s reads as %s", want.AppendOpen(nil), describe(again, err))
	}
	evs, err = scan(NewScanner(xmpp.NSClient, wide), []byte(`<stream xmlns='http://etherx.jabber.org/streams'>`), whole)
	if err != nil || evs[0].Header.Space != "" {
		t.Errorf("a header without content namespace: %s", describe(evs, err))
	}
}

func TestStanzaFields(t *testing.T) {
	t.Parallel()
	ev := scanOne(t, xmpp.NSClient, `<iq id = "&quot;1'" type='get' to='Juliet@Example.ORG/balcony' from='x@y' xml:lang='en'> <query xmlns='jabber:iq:roster'/>t<!`+
		`[CDATA[<]]><b>c</b></iq>`)
	st := ev.Stanza
	if ev.Kind != Stanza || st.Kind != xmpp.IQ || st.Type != "get" || st.ID != `"1'` || st.Lang != "en" {
		t.Errorf("%+v", st)
	}
	if st.To != xmpp.MustParseJID("juliet@example.org/balcony") || st.From != xmpp.MustParseJID("x@y") || ev.BadTo || ev.BadFrom {
		t.Errorf("to %v, from %v", st.To, st.From)
	}
	if want := " <query xmlns='jabber:iq:roster'/>t<![CDATA[<]]><b>c</b>"; st.Inner != want || st.Extra != "" {
		t.Errorf("inner %q, extra %q", st.Inner, st.Extra)
	}
	want := []xmpp.Child{
		{Name: xmpp.Name{Space: "jabber:iq:roster", Local: "query"}, Start: 1, End: 34},
		{Name: xmpp.Name{Space: xmpp.NSClient, Local: "b"}, Start: 48, End: 56},
	}
	if !slices.Equal(st.Children, want) {
		t.Errorf("children %+v", st.Children)
	}
}

func TestMalformedAddresses(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][2]bool{
		`<message to='a@b' from='c@d'/>`:                      {false, false},
		`<message/>`:                                          {false, false},
		`<message to=''/>`:                                    {true, false},
		`<message to='@b'/>`:                                  {true, false},
		`<message to='a@'/>`:                                  {true, false},
		`<message to='a@b/'/>`:                                {true, false},
		`<message to='a b@c'/>`:                               {true, false},
		`<message to='a@b' from='a@@'/>`:                      {false, true},
		"<message to='&#xA0;@b'/>":                            {true, false},
		"<message f:to='@' f:from='@'/>":                      {false, false},
		"<message to='" + strings.Repeat("a", 1024) + "@b'/>": {true, false},
	} {
		ev := scanOne(t, xmpp.NSClient, in)
		if [2]bool{ev.BadTo, ev.BadFrom} != want || ev.BadTo && !ev.Stanza.To.IsZero() || ev.BadFrom && !ev.Stanza.From.IsZero() {
			t.Errorf("%s: %v %v, to %v from %v", in, ev.BadTo, ev.BadFrom, ev.Stanza.To, ev.Stanza.From)
		}
	}
}

// What an earlier stanza said of an address must not stick to a later one.
func TestAddressesOfOneStanzaAfterAnother(t *testing.T) {
	t.Parallel()
	in := clientOpen + `<message to='a@b'/><message to='a@b'/><message to='@'/><message/><message to='a@b'/><message to='A@b'/><message to='a@c' from='a@b'/>`
	evs, err := scan(NewScanner(xmpp.NSClient, wide), []byte(in), whole)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, ev := range evs[1:] {
		got = append(got, ev.Stanza.To.String())
	}
	if want := []string{"a@b", "a@b", "", "", "a@b", "a@b", "a@c"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// An address outlives its stanza: a roster or a table of sessions keeps it. It must not keep the stanza's bytes.
func TestAnAddressDoesNotHoldItsStanza(t *testing.T) {
	s := NewScanner(xmpp.NSClient, AfterLogin)
	if _, err := scan(s, []byte(clientOpen), whole); err != nil {
		t.Fatal(err)
	}
	const count, size = 200, 100 << 10
	var kept []xmpp.JID
	before := heap()
	for i := range count {
		in := `<message to='user` + string(rune('a'+i%26)) + `@example.org'><body>` + strings.Repeat("x", size) + `</body></message>`
		evs, err := scan(s, []byte(in), whole)
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, evs[0].Stanza.To)
	}
	if grown := heap() - before; grown > count*size/10 {
		t.Errorf("%d addresses hold %d bytes", len(kept), grown)
	}
	runtime.KeepAlive(kept)
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func TestExtraIsWhatTheInnerBytesNeed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, extra string }{
		"nothing":                                 {`<message type='chat' to='a@b' from='c@d' id='1' xml:lang='en'><body/></message>`, ""},
		"a prefix of the header":                  {`<message><f:a/></message>`, ` xmlns:f='urn:foo'`},
		"a prefix of the header, deep inside":     {`<message><a xmlns='urn:a'><b><f:a/></b></a></message>`, ` xmlns:f='urn:foo'`},
		"a prefix of the header, on an attribute": {`<message><a f:b=''/></message>`, ` xmlns:f='urn:foo'`},
		"a prefix of the start tag":               {`<message xmlns:p='urn:p'><p:a/></message>`, ` xmlns:p='urn:p'`},
		"a prefix that nothing uses":              {`<message xmlns:p='urn:p'><a/></message>`, ""},
		"a prefix that is declared inside":        {`<message xmlns:p='urn:p'><p:a xmlns:p='urn:q'/></message>`, ""},
		"a prefix of the header declared anew":    {`<message xmlns:f='urn:p'><f:a/></message>`, ` xmlns:f='urn:p'`},
		"the content namespace declared":          {`<message xmlns='jabber:client'><body/></message>`, ""},
		"a foreign attribute":                     {`<message f:a='1'/>`, ` xmlns:f='urn:foo' f:a='1'`},
		"an unknown attribute":                    {`<message a = "it's"/>`, ` a = "it's"`},
		"a declaration with a reference":          {`<message xmlns:p='urn:p?a&amp;b'><p:a/></message>`, ` xmlns:p='urn:p?a&amp;b'`},
		"xml:space":                               {`<message xml:space='preserve'/>`, ` xml:space='preserve'`},
		"the prefix xml declared":                 {`<message xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:lang='en'><a xml:lang='de'/></message>`, ""},
		"many quotes do not grow":                 {`<message a='""""'/>`, ` a='""""'`},
	} {
		if got := scanOne(t, xmpp.NSClient, c.in).Stanza.Extra; got != c.extra {
			t.Errorf("%s: %s has extra %q, want %q", name, c.in, got, c.extra)
		}
	}
}

// To the rest of the server the content namespace is always jabber:client.
func TestContentNamespaces(t *testing.T) {
	t.Parallel()
	for _, space := range []string{xmpp.NSClient, xmpp.NSServer, xmpp.NSComponent} {
		in := `<message xmlns='` + space + `' xmlns:c='` + space + `'><body>a</body><x xmlns='urn:x'><c:y/><z xmlns='` + space + `'/></x><body xmlns="` + space +
			`"/><last/><c:last/></message>`
		st := scanOne(t, space, in).Stanza
		for i, want := range []xmpp.Name{
			{Space: xmpp.NSClient, Local: "body"}, {Space: "urn:x", Local: "x"}, {Space: xmpp.NSClient, Local: "body"},
			{Space: xmpp.NSClient, Local: "last"}, {Space: xmpp.NSClient, Local: "last"},
		} {
			if st.Children[i].Name != want {
				t.Errorf("%s: child %d is %v, want %v", space, i, st.Children[i].Name, want)
			}
			e, ok := st.Child(want.Space, want.Local)
			if !ok || e.Name != want {
				t.Errorf("%s: child %d decodes as %v", space, i, e)
			}
		}
		want := `<message xmlns:c='jabber:client'><body>a</body><x xmlns='urn:x'><c:y/><z xmlns='jabber:client'/></x><body xmlns="jabber:client"/><last/><c:last/></message>`
		if st.String() != want {
			t.Errorf("%s: got\n%s, want\n%s", space, st, want)
		}
		if x, _ := st.Child("urn:x", "x"); x.Children[0].Name.Space != xmpp.NSClient || x.Children[1].Name.Space != xmpp.NSClient {
			t.Errorf("%s: %v", space, x)
		}
		last := st.Children[3]
		if got := st.RawChild(last); got != "<last/>" {
			t.Errorf("%s: the fourth child is %s", space, got)
		}
	}
	st := scanOne(t, xmpp.NSServer, `<message><x xmlns='jabber:client'/></message>`).Stanza
	if st.Inner != `<x xmlns='jabber:client'/>` {
		t.Errorf("jabber:client between servers became %s", st.Inner)
	}
}

func TestNonzaIsDecodedInItsPlace(t *testing.T) {
	t.Parallel()
	in := `<f:auth mechanism='PLAIN' f:a=' &#10;' b="` + "\t\r\n" + `">AGE=<![CDATA[&]]><f:x><y xmlns='urn:y'/></f:x><z/></f:auth>`
	got := scanOne(t, xmpp.NSClient, in).Nonza
	want := `<auth xmlns='urn:foo' mechanism='PLAIN' xmlns:a1='urn:foo' a1:a=' &#xA;' b='  '>AGE=&amp;<x><y xmlns='urn:y'/></x><z xmlns='jabber:client'/></auth>`
	if got.String() != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
}

func TestRestartForgetsTheOldStream(t *testing.T) {
	t.Parallel()
	s := NewScanner(xmpp.NSClient, BeforeLogin)
	if evs, err := scan(s, []byte(clientOpen+`<f:auth/>`), whole); err != nil || len(evs) != 2 {
		t.Fatal(evs, err)
	}
	s.Restart()
	s.SetLimits(AfterLogin)
	if evs, err := scan(s, []byte("\n<?xml version='1.0'?>"+bareOpen+`<message/>`), single); err != nil || len(evs) != 2 {
		t.Fatal(describe(evs, err))
	}
	if _, err := scan(s, []byte(`<f:auth/>`), whole); err == nil {
		t.Error("a prefix of the old stream is still declared")
	}
	if _, err := scan(s, []byte(`<message/>`), whole); err == nil {
		t.Error("an error did not stay")
	}
	s.Restart()
	if evs, err := scan(s, []byte(clientOpen), whole); err != nil || len(evs) != 1 {
		t.Error(describe(evs, err))
	}
}

// pooled tells whether pools keep what they are given.
var pooled = true

func TestAllocationsOfAStanza(t *testing.T) {
	if !pooled {
		t.Skip("by choice: allocations cannot be counted under the race detector")
	}
	s := NewScanner(xmpp.NSClient, AfterLogin)
	if _, err := scan(s, []byte(clientOpen), whole); err != nil {
		t.Fatal(err)
	}
	in := []byte(typical)
	if n := testing.AllocsPerRun(1000, func() { s.Scan(in) }); n > 2 {
		t.Errorf("%v allocations", n)
	}
}
