package muc

import (
	"strings"
	"testing"

	"palabre/xmpp"
)

func accept(p Policy, raw string) error {
	st, err := xmpp.ParseStanza(raw)
	if err != nil {
		return err
	}
	r := &Room{config: Config{Policy: p}}
	return r.acceptLocked(st)
}

// What a visit refuses, however it is disguised.
func TestAcceptInVisit(t *testing.T) {
	t.Parallel()
	chars := strings.Repeat("é", 10_000)
	for name, c := range map[string]struct{ inner, refusal string }{
		"text":                       {"<body>see https://example.org/p.png, at 10:30 or data: none</body>", ""},
		"words":                      {"<body>CID: 42, metadata:image/png, data: image/png; data:sheet/1, and more</body>", ""},
		"link to share (XEP-0363)":   {"<body>https://example.org/upload/1/p.png</body>", ""},
		"receipts, markers, states":  {"<body>x</body><request xmlns='urn:xmpp:receipts'/><active xmlns='http://jabber.org/protocol/chatstates'/><markable xmlns='urn:xmpp:chat-markers:0'/>", ""},
		"reply":                      {"<body>x</body><reply xmlns='urn:xmpp:reply:0' to='a@b/c' id='1'/>", ""},
		"10,000 characters":          {"<body>" + chars + "</body>", ""},
		"10,000 references":          {"<body>" + strings.Repeat("&amp;", 10_000) + "</body>", ""},
		"10,001 characters":          {"<body>" + chars + "x</body>", "not-acceptable"},
		"in two languages":           {"<body>" + chars + "</body><body xml:lang='fr'>x</body>", "not-acceptable"},
		"in a subject":               {"<body>x</body><subject>" + chars + "</subject>", "not-acceptable"},
		"in an unknown element":      {"<body>x</body><a xmlns='urn:x'><b>" + chars + "</b></a>", "not-acceptable"},
		"in a thread":                {"<body>x</body><thread>" + chars + "</thread>", "not-acceptable"},
		"in an attribute":            {"<body>x</body><a xmlns='urn:x' b='" + chars + "'/>", "policy-violation"},
		"in names":                   {"<body>x</body>" + strings.Repeat("<a xmlns='urn:x'/>", 1000), "policy-violation"},
		"correction (0308)":          {"<body>x</body><replace xmlns='urn:xmpp:message-correct:0' id='1'/>", "not-allowed"},
		"retraction (0424)":          {"<retract xmlns='urn:xmpp:message-retract:1' id='1'/>", "not-allowed"},
		"retraction as it was":       {"<apply-to xmlns='urn:xmpp:fasten:0' id='1'><retract xmlns='urn:xmpp:message-retract:0'/></apply-to>", "not-allowed"},
		"retraction as it will be":   {"<retract xmlns='urn:xmpp:message-retract:23' id='1'/>", "not-allowed"},
		"moderation (0425)":          {"<moderated xmlns='urn:xmpp:message-moderate:1' id='1'/>", "not-allowed"},
		"ephemeral":                  {"<body>x</body><ephemeral xmlns='urn:xmpp:ephemeral:0' timer='60'/>", "not-allowed"},
		"correction, inside":         {"<body>x</body><a xmlns='urn:x'><replace xmlns='urn:xmpp:message-correct:0' id='1'/></a>", "not-allowed"},
		"correction, with a prefix":  {"<body>x</body><c:replace xmlns:c='urn:xmpp:message-correct:0' id='1'/>", "not-allowed"},
		"out of band (0066)":         {"<body>x</body><x xmlns='jabber:x:oob'><url>https://example.org/p.png</url></x>", "policy-violation"},
		"out of band, with a prefix": {"<body>x</body><o:x xmlns:o='jabber:x:oob'/>", "policy-violation"},
		"out of band, inside":        {"<body>x</body><a xmlns='urn:x'><b><x xmlns='jabber:x:oob'/></b></a>", "policy-violation"},
		"XHTML (0071)":               {"<body>x</body><html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'>x</body></html>", "policy-violation"},
		"bits of binary (0231)":      {"<body>x</body><data xmlns='urn:xmpp:bob' cid='sha1+1@bob.xmpp.org'>AA==</data>", "policy-violation"},
		"reference (0372)":           {"<body>x</body><reference xmlns='urn:xmpp:reference:0' type='data' uri='https://example.org/p.png'/>", "policy-violation"},
		"media sharing (0385)":       {"<body>x</body><media-sharing xmlns='urn:xmpp:sims:1'/>", "policy-violation"},
		"file sharing (0447)":        {"<body>x</body><file-sharing xmlns='urn:xmpp:sfs:0'/>", "policy-violation"},
		"next file sharing":          {"<body>x</body><file-sharing xmlns='urn:xmpp:sfs:1'/>", "policy-violation"},
		"sticker (0449)":             {"<body>x</body><sticker xmlns='urn:xmpp:stickers:0'/>", "policy-violation"},
		"picture of somebody's own":  {"<body>x</body><a xmlns='urn:x'><IMG src='https://example.org/p.png'/></a>", "policy-violation"},
		"picture in the text":        {"<body>look: DATA:image/png;base64,AAAA</body>", "policy-violation"},
		"file in the text":           {"<body>&quot;data:;base64,AAAA&quot;</body>", "policy-violation"},
		"part of the stanza":         {"<body>x</body><a xmlns='urn:x' src=' CID:1@x'/>", "policy-violation"},
		"picture in an attribute":    {"<body>x</body><a xmlns='urn:x' src='data:image/gif,GIF'/>", "policy-violation"},
		"encrypted (0384)":           {"<body>x</body><encrypted xmlns='eu.siacs.conversations.axolotl'/>", "policy-violation"},
		"encrypted, newer":           {"<body>x</body><encrypted xmlns='urn:xmpp:omemo:2'/>", "policy-violation"},
	} {
		err := accept(Presets["visit"], "<message type='groupchat'>"+c.inner+"</message>")
		if got := condition(err); got != c.refusal {
			t.Errorf("%s: %v, want %q", name, err, c.refusal)
		}
		if err := accept(Presets["group"], "<message type='groupchat'>"+c.inner+"</message>"); err != nil {
			t.Errorf("%s, in a group: %v", name, err)
		}
	}
	if err := accept(Presets["visit"], "<message type='groupchat' id='"+strings.Repeat("i", mostMarkup)+"'><body>x</body></message>"); condition(err) != "policy-violation" {
		t.Errorf("in the id: %v", err)
	}
}

// The error says what the limit is, and how far the message is over it.
func TestAcceptSaysTheLimit(t *testing.T) {
	t.Parallel()
	err := accept(Presets["visit"], "<message><body>"+strings.Repeat("x", 12_345)+"</body></message>")
	if err == nil || !strings.Contains(err.Error(), "10,000") || !strings.Contains(err.Error(), "12,345") {
		t.Error(err)
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}

func condition(err error) string {
	if err == nil {
		return ""
	}
	e, ok := err.(*xmpp.Error)
	if !ok {
		return err.Error()
	}
	return string(e.Condition)
}
