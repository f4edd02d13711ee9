package xep

import (
	"testing"

	"palabre/server"
	"palabre/xmpp"
)

func parseQuery(t *testing.T, inner string) answer {
	t.Helper()
	q, err := xmpp.Parse("<query>"+inner+"</query>", server.NSDiscoInfo)
	if err != nil {
		t.Fatal(err)
	}
	a, err := readAnswer(q, "")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

const (
	exodus = `<identity category='client' name='Exodus 0.9.1' type='pc'/><feature var='http://jabber.org/protocol/caps'/>
		<feature var='http://jabber.org/protocol/disco#info'/><feature var='http://jabber.org/protocol/disco#items'/><feature var='http://jabber.org/protocol/muc'/>`
	psi = `<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/><identity xml:lang='el' category='client' name='Ψ 0.11' type='pc'/>
		<feature var='http://jabber.org/protocol/caps'/><feature var='http://jabber.org/protocol/disco#info'/><feature var='http://jabber.org/protocol/disco#items'/>
		<feature var='http://jabber.org/protocol/muc'/><x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field>
		<field var='ip_version' type='text-multi'><value>ipv4</value><value>ipv6</value></field><field var='os'><value>Mac</value></field><field var='os_version'><value>10.5.1</value></field>
		<field var='software'><value>Psi</value></field><field var='software_version'><value>0.11</value></field></x>`
	bombus = `<identity category="client" name="BombusMod" type="mobile"/><feature var="http://jabber.org/protocol/si"/><feature var="http://jabber.org/protocol/bytestreams"/>
		<feature var="http://jabber.org/protocol/chatstates"/><feature var="http://jabber.org/protocol/disco#info"/><feature var="http://jabber.org/protocol/disco#items"/>
		<feature var="urn:xmpp:ping"/><feature var="jabber:iq:time"/><feature var="jabber:iq:privacy"/><feature var="jabber:iq:version"/>
		<feature var="http://jabber.org/protocol/rosterx"/><feature var="urn:xmpp:time"/><feature var="jabber:x:oob"/><feature var="http://jabber.org/protocol/ibb"/>
		<feature var="http://jabber.org/protocol/si/profile/file-transfer"/><feature var="urn:xmpp:receipts"/><feature var="jabber:iq:roster"/><feature var="jabber:iq:last"/>`
)

// The examples of XEP-0115 §5.2 and §5.3.
func TestLegacyHash(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ query, hash string }{
		"simple":  {exodus, "QgayPKawpkPSDYmwT/WM94uAlu0="},
		"complex": {psi, "q07IKJEyjvHSyhy//CH0CxmKi8w="},
	} {
		input, safe, err := parseQuery(t, c.query).legacyInput()
		if err != nil || !safe || hashed("sha-1", input) != c.hash {
			t.Errorf("%s: %s (%q), %v, %v", name, hashed("sha-1", input), input, safe, err)
		}
	}
}

// The example of XEP-0390 §4.5.1.
func TestHash(t *testing.T) {
	t.Parallel()
	input, err := parseQuery(t, bombus).input()
	if err != nil {
		t.Fatal(err)
	}
	for algo, want := range map[string]string{
		"sha-256":  "kzBZbkqJ3ADrj7v08reD1qcWUwNGHaidNUgD7nHpiw8=",
		"sha3-256": "79mdYAfU9rEdTOcWDO7UEAt6E56SUzk/g6TnqUeuD9Q=",
	} {
		if got := hashed(algo, input); got != want {
			t.Errorf("%s: %s", algo, got)
		}
	}
}

// XEP-0115 §5.4.
func TestLegacyRefuses(t *testing.T) {
	t.Parallel()
	form := `<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field></x>`
	for name, query := range map[string]string{
		"identity twice": `<identity category='client' type='pc'/><identity category='client' type='pc'/>`,
		"feature twice":  `<feature var='a'/><feature var='b'/><feature var='a'/>`,
		"form twice":     form + form,
	} {
		if _, _, err := parseQuery(t, query).legacyInput(); err == nil {
			t.Errorf("%s: it has a hash", name)
		}
	}
}

// XEP-0115 §9.3: answers that have the hash of another one, and other features.
func TestLegacyPassedOff(t *testing.T) {
	t.Parallel()
	honest, _, _ := parseQuery(t, `<identity category='client' type='pc'/><feature var='http://a/b/c'/><feature var='urn:b'/><feature var='urn:c'/>`).legacyInput()
	for name, query := range map[string]string{
		"feature as identity": `<identity category='client' type='pc'/><identity category='http:' type='' xml:lang='a' name='b/c'/><feature var='urn:b'/><feature var='urn:c'/>`,
		"identity's slashes":  `<identity category='client/pc' type='' name='&lt;http://a/b/c'/><feature var='urn:b'/><feature var='urn:c'/>`,
		"name with all":       `<identity category='client' type='pc' name='&lt;http://a/b/c&lt;urn:b&lt;urn:c'/>`,
		"feature with more":   `<identity category='client' type='pc'/><feature var='http://a/b/c&lt;urn:b&lt;urn:c'/>`,
		"features as a form": `<identity category='client' type='pc'/><feature var='http://a/b/c'/><x xmlns='jabber:x:data' type='result'>
			<field var='FORM_TYPE' type='hidden'><value>urn:b</value></field><field var='urn:c'/></x>`,
	} {
		input, safe, err := parseQuery(t, query).legacyInput()
		if safe && err == nil {
			t.Errorf("%s: it counts for others", name)
		}
		if name != "identity's slashes" && string(input) != string(honest) {
			t.Errorf("%s: this is no attack: %q, not %q", name, input, honest)
		}
	}
}
