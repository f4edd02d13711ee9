package muc

import (
	"fmt"
	"strings"
	"testing"

	"palabre/xmpp"
)

// What the lists of a form change is bounded like any request about people; who belongs to the room already takes no place.
func TestAppointed(t *testing.T) {
	t.Parallel()
	admins := func(n int) xmpp.Form {
		var names []string
		for i := range n {
			names = append(names, fmt.Sprintf("u%d@example.net", i))
		}
		return said(fieldAdmins + "=" + strings.Join(names, "|"))
	}
	for name, c := range map[string]struct {
		form    xmpp.Form
		members int // at most
		refusal string
	}{
		"many":              {admins(mostChanges), 50_000, ""},
		"too many at once":  {admins(mostChanges + 1), 50_000, "not-acceptable"},
		"members rise":      {admins(2), 3, ""},
		"more than members": {admins(3), 3, "resource-constraint"},
	} {
		r := roomOf()
		r.service.opts.Limits.Members = c.members
		for local, a := range map[string]Affiliation{"owner": Owner, "u0": Member, "u1": Member} {
			j := xmpp.MustParseJID(local + "@example.net")
			r.people[j] = &Person{Account: j, Affiliation: a}
		}
		if _, err := r.appointedLocked(c.form); condition(err) != c.refusal {
			t.Errorf("%s: %v", name, err)
		}
	}
}
