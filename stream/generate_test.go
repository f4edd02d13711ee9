package stream

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"palabre/xmpp"
)

// Whatever is well-formed is let through: here it is made, with all that XML allows to vary.
func TestWellFormedStanzasPass(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := stanzaText().Draw(t, "stanza")
		data := []byte(clientOpen + in)
		if err := refuse(data); err != nil && !errors.Is(err, errIncomplete) {
			t.Fatalf("the generator errs: %s: %v", in, err)
		}
		evs, err := scan(NewScanner(xmpp.NSClient, wide), data, whole)
		if err != nil || len(evs) != 2 || evs[1].Kind != Stanza {
			t.Fatalf("%s: %s", in, describe(evs, err))
		}
		checkCuts(t, data, describe(evs, err), rapid.Uint64().Draw(t, "cuts"))
		checkStanzas(t, evs)
	})
}

// stanzaText makes well-formed stanzas.
func stanzaText() *rapid.Generator[string] {
	blank := rapid.SampledFrom([]string{"", "", " ", "\n\t", "\r\n"})
	text := rapid.SliceOfN(rapid.SampledFrom([]string{
		"a", "]]", ">", "&gt;", "&amp;", "&#65;", "&#x1F600;", "&#13;", "\r\n", "\t", "é", "\U0001F600", "'", "\"", "=", "/", "&apos;", "&quot;", " ",
	}), 0, 5)
	name := rapid.SampledFrom([]string{"a", "b", "body", "x-1.y", "é", "_"})
	var element func(t *rapid.T, tag, scope string, depth int) string
	element = func(t *rapid.T, tag, scope string, depth int) string {
		var b strings.Builder
		b.WriteString("<" + tag)
		seen := map[string]bool{}
		for range rapid.IntRange(0, 4).Draw(t, "attrs") {
			n := rapid.SampledFrom([]string{"", "", "f:", "xml:"}).Draw(t, "prefix") + name.Draw(t, "attr")
			if !seen[n] {
				q := rapid.SampledFrom([]string{"'", `"`}).Draw(t, "quote")
				v := strings.ReplaceAll(strings.Join(text.Draw(t, "value"), ""), q, "")
				b.WriteString(" " + blank.Draw(t, "") + n + blank.Draw(t, "") + "=" + blank.Draw(t, "") + q + v + q)
			}
			seen[n] = true
		}
		if p := rapid.SampledFrom([]string{"", "", "p", "f", "q"}).Draw(t, "declares"); p != "" {
			b.WriteString("\nxmlns:" + p + "='urn:" + p + "'")
			scope += p
		}
		if depth < 3 && rapid.IntRange(0, 3).Draw(t, "default") == 0 {
			b.WriteString(" xmlns='" + rapid.SampledFrom([]string{"", "urn:d", "jabber:client"}).Draw(t, "default") + "'")
		}
		b.WriteString(blank.Draw(t, ""))
		if depth == 0 || rapid.IntRange(0, 3).Draw(t, "empty") == 0 {
			return b.String() + "/>"
		}
		b.WriteString(">")
		for range rapid.IntRange(0, 3).Draw(t, "children") {
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				// The blank keeps two texts side by side from making "]]>" together.
				b.WriteString(" " + strings.ReplaceAll(strings.Join(text.Draw(t, "text"), ""), "]]>", "]] >"))
			case 1:
				b.WriteString("<![CDATA[" + strings.ReplaceAll(strings.Join(text.Draw(t, "text"), "<"), "]]>", "]] >") + "]]>")
			default:
				n := name.Draw(t, "name")
				if p := rapid.SampledFrom(strings.Split("f"+scope, "")).Draw(t, "prefix"); rapid.Bool().Draw(t, "prefixed") {
					n = p + ":" + n
				}
				b.WriteString(element(t, n, scope, depth-1))
			}
		}
		return b.String() + "</" + tag + blank.Draw(t, "") + ">"
	}
	return rapid.Custom(func(t *rapid.T) string {
		return element(t, rapid.SampledFrom([]string{"message", "presence", "iq"}).Draw(t, "kind"), "", 3)
	})
}
