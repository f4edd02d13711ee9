package history

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"palabre/xmpp"
)

// TestSpans compares spans that were brought into order with what they mean.
func TestSpans(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		edge := rapid.SampledFrom([]int64{-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, math.MaxInt64 - 1, math.MaxInt64})
		spans := make([]Span, rapid.IntRange(0, 6).Draw(r, "spans"))
		for i := range spans {
			spans[i] = Span{edge.Draw(r, "since"), edge.Draw(r, "until")}
		}
		got := ordered(spans)
		for i, s := range got {
			if s.Since >= s.Until-1 || i > 0 && s.Since < got[i-1].Until {
				r.Fatalf("%v become %v", spans, got)
			}
		}
		for id := int64(1); id < 12; id++ {
			want := false
			for _, s := range spans {
				want = want || id > s.Since && (s.Until == 0 || id < s.Until)
			}
			parts := 0
			for _, s := range got {
				if q, ok := (Query{After: id - 1, Before: id + 1}).in(s); ok && q.After == id-1 && q.Before == id+1 {
					parts++
				}
			}
			if holds(got, id) != want || parts > 1 || (parts == 1) != want {
				r.Fatalf("%v become %v: %d is in %d parts, and is held: %v", spans, got, id, parts, holds(got, id))
			}
		}
	})
}

// TestWithoutSender: what says who has sent a message is cut off its end, and nothing else is.
func TestWithoutSender(t *testing.T) {
	t.Parallel()
	const who = "<x xmlns='http://jabber.org/protocol/muc#user'><item jid='a@b/c'/></x>"
	for inner, want := range map[string]string{
		"<body>x</body><o/>" + who: "<body>x</body><o/>",
		who:                        "",
		"":                         "",
		"<body>x</body><o/>":       "<body>x</body><o/>",
		who + "<o/>":               who + "<o/>",
		"<a xmlns='urn:x'>" + who + "</a><o/>" + who:             "<a xmlns='urn:x'>" + who + "</a><o/>",
		"<a xmlns='urn:x'>" + who + "</a><o/>":                   "<a xmlns='urn:x'>" + who + "</a><o/>",
		"<body>" + string(xmpp.AppendText(nil, who)) + "</body>": "<body>" + string(xmpp.AppendText(nil, who)) + "</body>",
	} {
		for _, tag := range []string{"<message from='a@b/&gt;'>", "<message xmlns:x='urn:x' x:y=\"'>\">"} {
			st, err := xmpp.ParseStanza(tag + inner + "</message>")
			if err != nil {
				t.Fatal(inner, err)
			}
			stored, start := render(st)
			before := string(stored)
			if got := string(withoutSender(stored)); got != before[:start]+want+"</message>" || string(stored) != before {
				t.Errorf("%s: %s of %s", inner, got, stored)
			}
		}
	}
}

// TestWorthOfRoom is the rule for rooms.
func TestWorthOfRoom(t *testing.T) {
	t.Parallel()
	m := testModule(t)
	const body = "<body>hi</body>"
	for message, want := range map[string]bool{
		body:                    true,
		"<subject>hi</subject>": true,
		"<subject/>":            true,
		"<thread>hi</thread>":   false,
		"":                      false,
		body + "<no-store xmlns='urn:xmpp:hints'/>":                                          false,
		body + "<no-permanent-store xmlns='urn:xmpp:hints'/><store xmlns='urn:xmpp:hints'/>": false,
		body + "<no-copy xmlns='urn:xmpp:hints'/>":                                           true,
		"<x xmlns='urn:x'/><store xmlns='urn:xmpp:hints'/>":                                  true,
		"<composing xmlns='http://jabber.org/protocol/chatstates'/>":                         false,
		"<composing xmlns='http://jabber.org/protocol/chatstates'/>" + body:                  true,
		"<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>":                                false,
		"<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/><store xmlns='urn:xmpp:hints'/>": true,
		"<received xmlns='urn:xmpp:receipts' id='1'/>":                                       false,
		"<reactions xmlns='urn:xmpp:reactions:0' id='1'/>":                                   true,
		"<retract xmlns='urn:xmpp:message-retract:1' id='1'/>":                               true,
		"<apply-to xmlns='urn:xmpp:fasten:0' id='1'/>":                                       true,
		"<encrypted xmlns='eu.siacs.conversations.axolotl'/>":                                true,
		"<invite xmlns='urn:xmpp:call-invites:0'/>":                                          true,
		"<x xmlns='http://jabber.org/protocol/muc#user'><status code='104'/></x>":            false,
		"<x xmlns='http://jabber.org/protocol/muc#user'><invite to='a@b'/></x>":              false,
		"<x xmlns='jabber:x:data' type='submit'/>":                                           false,
	} {
		for _, typ := range []string{"groupchat", "chat", "normal", "error"} {
			st, err := xmpp.ParseStanza("<message type='" + typ + "'>" + message + "</message>")
			if err != nil {
				t.Fatal(err)
			}
			if got := m.WorthOfRoom(st); got != (want && typ == "groupchat") {
				t.Errorf("%s: %v", st, got)
			}
		}
	}
}
