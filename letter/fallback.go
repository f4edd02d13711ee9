package letter

import (
	"strconv"

	"palabre/xmpp"
)

// withoutFallback cuts out of a body what stands there for clients that do not know what a namespace is for (XEP-0428).
func withoutFallback(st *xmpp.Stanza, text, space string) string {
	for _, c := range st.Children {
		if c.Name != (xmpp.Name{Space: nsFallback, Local: "fallback"}) {
			continue
		}
		if e, err := xmpp.ParseIn(st.RawChild(c), xmpp.NSClient, st.Extra); err == nil && e.Attr("for") == space {
			return withoutRange(text, e)
		}
	}
	return text
}

// withoutRange cuts out the first part of a body that a <fallback/> names, in characters; all of it if none is named.
func withoutRange(text string, fallback xmpp.Element) string {
	part, ok := fallback.Child(nsFallback, "body")
	switch {
	case !ok && len(fallback.Elements()) > 0: // it is about the subject alone
		return text
	case !ok, !part.HasAttr("start") && !part.HasAttr("end"):
		return ""
	}
	runes := []rune(text)
	start, err := strconv.Atoi(part.Attr("start"))
	if err != nil || start < 0 {
		start = 0
	}
	end, err := strconv.Atoi(part.Attr("end"))
	if err != nil || end > len(runes) {
		end = len(runes)
	}
	if start >= end {
		return text
	}
	return string(runes[:start]) + string(runes[end:])
}
