package stream

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"palabre/xmpp"
)

// outcome is what is found in a stream: kinds and a condition. It is the same in one piece and byte by byte.
func outcome(t *testing.T, space, data string, l Limits) string {
	t.Helper()
	var outs [2]string
	for i, cut := range []func() int{whole, single} {
		evs, err := scan(NewScanner(space, l), []byte(data), cut)
		var kinds []string
		for _, ev := range evs {
			kinds = append(kinds, [...]string{"", "opened", "stanza", "nonza", "closed"}[ev.Kind])
		}
		var e *Error
		if errors.As(err, &e) {
			kinds = append(kinds, string(e.Condition))
		}
		outs[i] = strings.Join(kinds, " ")
	}
	if outs[0] != outs[1] {
		t.Errorf("in one piece: %s; byte by byte: %s", outs[0], outs[1])
	}
	return outs[0]
}

func TestWellFormedness(t *testing.T) {
	t.Parallel()
	const bad = "opened not-well-formed"
	const ok = "opened stanza"
	for name, c := range map[string]struct{ in, want string }{
		"an empty stanza":                        {`<message/>`, ok},
		"white space wherever a tag may have it": {"<message \t\r\nid\n=\r'1'\ttype=\"chat\" ><a\n/></message\t\n >", ok},
		"both quotes, each inside the other":     {`<message a='"' b="'"/>`, ok},
		"> in text and in a value":               {`<message a='>'><b>></b></message>`, ok},
		"one colon in a name":                    {`<message><f:a/></message>`, ok},
		"two colons in a name":                   {`<message><f:a:b/></message>`, bad},
		"a colon first":                          {`<message><:a/></message>`, bad},
		"a colon last":                           {`<message><f:/></message>`, bad},
		"a local name that is no name":           {`<message><f:1/></message>`, bad},
		"a name that begins with a digit":        {`<message><1a/></message>`, bad},
		"a name that begins with a hyphen":       {`<message><-a/></message>`, bad},
		"a name that begins with a dot":          {`<message><.a/></message>`, bad},
		"a name with digits, hyphen, dot":        {`<message><a-1.b_/></message>`, ok},
		"a name beyond ASCII":                    {`<message><élément à='1'/></message>`, ok},
		"a name of XML's fifth edition only":     {"<message><\u0220/></message>", bad},
		"a combining character first":            {"<message><\u0301a/></message>", bad},
		"a combining character later":            {"<message><a\u0301/></message>", ok},
		"a form feed in a name (X3)":             {"<message><a\f/></message>", bad},
		"a blank before the name":                {`<message>< a/></message>`, bad},
		"no name":                                {`<message><></></message>`, bad},
		"an attribute twice":                     {`<message a='1' a='2'/>`, bad},
		"an attribute twice, by expanded name":   {`<message xmlns:g='urn:foo' f:a='1' g:a='2'/>`, bad},
		"the same local name, two namespaces":    {`<message a='1' f:a='2' xml:a='3'/>`, ok},
		"a prefix declared twice":                {`<message xmlns:a='urn:a' xmlns:a='urn:b'/>`, bad},
		"the default declared twice":             {`<message xmlns='jabber:client' xmlns='jabber:client'/>`, bad},
		"no white space between attributes":      {`<message a='1'b='2'/>`, bad},
		"an attribute without a value":           {`<message a/>`, bad},
		"an attribute without an equals sign":    {`<message a'1'/>`, bad},
		"an attribute without quotes":            {`<message a=1/>`, bad},
		"< in a value":                           {`<message a='<'/>`, bad},
		"a slash alone in a tag":                 {`<message / >`, bad},
		"an end tag of another name":             {`<message><a></b></message>`, bad},
		"an end tag that goes on":                {`<message><a></ab></message>`, bad},
		"an end tag of the same expanded name":   {`<message xmlns:g='urn:foo'><f:a></g:a></message>`, bad},
		"an end tag with an attribute":           {`<message></message a='1'>`, bad},
		"a blank in an end tag":                  {`<message></ message>`, bad},
		"]]> in text":                            {`<message><a>]]></a></message>`, bad},
		"]] and > apart":                         {`<message><a>]]&gt;]] >]&#93;>]]<b/>></a></message>`, ok},
		"]]> after a CDATA section":              {`<message><![CDATA[]]>]]></message>`, bad},
		"a CDATA section":                        {`<message><a><![CDATA[<&>]]]]><![CDATA[>]]></a></message>`, ok},
		"CDATA in small letters":                 {`<message><![cdata[]]></message>`, bad},
		"a prefix that is not declared":          {`<message><q:a/></message>`, bad},
		"an attribute's prefix not declared":     {`<message q:a='1'/>`, bad},
		"a prefix after its element":             {`<message><a xmlns:q='urn:q'/><q:b/></message>`, bad},
		"a prefix that is undeclared":            {`<message><a xmlns:f=''/></message>`, bad},
		"the default undeclared inside":          {`<message><a xmlns=''/></message>`, ok},
		"the prefix xml declared as itself":      {`<message><a xmlns:xml='` + xmpp.NSXML + `'/></message>`, ok},
		"the prefix xml for another namespace":   {`<message><a xmlns:xml='urn:x'/></message>`, bad},
		"another prefix for XML's namespace":     {`<message><a xmlns:x='` + xmpp.NSXML + `'/></message>`, bad},
		"XML's namespace as the default":         {`<message><a xmlns='` + xmpp.NSXML + `'/></message>`, bad},
		"the prefix xmlns declared":              {`<message><a xmlns:xmlns='urn:x'/></message>`, bad},
		"another prefix for that of xmlns":       {`<message><a xmlns:x='` + nsXMLNS + `'/></message>`, bad},
		"an element of the prefix xmlns":         {`<message><xmlns:a/></message>`, bad},
		"a blank in a namespace name (X3)":       {`<message><a xmlns='urn:a b'/></message>`, bad},
		"a brace in a namespace name (X3)":       {`<message><a xmlns='urn:a}b'/></message>`, bad},
		"a line feed in a namespace name (X3)":   {`<message><a xmlns='urn:a&#10;b'/></message>`, bad},
		"beyond ASCII in a namespace name":       {`<message><a xmlns='urn:é'/></message>`, bad},
		"a reference in a namespace name":        {`<message><a xmlns='urn:a?b&amp;c'/></message>`, ok},
		"predefined entities":                    {`<message a='&lt;&gt;&amp;&apos;&quot;'>&lt;&gt;&amp;&apos;&quot;</message>`, ok},
		"references to characters":               {`<message>&#65;&#x41;&#x1F600;&#9;&#xA;&#13;&#x0000000041;</message>`, ok},
		"an ampersand alone":                     {`<message>a & b</message>`, bad},
		"an ampersand at the end":                {`<message>&</message>`, bad},
		"a reference without a semicolon":        {`<message>&lt </message>`, bad},
		"a reference without digits":             {`<message>&#;</message>`, bad},
		"a hexadecimal one without digits":       {`<message>&#x;</message>`, bad},
		"a capital X":                            {`<message>&#X41;</message>`, bad},
		"letters in a decimal reference":         {`<message>&#4A;</message>`, bad},
		"a reference to NUL":                     {`<message>&#0;</message>`, bad},
		"a reference to a control character":     {`<message a='&#x1F;'/>`, bad},
		"a reference to a surrogate":             {`<message>&#xD800;</message>`, bad},
		"a reference to U+FFFE":                  {`<message>&#xFFFE;</message>`, bad},
		"a reference beyond Unicode":             {`<message>&#x110000;</message>`, bad},
		"a reference that overflows":             {`<message>&#99999999999999999999;</message>`, bad},
		"characters of two, three, four bytes":   {"<message a='\u00e9\u20ac\U0001F600'>\u00e9\u20ac\U0001F600\ufeff\ufffd</message>", ok},
		"NUL":                                    {"<message>\x00</message>", bad},
		"a control character":                    {"<message>\x0b</message>", bad},
		"a control character in a value":         {"<message a='\x1b'/>", bad},
		"a control character in CDATA":           {"<message><![CDATA[\x01]]></message>", bad},
		"DEL":                                    {"<message>\x7f</message>", ok},
		"U+FFFE":                                 {"<message>\ufffe</message>", bad},
		"U+FFFF in a value":                      {"<message a='\uffff'/>", bad},
		"a byte that UTF-8 does not know":        {"<message>\xff</message>", bad},
		"a continuation byte alone":              {"<message>\x80</message>", bad},
		"a character cut short":                  {"<message>\xe2\x82</message>", bad},
		"an overlong form of a slash":            {"<message>\xc0\xaf</message>", bad},
		"an overlong form of three bytes":        {"<message>\xe0\x80\xaf</message>", bad},
		"a surrogate in UTF-8":                   {"<message>\xed\xa0\x80</message>", bad},
		"beyond Unicode in UTF-8":                {"<message>\xf4\x90\x80\x80</message>", bad},
		"bad UTF-8 in a value":                   {"<message a='\xc3('/>", bad},
		"bad UTF-8 in a name (CVE-2022-25235)":   {"<message><a\xc3(/></message>", bad},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := outcome(t, xmpp.NSClient, clientOpen+c.in, wide); got != c.want {
				t.Errorf("%q: got %s, want %s", c.in, got, c.want)
			}
		})
	}
}

// RFC 6120 §11.1; X1 and X2.
func TestRestrictedXML(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		`<!-- c -->`, `<!-`, `<!DOCTYPE lolz [<!ENTITY a "b">]>`, `<!D`, `<!ELEMENT a ANY>`, `<?php`, `<?xml version='1.0'?>`, `<?a?>`,
	} {
		for _, before := range []string{"", "<message>", "<message><body>text", "<message/> "} {
			if got := outcome(t, xmpp.NSClient, clientOpen+before+in, wide); !strings.HasSuffix(got, " restricted-xml") {
				t.Errorf("%s: %s", before+in, got)
			}
		}
	}
	for _, in := range []string{
		`<message>&nbsp;`, `<message>&lol1;`, `<message>&amp1;`, `<message a='&xxe;`, `<message>&LT;`, `<message>&a.very.long.name;`,
	} {
		if got := outcome(t, xmpp.NSClient, clientOpen+in, wide); got != "opened restricted-xml" {
			t.Errorf("%s: %s", in, got)
		}
	}
	for _, in := range []string{
		`<!DOCTYPE a SYSTEM "file:///etc/passwd">`, `<?xml version='1.0'?><!DOCTYPE a SYSTEM "http://127.0.0.1:1/">`, `<!-- -->`, `<?xml-stylesheet href='a'?>`,
		`<?xml version='1.0'?><?xml version='1.0'?>`,
	} {
		if got := outcome(t, xmpp.NSClient, in, wide); got != "restricted-xml" {
			t.Errorf("%s: %s", in, got)
		}
	}
}

func TestStreamHeader(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"as usual":                           {`<?xml version='1.0'?>` + clientOpen, "opened"},
		"without a declaration":              {clientOpen, "opened"},
		"an encoding":                        {`<?xml version="1.0" encoding="UTF-8"?>` + clientOpen, "opened"},
		"standalone":                         {`<?xml version="1.0" encoding='utf-8' standalone = 'yes' ?>` + clientOpen, "opened"},
		"standalone without encoding":        {`<?xml version='1.0' standalone='no'?>` + clientOpen, "opened"},
		"white space of the former stream":   {"\n <?xml version='1.0'?>\n" + clientOpen, "opened"},
		"another encoding":                   {`<?xml version='1.0' encoding='ISO-8859-1'?>` + clientOpen, "unsupported-encoding"},
		"UTF-16 with its mark":               {"\xff\xfe<\x00?\x00", "unsupported-encoding"},
		"UTF-16 without its mark":            {"\x00<\x00?", "unsupported-encoding"},
		"a byte order mark":                  {"\ufeff" + clientOpen, "not-well-formed"},
		"a declaration without version":      {`<?xml encoding='UTF-8'?>` + clientOpen, "not-well-formed"},
		"XML 1.1":                            {`<?xml version='1.1'?>` + clientOpen, "not-well-formed"},
		"standalone neither yes nor no":      {`<?xml version='1.0' standalone='x'?>` + clientOpen, "not-well-formed"},
		"encoding after standalone":          {`<?xml version='1.0' standalone='no' encoding='UTF-8'?>` + clientOpen, "not-well-formed"},
		"quotes that do not match":           {`<?xml version='1.0"?>` + clientOpen, "not-well-formed"},
		"no white space in the declaration":  {`<?xml version='1.0'encoding='UTF-8'?>` + clientOpen, "not-well-formed"},
		"a request of HTTP":                  {"GET / HTTP/1.1\r\n", "not-well-formed"},
		"an end tag first":                   {"</stream:stream>", "not-well-formed"},
		"CDATA first":                        {"<![CDATA[x]]>", "not-well-formed"},
		"another element":                    {`<message xmlns='jabber:client'/>`, "bad-format"},
		"an empty stream":                    {strings.TrimSuffix(clientOpen, ">") + "/>", "bad-format"},
		"another prefix":                     {`<s:stream xmlns:s='` + xmpp.NSStream + `' xmlns='jabber:client'><message/></s:stream>`, "opened stanza closed"},
		"an end tag of another prefix":       {`<s:stream xmlns:s='` + xmpp.NSStream + `' xmlns='jabber:client'></stream:stream>`, "opened not-well-formed"},
		"without prefixes":                   {`<stream xmlns='` + xmpp.NSStream + `'><message xmlns='jabber:client'/><error/></stream>`, "opened stanza nonza closed"},
		"no default namespace":               {`<s:stream xmlns:s='` + xmpp.NSStream + `'><message xmlns='jabber:client'/><message/>`, "opened stanza invalid-namespace"},
		"a stream of another namespace":      {`<stream:stream xmlns='jabber:client' xmlns:stream='urn:wrong'>`, "invalid-namespace"},
		"a stream of no namespace":           {`<stream>`, "invalid-namespace"},
		"the content namespace of servers":   {strings.Replace(clientOpen, "jabber:client", "jabber:server", 1), "invalid-namespace"},
		"a content namespace of their own":   {strings.Replace(clientOpen, "jabber:client", "urn:x", 1), "invalid-namespace"},
		"a header in which a prefix is gone": {`<stream:stream xmlns='jabber:client'>`, "not-well-formed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := outcome(t, xmpp.NSClient, c.in, wide); got != c.want {
				t.Errorf("%q: got %s, want %s", c.in, got, c.want)
			}
		})
	}
}

func TestTopLevel(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"the three kinds":                     {`<message/><presence/><iq/>`, "opened stanza stanza stanza"},
		"the end":                             {`</stream:stream>`, "opened closed"},
		"the end with white space":            {`</stream:stream` + "\n>", "opened closed"},
		"anything after the end":              {`</stream:stream>` + "<message/>\x00&", "opened closed"},
		"keepalives":                          {" \n\t\r <message/> \n <message/>\n", "opened stanza stanza"},
		"an unknown stanza":                   {`<letter/>`, "opened unsupported-stanza-type"},
		"a handshake, which is of components": {`<handshake/>`, "opened unsupported-stanza-type"},
		"the namespace of servers":            {`<message xmlns='jabber:server'/>`, "opened invalid-namespace"},
		"no namespace":                        {`<message xmlns=''/>`, "opened invalid-namespace"},
		"a content prefix":                    {`<c:message xmlns:c='jabber:client'/>`, "opened bad-namespace-prefix"},
		"a nonza":                             {`<r xmlns='urn:xmpp:sm:3'/>`, "opened nonza"},
		"a stanza within a nonza":             {`<a xmlns='urn:a'><message xmlns='jabber:client'/></a>`, "opened nonza"},
		"text":                                {`hello`, "opened bad-format"},
		"a reference":                         {`&#32;`, "opened bad-format"},
		"CDATA":                               {`<![CDATA[ ]]>`, "opened bad-format"},
		"NUL":                                 {"\x00", "opened not-well-formed"},
		"a byte order mark (X2)":              {"<message/>\ufeff<message/>", "opened stanza not-well-formed"},
		"the end of another element":          {`</message>`, "opened not-well-formed"},
		"a stream in a stream, without end":   {clientOpen, "opened"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := outcome(t, xmpp.NSClient, clientOpen+c.in, wide); got != c.want {
				t.Errorf("%q: got %s, want %s", c.in, got, c.want)
			}
		})
	}
	if got := outcome(t, xmpp.NSComponent, strings.Replace(clientOpen, "jabber:client", xmpp.NSComponent, 1)+"<handshake>aa</handshake><message/>", wide); got != "opened nonza stanza" {
		t.Errorf("a component's stream: %s", got)
	}
}

func TestErrorsDoNotRepeatWhatWasSent(t *testing.T) {
	t.Parallel()
	for _, in := range []string{`<secret`, `<message secret='1' secret='2'/>`, `<message>&secret;`, `<message><a></secret>`, `<secret:a/>`} {
		_, err := scan(NewScanner(xmpp.NSClient, wide), []byte(clientOpen+in+">"), whole)
		if err == nil || strings.Contains(fmt.Sprint(err), "secret") {
			t.Errorf("%s: %v", in, err)
		}
	}
}
