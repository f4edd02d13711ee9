package attack

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestF10Invitations: who invites without end is stopped, one person at a time or many at once; nobody is invited again and again.
func TestF10Invitations(t *testing.T) {
	t.Parallel()
	s := start(t)
	evil, victim := s.login(t, mallory, "pc"), s.present(t, juliet, "balcony")
	room := s.open(evil, "flood", "open")
	const times = 300
	var b strings.Builder
	for i := range times {
		fmt.Fprintf(&b, "<message id='i%d' to='%s'><x xmlns='%s'><invite to='juliet@example.org'/></x></message>", i, room, nsUser)
	}
	evil.send(b.String())
	refused := 0
	for _, n := range parse(t, evil.fence()) {
		if c := n.condition(); c != "" {
			refused++
			if !slices.Contains([]string{"policy-violation", "resource-constraint", "not-allowed", "not-acceptable"}, c) {
				t.Errorf("refused with %s", c)
			}
		}
	}
	heard := len(of("message", parse(t, victim.fence())))
	if heard == 0 || heard > 100 || heard+refused < times {
		t.Errorf("the victim is invited %d times of %d, %d are refused", heard, times, refused)
	}
	// Many in one message.
	many := s.strangers(t, 50)
	b.Reset()
	for i := range 1000 {
		fmt.Fprintf(&b, "<invite to='%s'/>", many[i%len(many)])
	}
	evil.send("<message id='many' to='" + room + "'><x xmlns='" + nsUser + "'>" + b.String() + "</x></message>")
	if got := parse(t, evil.fence()); len(got) != 1 || got[0].condition() == "" {
		t.Errorf("a thousand invitations in one message: %v", got)
	}
	victim.hearsNothing()
	long := "<reason>" + strings.Repeat("r", 50_000) + "</reason>"
	for _, inside := range []string{"<invite to='juliet@example.org'>" + long + "</invite>", "<decline to='mallory@example.org'>" + long + "</decline>"} {
		victim.send("<message id='long' to='" + room + "'><x xmlns='" + nsUser + "'>" + inside + "</x></message>")
		if got := parse(t, victim.fence()); len(got) != 1 || got[0].condition() == "" {
			t.Errorf("%.100s: %.300v", inside, got)
		}
	}
	if got := evil.fence(); got != "" {
		t.Errorf("there comes %.500s", got)
	}
}

// TestF10Declines: who declines writes to nobody but people of the room, and not without end; who is banned, or inside, does not decline.
func TestF10Declines(t *testing.T) {
	t.Parallel()
	s := start(t)
	host, evil, stranger := s.login(t, juliet, "balcony"), s.login(t, mallory, "pc"), s.login(t, tybalt, "street")
	for _, w := range []*wire{host, stranger} {
		w.send("<presence/>")
		w.fence()
	}
	room := s.open(host, "declined", "open")
	decline := func(to string) string {
		return "<message id='d' to='" + room + "'><x xmlns='" + nsUser + "'><decline to='" + to + "'><reason>buy</reason></decline></x></message>"
	}
	evil.send(strings.Repeat(decline("tybalt@example.org"), 5) + decline("tybalt@example.org/street") + decline(room+"/Nobody") + decline("@"))
	evil.fence()
	stranger.hearsNothing()
	evil.send(strings.Repeat(decline("juliet@example.org"), 300))
	evil.fence()
	if n := strings.Count(host.fence(), "<decline"); n > 100 {
		t.Errorf("300 times declined, it is told %d times", n)
	}
	host.send(admin("set", "b", room, "<item jid='mallory@example.org' affiliation='outcast'/>"))
	host.until("id='b'")
	host.fence()
	evil.send(decline("juliet@example.org"))
	evil.fence()
	host.hearsNothing()
}

// TestF12Presence: many changes of presence, and long ones, hold nobody up; in the end everybody knows what holds now, and what is too long is not told.
func TestF12Presence(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	host, evil, other := s.login(t, juliet, "balcony"), s.login(t, mallory, "pc"), s.login(t, romeo, "orchard")
	room := s.open(host, "presence", "open")
	evil.enters(room, "Mallory")
	other.enters(room, "Romeo")
	host.fence()
	evil.fence()
	const times = 2000
	var b strings.Builder
	for i := range times {
		fmt.Fprintf(&b, "<presence to='%s/Mallory'><show>%s</show><status>n%dn</status></presence>", room, []string{"away", "dnd"}[i%2], i)
	}
	evil.send(b.String())
	other.send(say(room, "between"))
	other.until("id='between'")
	evil.fence()
	got := of("presence", parse(t, host.fence()))
	if len(got) == 0 || !strings.Contains(deep(got[len(got)-1]), fmt.Sprintf("n%dn", times-1)) {
		t.Errorf("of %d changes %d are told, and the last of them is %v", times, len(got), got[max(0, len(got)-1):])
	}
	last := -1
	for _, n := range got {
		st, ok := n.child("status")
		var i int
		if _, err := fmt.Sscanf(st.Text, "n%dn", &i); !ok || err != nil || i <= last {
			t.Fatalf("after %d there comes %v", last, n)
		}
		last = i
	}
	other.fence()
	evil.send("<presence id='huge' to='" + room + "/Mallory'><status>" + strings.Repeat("x", 100_000) + "</status></presence>")
	evil.fence()
	if n := len(host.fence()); n > 20_000 {
		t.Errorf("presence of %d bytes is told to everybody", n)
	}
	evil.send("<presence to='" + room + "/Mallory'>" + strings.Repeat("<x xmlns='urn:x:many'/>", 4000) + "</presence>")
	evil.fence()
	if n := len(host.fence()); n > 20_000 {
		t.Errorf("presence of %d bytes is told to everybody", n)
	}
	host.send("<message type='groupchat' id='huge' to='" + room + "'><subject>" + strings.Repeat("x", 100_000) + "</subject></message>")
	if got := parse(t, host.fence()); len(got) != 1 || got[0].condition() == "" {
		t.Errorf("a subject of 100,000 characters: %.300v", got)
	}
	// Who comes in gets what one occupant says of itself, and the subject, in a few kilobytes.
	late := s.login(t, tybalt, "street")
	late.send(enter(room, "Tybalt"))
	if n := len(late.fence()); n > 30_000 {
		t.Errorf("entering a room of four brings %d bytes", n)
	}
}

// TestF12Rooms: who makes rooms without end, or comes and goes without end, is bounded, and others are not held up.
func TestF12Rooms(t *testing.T) {
	t.Parallel()
	s := start(t)
	evil, other := s.login(t, mallory, "pc"), s.login(t, romeo, "orchard")
	const times = 1500
	made, refused := 0, 0
	for i := range times {
		evil.send(enter(fmt.Sprintf("r%d@conference.example.org", i), "Mallory"))
		if i%100 == 99 {
			for _, n := range of("presence", parse(t, evil.fence())) {
				if strings.Contains(deep(n), "code='201'") {
					made++
				} else if n.condition() != "" {
					refused++
				}
			}
		}
	}
	if made == 0 || made > 1000 || made+refused != times {
		t.Errorf("%d rooms are made, %d refused", made, refused)
	}
	room := s.open(other, "others", "open")
	other.says(room, "heard")
	room = s.open(other, "doors", "open")
	for range 300 {
		evil.send("<presence type='unavailable' to='" + room + "/Mallory'/>" + enter(room, "Mallory"))
	}
	other.says(room, "heard")
	evil.fence()
}
