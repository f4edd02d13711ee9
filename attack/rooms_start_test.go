package attack

import (
	"fmt"
	"strings"
	"testing"

	"palabre/xmpp"
)

// TestF10Start: who makes rooms by the command, and invites people to them, is bounded as by other ways; what can't be is refused whole, and leaves no room behind.
func TestF10Start(t *testing.T) {
	t.Parallel()
	s := start(t)
	evil, victim := s.login(t, mallory, "pc"), s.present(t, juliet, "balcony")
	run := func(fields string) node {
		t.Helper()
		_, answer := evil.ask("<iq type='set' id='q' to='conference.example.org'><command xmlns='http://jabber.org/protocol/commands' node='urn:palabre:room:start'><x xmlns='" + nsForm + "' type='submit'>" + fields + "</x></command></iq>")
		return answer
	}
	for _, fields := range []string{
		field("people", "@"), field("people", "nobody@example.org"), field("people", "example.org"), field("people", "x@conference.example.org"), field("people", "juliet@example.org") + field("preset", "ballroom"),
		field("people", "juliet@example.org") + field("preset", "webinar"), field("people", "juliet@example.org", "@"), field("people", "juliet@example.org") + field("name", strings.Repeat("n", 50_000)),
		field("people", "juliet@example.org") + field("reason", strings.Repeat("r", 50_000)), field("people", strings.Split(strings.TrimSpace(strings.Repeat("juliet@example.org,@ ", 1500)), " ")...),
	} {
		if answer := run(fields); answer.condition() == "" {
			t.Errorf("%.200s: %.300v", fields, answer)
		}
	}
	victim.hearsNothing()
	made, refused := 0, 0
	for i := range 250 {
		if answer := run(field("people", "juliet@example.org") + field("name", fmt.Sprint("room ", i))); answer.condition() == "" {
			made++
		} else {
			refused++
		}
	}
	invited := strings.Count(victim.fence(), "<invite ")
	if made == 0 || made > 110 || invited > 110 || invited < made {
		t.Errorf("%d rooms are made, %d refused, and the victim is invited %d times", made, refused, invited)
	}
	_, mine := evil.ask("<iq type='get' id='q' to='conference.example.org'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>")
	if strings.Contains(deep(mine), "room 2") {
		t.Errorf("hidden rooms are listed: %.500s", deep(mine))
	}
	// Accounts of another domain do not.
	_, answer := s.login(t, xmpp.MustParseJID("tybalt@example.net"), "x").ask("<iq type='set' id='q' to='conference.example.org'><command xmlns='http://jabber.org/protocol/commands' node='urn:palabre:room:start'/></iq>")
	if answer.condition() == "" {
		t.Errorf("somebody of another domain makes a room: %v", answer)
	}
}
