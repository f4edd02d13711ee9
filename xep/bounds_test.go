package xep_test

import (
	"fmt"
	"strings"
	"testing"

	"palabre/server/servertest"
)

const refused = `<error type='modify'><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>`

// repeat writes an XML fragment for each number from 0 to n-1.
func repeat(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// What an account keeps is bounded, and what is refused changes nothing.
func TestBounds(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	big := strings.Repeat("x", 200<<10)
	for name, transcript := range map[string]string{
		"vcard": `
romeo.v -> <iq type='set' id='1'><vCard xmlns='vcard-temp'><FN>Romeo</FN></vCard></iq>
romeo.v <~ <iq type='result' id='1'/>
romeo.v -> <iq type='set' id='2'><vCard xmlns='vcard-temp'><DESC>` + big[:130<<10] + `</DESC></vCard></iq>
romeo.v <~ <iq type='error' id='2'>` + refused + `</iq>
romeo.v -> <iq type='get' id='3'><vCard xmlns='vcard-temp'/></iq>
romeo.v <~ <iq type='result' id='3'><vCard xmlns='vcard-temp'><FN>Romeo</FN></vCard></iq>`,

		"private, number": `
paris.p -> <iq type='set' id='1'><query xmlns='jabber:iq:private'>` + repeat(100, "<a xmlns='urn:x:%d'>b</a>") + `</query></iq>
paris.p <~ <iq type='result' id='1'/>
paris.p -> <iq type='set' id='2'><query xmlns='jabber:iq:private'><a xmlns='urn:y'>b</a></query></iq>
paris.p <~ <iq type='error' id='2'>` + refused + `</iq>
paris.p -> <iq type='set' id='3'><query xmlns='jabber:iq:private'><a xmlns='urn:x:7'/><a xmlns='urn:y'>b</a></query></iq>
paris.p <~ <iq type='result' id='3'/>`,

		"private, size": `
juliet.p -> <iq type='set' id='1'><query xmlns='jabber:iq:private'><a xmlns='urn:1'>` + big + `</a></query></iq>
juliet.p <~ <iq type='result' id='1'/>
juliet.p -> <iq type='set' id='2'><query xmlns='jabber:iq:private'><a xmlns='urn:2'>` + big + `</a></query></iq>
juliet.p <~ <iq type='result' id='2'/>
juliet.p -> <iq type='set' id='3'><query xmlns='jabber:iq:private'><a xmlns='urn:3'>` + big + `</a></query></iq>
juliet.p <~ <iq type='error' id='3'>` + refused + `</iq>
juliet.p -> <iq type='get' id='4'><query xmlns='jabber:iq:private'><a xmlns='urn:3'/></query></iq>
juliet.p <- <iq type='result' id='4' from='juliet@example.org' to='juliet@example.org/p'><query xmlns='jabber:iq:private'><a xmlns='urn:3'/></query></iq>`,

		"blocking": `
tybalt.b -> <iq type='set' id='1'><block xmlns='urn:xmpp:blocking'>` + repeat(1000, "<item jid='u%d@example.net'/>") + `</block></iq>
tybalt.b <~ <iq type='result' id='1'/>
tybalt.b -> <iq type='set' id='2'><block xmlns='urn:xmpp:blocking'><item jid='u1@example.net'/></block></iq>
tybalt.b <~ <iq type='result' id='2'/>
tybalt.b -> <iq type='set' id='3'><block xmlns='urn:xmpp:blocking'><item jid='more@example.net'/></block></iq>
tybalt.b <~ <iq type='error' id='3'>` + refused + `</iq>
tybalt.b -> <iq type='set' id='4'><unblock xmlns='urn:xmpp:blocking'>` + repeat(1001, "<item jid='u%d@example.net'/>") + `</unblock></iq>
tybalt.b <~ <iq type='error' id='4'>` + refused + `</iq>
tybalt.b -> <iq type='set' id='5'><unblock xmlns='urn:xmpp:blocking'/></iq>
tybalt.b <~ <iq type='result' id='5'/>
tybalt.b -> <iq type='get' id='6'><blocklist xmlns='urn:xmpp:blocking'/></iq>
tybalt.b <- <iq type='result' id='6' from='tybalt@example.org' to='tybalt@example.org/b'><blocklist xmlns='urn:xmpp:blocking'/></iq>`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			servertest.Play(t, s, name, transcript)
		})
	}
}
