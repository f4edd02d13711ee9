package courier

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"palabre/xmpp"
)

// One account does not take the turns of the others, and whoever goes gives the turn back.
func TestTurns(t *testing.T) {
	t.Parallel()
	d := New(Options{})
	romeo, juliet := xmpp.MustParseJID("romeo@example.org"), xmpp.MustParseJID("juliet@example.org")
	var done []func()
	begin := func(account xmpp.JID) error {
		end, err := d.begin(t.Context(), account)
		done = append(done, end)
		return err
	}
	if err := errors.Join(begin(romeo), begin(romeo), begin(juliet), begin(juliet)); err != nil {
		t.Fatal(err)
	}
	if err := begin(romeo); err == nil || !strings.Contains(err.Error(), "yours") {
		t.Errorf("a third one: %v", err)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	for i := range 2 * mostWaiting {
		if _, err := d.begin(gone, xmpp.MustParseJID(fmt.Sprintf("u%d@example.org", i))); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	for _, end := range done[:4] {
		end()
	}
	if len(d.waiting) != 0 || len(d.writing) != 0 {
		t.Errorf("%v wait, and %d are written", d.waiting, len(d.writing))
	}
}

// A group as large as a town is no list to be looked through: the mail is refused.
func TestLargeGroup(t *testing.T) {
	t.Parallel()
	o := &Order{desk: New(Options{Directory: town{}}), from: xmpp.MustParseJID("romeo@example.org")}
	if err := o.addEntry(t.Context(), Entry{ID: "all", Name: "All", Group: true}); err != nil || len(o.to) != mostRecipients+1 {
		t.Errorf("%d recipients: %v", len(o.to), err)
	}
}

type town struct{ Directory }

func (town) Members(context.Context, string, string) ([]Entry, error) {
	list := make([]Entry, 200_000)
	for i := range list {
		list[i] = Entry{ID: fmt.Sprint(i), Name: "Somebody", Email: fmt.Sprintf("u%d@example.org", i)}
	}
	return list, nil
}
