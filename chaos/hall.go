package chaos

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"palabre/xmpp"
)

// stanza takes what a room has sent; ok is false if it comes from elsewhere.
func (h *hall) stanza(st *xmpp.Stanza) (ok bool) {
	a := h.roomOf(st.From)
	if a == nil {
		return false
	}
	switch {
	case st.Kind == xmpp.Presence:
		h.presence(a, st)
	case st.Kind == xmpp.IQ && !st.IsRequest():
		h.answer(a, st)
	case st.Kind == xmpp.Message && st.Type == xmpp.TypeGroupchat && st.Has(xmpp.NSClient, "body"):
		h.hear(a, st)
	case st.Kind == xmpp.Message && st.Type == "" && st.Has(nsMUCUser, "x"):
		h.invited(a, st)
	default:
		return false
	}
	return true
}

// roomOf finds the room that an address belongs to.
func (h *hall) roomOf(from xmpp.JID) *attendance {
	if from.Domain() != conference+h.run.domain {
		return nil
	}
	n, err := strconv.Atoi(strings.TrimPrefix(from.Local(), "r"))
	if err != nil || n < 0 || n >= len(h.rooms) {
		return nil
	}
	return h.rooms[n]
}

// invited takes an invitation (XEP-0045 §7.8.2). Each counts once, however often a server that was killed delivers it. One that was sent after the client had left
// for good makes it a member; of another it is not known which was first, since an invitation has to be stored, and so may overtake nobody.
func (h *hall) invited(a *attendance, st *xmpp.Stanza) {
	id := stanzaID(st)
	if id != "" && h.known[id] {
		return
	}
	h.known[id] = true
	sent, _ := strconv.Atoi(strings.TrimPrefix(st.ID, "invite-"))
	after := time.Duration(sent) > a.gone
	switch a.standing {
	case stranger:
		a.standing, a.out, a.wait, a.unsure, a.fresh = belongs, h.shy, 0, !after, false
	case belongs:
		a.fresh = a.fresh || after
	case quitting:
		a.unsure = true
	}
}

func (h *hall) presence(a *attendance, st *xmpp.Stanza) {
	x, _ := st.Child(nsMUCUser, "x")
	own := hasStatus(x, "110")
	account, err := strconv.Atoi(strings.TrimPrefix(st.From.Resource(), "u"))
	switch {
	case st.Type == xmpp.TypeError && strings.HasPrefix(st.ID, "step-"):
		h.refusedStep(a, st)
	case st.Type == xmpp.TypeError:
		h.refusedEntry(a, st)
	case err != nil:
		h.breach(fmt.Errorf("there is a stranger in a room: %v", st))
	case st.Type == xmpp.TypeUnavailable && own:
		h.putOut(a, x, st)
	case st.Type == xmpp.TypeUnavailable:
		delete(a.others, account)
	case a.others == nil:
		h.breach(fmt.Errorf("it is told who is inside, and has not asked to come in: %v", st))
	default:
		a.others[account] = true
		if own && !a.inside {
			h.entered(a)
		}
	}
}

func hasStatus(x xmpp.Element, code string) bool {
	for _, e := range x.Elements() {
		if e.Is(nsMUCUser, "status") && e.Attr("code") == code {
			return true
		}
	}
	return false
}

// entered is the room's word that the client is inside.
func (h *hall) entered(a *attendance) {
	now := h.run.now()
	a.inside, a.asked, a.unsure = true, false, false
	a.stay.Since, a.incarnation = now, h.link.incarnation
	if a.member.Inside == 0 {
		a.member.Inside = now
	}
	h.hallStats.Entered++
	h.run.board.entered()
}

// refusedStep is an error for going out: the client is still inside.
func (h *hall) refusedStep(a *attendance, st *xmpp.Stanza) {
	if why := refusal(st); why != "wait resource-constraint" {
		h.breach(fmt.Errorf("it does not let a member out of room %s: %s", roomName(a.room), why))
	}
	h.hallStats.Waited++
	a.asked, a.stepping, a.wait = false, false, h.run.now()+afterRefusal
}

// refusedEntry is an error for a request to come in: a member is let in, or has to wait.
func (h *hall) refusedEntry(a *attendance, st *xmpp.Stanza) {
	if st.ID != "enter-"+strconv.Itoa(a.room) || a.inside {
		return
	}
	why := refusal(st)
	if a.unsure && why == "auth registration-required" {
		h.over(a, Lost)
		a.asked, a.unsure, a.member = false, false, nil
		if !a.fresh {
			a.standing = stranger
		}
		return
	}
	if why != "wait resource-constraint" {
		h.breach(fmt.Errorf("it does not let a member into room %s: %s", roomName(a.room), why))
	}
	h.hallStats.Waited++
	h.over(a, Lost)
	a.asked, a.wait = false, h.run.now()+afterRefusal
	if h.firm {
		a.out = true
		if a.member.Inside == 0 {
			a.member.Asked, a.member.Tries = 0, 0
		}
	}
}

// putOut is the room's word that the client is not inside any more.
func (h *hall) putOut(a *attendance, x xmpp.Element, st *xmpp.Stanza) {
	switch {
	case a.standing == quitting && hasStatus(x, "321") && a.stay != nil: // XEP-0045 §9.4
		a.stay.Quits = true
	case a.standing == quitting && hasStatus(x, "333"): // that they leave for good could not be written: they are out, and still belong
		h.hallStats.Unseated++
	case a.stepping:
		h.hallStats.Left++
		a.asked, a.stepping = false, false
	default:
		h.breach(fmt.Errorf("it puts a member out: %v", st))
	}
	h.over(a, Left)
}

// hear takes what was said in a room.
func (h *hall) hear(a *attendance, st *xmpp.Stanza) {
	body, _ := st.Child(xmpp.NSClient, "body")
	s := h.run.tag.sightRoom(st.From, st.ID, body.Content(), stanzaIDBy(st, st.From.Bare()))
	switch {
	case !a.inside:
		h.breach(fmt.Errorf("it tells what is said in room %s to one who is not inside: %v", roomName(a.room), s.Key))
	case st.Has(nsDelay, "delay"):
		a.stay.Past = append(a.stay.Past, s)
	default:
		a.stay.Log = append(a.stay.Log, s)
	}
}

// answer takes the answer to a request.
func (h *hall) answer(a *attendance, st *xmpp.Stanza) {
	switch what, _, _ := strings.Cut(st.ID, "-"); what {
	case "self":
		h.pings--
		if st.Type == xmpp.TypeError && a.inside {
			h.breach(fmt.Errorf("room %s does not know that the client is inside: %s", roomName(a.room), refusal(st)))
		}
	case "quit":
		h.quitted(a, st)
	}
}

// quitted is the answer to leaving for good. Who is told not to be a member has left already: the answer of a server that was killed is lost.
func (h *hall) quitted(a *attendance, st *xmpp.Stanza) {
	if a.standing != quitting {
		return
	}
	a.asked = false
	why := ""
	if st.Type == xmpp.TypeError {
		why = refusal(st)
	}
	switch why {
	case "", "auth registration-required":
	case "wait resource-constraint":
		h.hallStats.Waited++
		a.wait = h.run.now() + afterRefusal
		if h.firm {
			a.standing, a.member.Quit = belongs, 0
		}
		return
	default:
		h.breach(fmt.Errorf("it does not let a member leave: %s", why))
	}
	h.over(a, Lost)
	if a.member != nil {
		a.member.Gone = h.run.now()
		a.done = append(a.done, *a.member)
	}
	a.member, a.standing = nil, stranger
	a.gone, a.fresh = h.run.now(), false
	if a.unsure {
		a.standing, a.out = belongs, false
	}
	h.hallStats.Quit++
}

// turnedAway takes an error for a message to a room that does not know the client to be inside: it goes again when it is.
func (h *hall) turnedAway(number int, why string) bool {
	if !strings.HasSuffix(why, "not-acceptable") {
		return false
	}
	a := h.rooms[h.Device.out.sends[number].To]
	if a.inside {
		h.breach(fmt.Errorf("room %s does not take message %d of one who is inside: %s", roomName(a.room), number, why))
	}
	h.hallStats.TurnedAway++
	h.Device.out.again(number, h.run.now()+afterRefusal)
	return true
}
