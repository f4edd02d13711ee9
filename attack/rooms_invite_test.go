package attack

import (
	"strings"
	"testing"

	"palabre/xmpp"
)

// refusesEntry expects that somebody does not get in.
func (w *wire) refusesEntry(room, why string) {
	w.t.Helper()
	w.send(enter(room, "Stranger"))
	if got := w.fence(); strings.Contains(got, "code='110'") || !strings.Contains(got, "type='error'") {
		w.t.Errorf("%s: %s gets in: %s", why, room, got)
		w.send("<presence type='unavailable' to='" + room + "/Stranger'/>")
		w.fence()
	}
}

// TestF4Admission: an invitation lets in whom it names, if who sends it may invite, and nobody else.
func TestF4Admission(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	host, evil, stranger := s.login(t, juliet, "balcony"), s.login(t, mallory, "pc"), s.present(t, romeo, "orchard")
	s.Account(t, tybalt)
	mediated := func(room, to string) string {
		return "<message id='i' to='" + room + "'><x xmlns='" + nsUser + "'><invite to='" + to + "'/></x></message>"
	}
	direct := func(typ, room, to string) string {
		return "<message id='i' type='" + typ + "' to='" + to + "'><x xmlns='jabber:x:conference' jid='" + room + "'/><body>come</body></message>"
	}
	// In a group everybody inside may invite: people, one by one, and not whole domains, services, or rooms.
	group := s.open(host, "group", "group")
	host.admits(group, mallory)
	for _, to := range []string{"example.org", "EXAMPLE.org", "example.org/romeo", "conference.example.org", group, group + "/Host", "", "@", "example.net", "other@conference.example.org"} {
		evil.enters(group, "Mallory")
		evil.send(mediated(group, to) + direct("normal", group, to))
		evil.fence()
		stranger.fence()
		stranger.refusesEntry(group, "an invitation of "+to)
		host.fence()
	}
	// Who is not inside invites nobody, whatever they were before; nor by a copy of an invitation, or one in another's name.
	evil.send("<presence type='unavailable' to='" + group + "/Mallory'/>" + direct("normal", group, "romeo@example.org") + direct("chat", group+"/Mallory", "romeo@example.org"))
	evil.fence()
	stranger.fence()
	host.fence()
	// XEP-0249 §2: from inside only. A member whose client is closed is not inside.
	stranger.refusesEntry(group, "a direct invitation from outside")
	for _, sent := range []string{
		"<message to='romeo@example.org'><x xmlns='" + nsUser + "'><invite from='juliet@example.org'/></x></message>",
		"<message to='romeo@example.org'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='juliet@example.org/balcony' to='romeo@example.org'><x xmlns='jabber:x:conference' jid='" + group + "'/></message></forwarded></message>",
		"<message to='" + group + "'><x xmlns='" + nsUser + "'><invite from='juliet@example.org/balcony' to='romeo@example.org'/></x></message>",
		"<message to='romeo@example.org/orchard' type='error'><x xmlns='jabber:x:conference' jid='" + group + "'/></message>",
	} {
		evil.send(sent)
		evil.fence()
		stranger.fence()
		stranger.refusesEntry(group, sent)
		host.fence()
	}
	// Where only moderators invite, a member does not: not by way of the room, and not directly.
	for _, closed := range []string{
		s.open(host, "visit", "visit"),
		s.open(host, "members", "open", field("muc#roomconfig_membersonly", "1"), field("muc#roomconfig_allowinvites", "0")),
	} {
		host.admits(closed, mallory)
		evil.enters(closed, "Mallory")
		for _, sent := range []string{mediated(closed, "romeo@example.org"), direct("normal", closed, "romeo@example.org"), direct("chat", closed, "romeo@example.org/orchard"), direct("headline", closed, "romeo@example.org")} {
			evil.send(sent)
			evil.fence()
			stranger.fence()
			stranger.refusesEntry(closed, sent)
			host.fence()
		}
		host.send(direct("normal", closed, "romeo@example.org"))
		host.fence()
		stranger.fence()
		stranger.enters(closed, "Romeo")
		host.fence()
		evil.fence()
	}
	// Who is banned stays so, whoever invites without being allowed to lift the ban.
	host.send(admin("set", "b", group, "<item jid='romeo@example.org' affiliation='outcast'/>"))
	host.until("id='b'")
	host.fence()
	evil.enters(group, "Mallory")
	evil.send(mediated(group, "romeo@example.org") + direct("normal", group, "romeo@example.org"))
	evil.fence()
	stranger.refusesEntry(group, "an invitation of somebody banned")
	// And who has been taken out by an admin is let in again by nobody's old invitation.
	host.send(admin("set", "o", group, "<item jid='mallory@example.org' affiliation='none'/>"))
	host.until("id='o'")
	host.fence()
	evil.fence()
	evil.refusesEntry(group, "an old invitation")
}

// TestF4Services: accounts of another domain make no rooms here, and what is not an account does not enter.
func TestF4Services(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	w := s.login(t, xmpp.MustParseJID("tybalt@example.net"), "street")
	w.send(enter("new@conference.example.org", "Tybalt"))
	if got := parse(t, w.fence()); len(got) != 1 || got[0].condition() != "not-allowed" {
		t.Errorf("a room of another domain: %v", got)
	}
	host := s.login(t, juliet, "balcony")
	room := s.open(host, "open", "open")
	w.enters(room, "Tybalt")
	w.says(room, "heard")
	host.fence()
}

// TestF4Banned (ejabberd: expelled users stayed subscribed): who is kicked, banned, or whose room is destroyed hears nothing more and is heard no more, with no session.
func TestF4Banned(t *testing.T) {
	t.Parallel()
	s := start(t, limitsOff)
	host, one, two := s.login(t, juliet, "balcony"), s.login(t, mallory, "pc"), s.login(t, mallory, "tablet")
	for name, request := range map[string]string{
		"kick": "<query xmlns='" + nsAdmin + "'><item nick='Mallory' role='none'/></query>", "ban": "<query xmlns='" + nsAdmin + "'><item jid='mallory@example.org' affiliation='outcast'/></query>",
		"destroy": "<query xmlns='" + nsOwner + "'><destroy/></query>",
	} {
		room := s.open(host, name, "open", field("muc#roomconfig_persistentroom", "1"))
		one.enters(room, "Mallory")
		two.enters(room, "Mallory")
		host.fence()
		host.send("<iq type='set' id='out' to='" + room + "'>" + request + "</iq>")
		host.until("id='out'")
		host.fence()
		one.fence()
		two.fence()
		if name != "destroy" {
			host.says(room, "secret")
			host.send("<presence to='" + room + "/Host'><show>away</show></presence><message type='groupchat' to='" + room + "'><subject>secret</subject></message>")
			host.fence()
		}
		for _, w := range []*wire{one, two} {
			w.hearsNothing()
			w.send(say(room, "heard") + "<presence to='" + room + "/Mallory'><show>dnd</show></presence><message type='chat' to='" + room + "/Host'><body>x</body></message><message type='groupchat' to='" + room + "'><subject>x</subject></message>")
			w.fence()
		}
		host.hearsNothing()
		if name == "ban" {
			_, answer := one.ask("<iq type='set' id='q' to='" + room + "'><query xmlns='" + nsArchive + "'/></iq>")
			if answer.condition() != "forbidden" {
				t.Errorf("one who is banned reads: %v", answer)
			}
			one.refusesEntry(room, "banned")
		}
	}
}
