package bench

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"palabre/xmpp"
)

// A hall is a room that people enter, with what each of them has been told of whom. Between any two who entered, each must have been told
// of the other exactly once, and a newcomer first of those who were inside, then of itself, then the subject (XEP-0045 §7.1).
type hall struct {
	run    *Run
	room   xmpp.JID
	guests []*guest
	next   int        // who enters next; admit's
	took   *Histogram // of joins; nil while they are not measured

	arrived atomic.Uint64 // presences and subjects

	mu     sync.Mutex // guards what follows, and the guests; tier: below a Session's
	inside int        // how many have come in, and all was told of it
	faults Faults
}

// A guest is somebody who may enter a hall.
type guest struct {
	hall    *hall
	index   int
	session *Session
	done    chan struct{} // closed when all is told that belongs to the join

	begun   bool
	found   int    // how many were inside when it began
	place   int    // it is the how-many-eth of those inside; 0: it is not
	seen    []bool // of whom it has been told, by index
	subject bool
	left    int // how much of the join has still to come
}

func newHall(r *Run, room xmpp.JID) *hall {
	h := &hall{run: r, room: room, guests: make([]*guest, len(r.Users))}
	for i := range h.guests {
		h.guests[i] = &guest{hall: h, index: i, done: make(chan struct{}), seen: make([]bool, len(r.Users))}
	}
	return h
}

// begin notes that a guest is about to enter: it will be told of all who are inside, all of them of it, it of itself, and the subject.
func (h *hall) begin(g *guest) {
	h.mu.Lock()
	defer h.mu.Unlock()
	g.begun, g.found, g.left = true, h.inside, 2*h.inside+2
}

// met tells whether the other was inside already when g began.
func (g *guest) met(other *guest) bool { return other.place > 0 && other.place <= g.found }

// handle takes the stanzas of a guest's session.
func (g *guest) handle(_ *Session, st *xmpp.Stanza) {
	h := g.hall
	switch {
	case st.From.Bare() != h.room || st.Kind == xmpp.IQ:
	case st.Kind == xmpp.Presence && st.From.IsBare(): // of the room itself: its avatar (XEP-0486 §5.2)
	case st.Type == xmpp.TypeError:
		h.run.fail(refusal(st))
	case st.Kind == xmpp.Presence && st.Type == "":
		h.arrived.Add(1)
		i := nickIndex(st.From.Resource())
		if i != g.index || isOwn(st) {
			h.sees(g, i)
		}
	case isSubject(st):
		h.arrived.Add(1)
		h.hears(g)
	}
}

// sees notes that g has been told of the guest with this index.
func (h *hall) sees(g *guest, i int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case i < 0 || i >= len(h.guests) || !h.guests[i].begun:
		h.faults.Unknown++
		return
	case g.seen[i]:
		h.faults.Duplicated++
		return
	}
	g.seen[i] = true
	other := h.guests[i]
	switch {
	case other == g:
		h.passedLocked(g)
	case g.met(other):
		if g.seen[g.index] { // those inside come before oneself (XEP-0045 §7.2.2)
			h.faults.Reordered++
		}
		h.passedLocked(g)
	case other.met(g):
		h.passedLocked(other)
	}
}

// hears notes that the subject has come to g.
func (h *hall) hears(g *guest) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case g.subject:
		h.faults.Duplicated++
		return
	case !g.seen[g.index]:
		h.faults.Reordered++
	}
	g.subject = true
	h.passedLocked(g)
}

// passedLocked notes that one of what belongs to g's join has come.
func (h *hall) passedLocked(g *guest) {
	if g.left--; g.left == 0 {
		h.inside++
		g.place = h.inside
		close(g.done)
	}
}

// lacks says in words what has not come of what belongs to g's join.
func (h *hall) lacks(g *guest) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var of, to int
	for i, other := range h.guests {
		if g.met(other) {
			of += zeroOne(!g.seen[i])
			to += zeroOne(!other.seen[g.index])
		}
	}
	var words []string
	if of > 0 {
		words = append(words, fmt.Sprintf("it was not told of %d who were inside", of))
	}
	if to > 0 {
		words = append(words, fmt.Sprintf("%d who were inside were not told of it", to))
	}
	if !g.seen[g.index] {
		words = append(words, "its own presence with status 110 did not come")
	}
	if !g.subject {
		words = append(words, "the subject did not come")
	}
	return strings.Join(words, ", ")
}

func zeroOne(b bool) int {
	if b {
		return 1
	}
	return 0
}

// check gives the faults. Lost is who was not told of whom, and who was not told the subject.
func (h *hall) check() Faults {
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.faults
	for _, g := range h.guests {
		if !g.begun {
			continue
		}
		f.Lost += uint64(zeroOne(!g.subject))
		for i, other := range h.guests {
			f.Lost += uint64(zeroOne(other.begun && !g.seen[i]))
		}
	}
	return f
}
