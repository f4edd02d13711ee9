package history

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"palabre/xmpp"
)

func prefsOf(t testing.TB, text string) (*preferences, error) {
	t.Helper()
	e, err := xmpp.Parse(text, "")
	if err != nil {
		t.Fatal(err)
	}
	return parsePreferences(e)
}

// XEP-0441 §2.1, §2.3.1.
func TestPreferences(t *testing.T) {
	t.Parallel()
	p, err := prefsOf(t, "<prefs xmlns='"+ns+"' default='roster'><never><jid>a@b</jid><jid>c@d/e</jid><jid>x@y</jid></never>"+
		"<always><jid>f@g</jid><jid>x@y/z</jid></always><other xmlns='urn:x'/></prefs>")
	if err != nil {
		t.Fatal(err)
	}
	for who, want := range map[string]policy{
		"a@b": never, "a@b/r": never, "c@d": roster, "c@d/e": never, "c@d/f": roster, "f@g": always, "f@g/h": always,
		"x@y": never, "x@y/z": never, "b": roster, "n@n": roster,
	} {
		if got := p.of(xmpp.MustParseJID(who)); got != want {
			t.Errorf("%s: %s, not %s", who, got, want)
		}
	}
	again, err := prefsOf(t, p.element().String())
	if err != nil || again.element().String() != p.element().String() {
		t.Errorf("%s became %v: %v", p.element(), again, err)
	}
}

func TestBadPreferences(t *testing.T) {
	t.Parallel()
	list := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "<jid>u%d@example.org</jid>", i)
		}
		return b.String()
	}
	for name, c := range map[string]struct {
		in   string
		want *xmpp.Error
	}{
		"no default":        {"", xmpp.ErrBadRequest},
		"another default":   {" default='sometimes'", xmpp.ErrBadRequest},
		"in capitals":       {" default='Always'", xmpp.ErrBadRequest},
		"two lists":         {" default='never'><always/><always/", xmpp.ErrBadRequest},
		"something else":    {" default='never'><always><item>a@b</item></always", xmpp.ErrBadRequest},
		"no address":        {" default='never'><always><jid/></always", xmpp.ErrJIDMalformed},
		"not an address":    {" default='never'><never><jid>a@b@c</jid></never", xmpp.ErrJIDMalformed},
		"too many":          {" default='never'><never>" + list(mostNamed+1) + "</never", xmpp.ErrPolicyViolation},
		"too many together": {" default='never'><never>" + list(mostNamed) + "</never><always>" + list(1) + "</always", xmpp.ErrPolicyViolation},
	} {
		text := "<prefs xmlns='" + ns + "'" + c.in + "></prefs>"
		p, err := prefsOf(t, text)
		var got *xmpp.Error
		if !errors.As(err, &got) || got.Condition != c.want.Condition {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
	if p, err := prefsOf(t, "<prefs xmlns='"+ns+"' default='never'><never>"+list(mostNamed)+"</never></prefs>"); err != nil || len(p.never) != mostNamed {
		t.Errorf("as many as may be: %v", err)
	}
}

// What was read before a change does not count after it, and what is remembered is bounded.
func TestCache(t *testing.T) {
	t.Parallel()
	var c cache
	var slot loaded
	before, after := &preferences{other: always}, &preferences{other: never}
	p, at := c.get(romeo)
	if p != nil {
		t.Errorf("it has %v", p)
	}
	c.forget(romeo, &slot) // while somebody reads
	c.put(romeo, &slot, before, at)
	if p, at = c.get(romeo); p != nil || slot.Load() != nil {
		t.Errorf("it remembers %v", p)
	}
	c.put(romeo, &slot, after, at)
	if p, _ = c.get(romeo); p != after || slot.Load() != after {
		t.Errorf("it remembers %v and %v, not what was read last", p, slot.Load())
	}
	for i := range mostCached + 10 {
		c.put(xmpp.MustParseJID(fmt.Sprintf("u%d@example.org", i)), nil, before, at)
	}
	if len(c.m) > mostCached {
		t.Errorf("it remembers %d", len(c.m))
	}
	c.forget(romeo, &slot)
	if p, _ = c.get(romeo); p != nil || slot.Load() != nil {
		t.Errorf("it has not forgotten %v", p)
	}
}
