package server

import (
	"fmt"
	"sync"
	"testing"

	"palabre/stream"
	"palabre/xmpp"
)

// A line is a connection whose packets wait until the test writes them.
type line struct {
	sink
	mu      sync.Mutex
	waiting []stream.Packet
}

func (l *line) Send(p stream.Packet) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, p)
	return true
}

func (l *line) take() []stream.Packet {
	l.mu.Lock()
	defer l.mu.Unlock()
	batch := l.waiting
	l.waiting = nil
	return batch
}

// XEP-0198 §4: an answer to <r/> stands behind the errors for stanzas that it covers, also if the drainer is at work on what came before them; those that
// are due while one is on its way are one, and a count never goes back.
func TestAnswersStandInTheirPlace(t *testing.T) {
	t.Parallel()
	h, err := New(Options{Domains: []string{"example.org"}, Users: everyone{}, Store: newSlowStore()})
	if err != nil {
		t.Fatal(err)
	}
	l := &line{}
	s, err := h.Bind(t.Context(), xmpp.MustParseJID("a@example.org"), "r", l)
	if err != nil {
		t.Fatal(err)
	}
	s.Count(false)
	refusal := func(id string) {
		s.Write(stream.Packet{Stanza: &xmpp.Stanza{Kind: xmpp.Message, Type: xmpp.TypeError, ID: id}})
	}
	written := func(batch []stream.Packet) (out string) {
		for _, p := range s.Outgoing(batch) {
			switch {
			case p.Answers:
				out += p.Raw + " "
			case p.Stanza != nil:
				out += p.Stanza.ID + " "
			}
		}
		return out
	}
	answer := func(n int) string { return fmt.Sprintf("<a xmlns='urn:xmpp:sm:3' h='%d'/> ", n) }
	expect := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("written: %q, want %q", got, want)
		}
	}
	refusal("1")
	before := l.take() // by the drainer, which has not come to Outgoing yet
	refusal("2")
	s.Handled(2)
	expect(written(before), "1 ")
	before = l.take()
	refusal("3")
	s.Handled(3)
	refusal("4")
	s.Handled(4)
	expect(written(before), "2 "+answer(2))
	expect(written(l.take()), "3 4 "+answer(4))
	s.Handled(3) // has been overtaken
	expect(written(l.take()), answer(4))
	expect(written(l.take()), "")
}
