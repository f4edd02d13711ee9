package servertest

import (
	"fmt"
	"maps"
	"regexp"
	"strings"

	"palabre/xmpp"
)

var placeholder = regexp.MustCompile(`\{[A-Za-z0-9_*]+\}`)

// variables are the values that a transcript has remembered.
type variables map[string]string

func (v variables) fill(s string) string {
	return placeholder.ReplaceAllStringFunc(s, func(p string) string {
		if val, ok := v[p]; ok {
			return string(xmpp.AppendAttr(nil, "", val)[3 : len(xmpp.AppendAttr(nil, "", val))-1])
		}
		return p
	})
}

// value compares one value with what is expected, and remembers.
func (v variables) value(want, got string) bool {
	loc := placeholder.FindStringIndex(want)
	if loc == nil {
		return want == got
	}
	name := want[loc[0]:loc[1]]
	if known, ok := v[name]; ok {
		return v.value(want[:loc[0]]+known+want[loc[1]:], got)
	}
	before, after := want[:loc[0]], want[loc[1]:]
	if len(got) < len(before)+len(after) || !strings.HasPrefix(got, before) || !strings.HasSuffix(got, after) {
		return false
	}
	if name != "{*}" {
		v[name] = got[len(before) : len(got)-len(after)]
	}
	return true
}

// exactly says how got differs from want; empty if it does not.
func (v variables) exactly(want, got xmpp.Element) string {
	if d := v.atLeast(want, got); d != "" {
		return d
	}
	if len(got.Attrs) != len(want.Attrs) {
		return fmt.Sprintf("<%s> has %d attributes, not %d", got.Name.Local, len(got.Attrs), len(want.Attrs))
	}
	w, g := want.Elements(), got.Elements()
	if len(w) != len(g) {
		return fmt.Sprintf("<%s> has %d children, not %d", got.Name.Local, len(g), len(w))
	}
	for i := range w {
		if d := v.exactly(w[i], g[i]); d != "" {
			return d
		}
	}
	if text(want) == "" && text(got) != "" {
		return fmt.Sprintf("<%s> has the text %q, not none", got.Name.Local, text(got))
	}
	return ""
}

// inParts says how got differs from want in its type, in the attributes that want has, and in the children that want has, each of which is to be found exactly,
// whatever the order of what is in it; empty if it does not.
func (v variables) inParts(want, got xmpp.Element) string {
	if kind := (xmpp.Name{Local: "type"}); attr(want, kind) == "" && attr(got, kind) != "" {
		return fmt.Sprintf("<%s> is of the type %s", got.Name.Local, attr(got, kind))
	}
	if d := v.atLeast(xmpp.Element{Name: want.Name, Attrs: want.Attrs}, got); d != "" {
		return d
	}
	return v.pair(want.Elements(), got, variables.exactlyInAnyOrder)
}

// exactlyInAnyOrder is exactly, but that the order of children does not count.
func (v variables) exactlyInAnyOrder(want, got xmpp.Element) string {
	if d := v.atLeast(xmpp.Element{Name: want.Name, Attrs: want.Attrs}, got); d != "" {
		return d
	}
	switch {
	case len(got.Attrs) != len(want.Attrs):
		return fmt.Sprintf("<%s> has %d attributes, not %d", got.Name.Local, len(got.Attrs), len(want.Attrs))
	case len(want.Elements()) != len(got.Elements()):
		return fmt.Sprintf("<%s> has %d children, not %d", got.Name.Local, len(got.Elements()), len(want.Elements()))
	case !v.value(text(want), text(got)):
		return fmt.Sprintf("<%s> has the text %q, not %q", got.Name.Local, text(got), text(want))
	}
	return v.pair(want.Elements(), got, variables.exactlyInAnyOrder)
}

// pair finds each of the wanted elements among the children of got, none twice. What it remembers of those that differ it forgets.
func (v variables) pair(wanted []xmpp.Element, got xmpp.Element, differ func(v variables, want, got xmpp.Element) string) string {
	taken := map[int]bool{}
	for _, w := range wanted {
		why := "missing"
		for i, g := range got.Elements() {
			if taken[i] || g.Name != w.Name {
				continue
			}
			trial := maps.Clone(v)
			if why = differ(trial, w, g); why == "" {
				taken[i] = true
				maps.Copy(v, trial)
				break
			}
		}
		if why != "" {
			return fmt.Sprintf("<%s> in <%s>: %s", w.Name.Local, got.Name.Local, why)
		}
	}
	return ""
}

// atLeast says what of want is missing in got; empty if nothing is.
func (v variables) atLeast(want, got xmpp.Element) string {
	if want.Name != got.Name {
		return fmt.Sprintf("{%s}%s, not {%s}%s", got.Name.Space, got.Name.Local, want.Name.Space, want.Name.Local)
	}
	for _, a := range want.Attrs {
		if !v.value(a.Value, attr(got, a.Name)) {
			return fmt.Sprintf("<%s> has %s=%q, not %q", got.Name.Local, a.Name.Local, attr(got, a.Name), a.Value)
		}
	}
	if t := text(want); t != "" && !v.value(t, text(got)) {
		return fmt.Sprintf("<%s> has the text %q, not %q", got.Name.Local, text(got), t)
	}
	return v.children(want, got)
}

// children finds each child of want among those of got, in any order, none twice.
func (v variables) children(want, got xmpp.Element) string {
	taken := map[int]bool{}
	for _, w := range want.Elements() {
		found, why := false, "missing"
		for i, g := range got.Elements() {
			if taken[i] {
				continue
			}
			d := v.atLeast(w, g)
			if d == "" {
				taken[i], found = true, true
				break
			}
			if g.Name == w.Name {
				why = d
			}
		}
		if !found {
			return fmt.Sprintf("<%s> in <%s>: %s", w.Name.Local, got.Name.Local, why)
		}
	}
	return ""
}

func attr(e xmpp.Element, n xmpp.Name) string {
	for _, a := range e.Attrs {
		if a.Name == n {
			return a.Value
		}
	}
	return ""
}

// text is what stands in an element; white space around elements does not count.
func text(e xmpp.Element) string {
	if len(e.Elements()) > 0 {
		return strings.TrimSpace(e.Content())
	}
	return e.Content()
}
