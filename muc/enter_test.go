package muc

import (
	"fmt"
	"testing"

	"palabre/xmpp"
)

// A nickname that a member has is nobody else's, and anybody's once they have another one, or none.
func TestReserved(t *testing.T) {
	t.Parallel()
	r := roomOf()
	romeo, paris := xmpp.MustParseJID("romeo@example.net"), xmpp.MustParseJID("paris@example.net")
	is := func(nick string, account xmpp.JID) bool {
		t.Helper()
		key, ok := nickKey(nick)
		if !ok {
			t.Fatal(nick)
		}
		return r.reservedLocked(key, account)
	}
	p := &Person{Account: romeo, Affiliation: Member}
	r.people[romeo] = p
	becomes := func(nick string) {
		before := p.Nick
		p.Nick = nick
		r.reserveLocked(p, before)
	}
	for i := range 3 { // with an index, and without one
		if becomes("Montague"); i == 0 {
			r.nicks = nil
		}
		if !is("montague", paris) || is("Montague", romeo) {
			t.Error("it is not romeo's")
		}
		becomes("Romeo")
		if is("montague", paris) || !is("ROMEO", paris) {
			t.Error("romeo has another one")
		}
		becomes("")
		if is("romeo", paris) {
			t.Error("romeo has none")
		}
	}
}

// BenchmarkReserved is what a change of a reserved nick and a look at one cost in a room of 50,000 members.
func BenchmarkReserved(b *testing.B) {
	r := roomOf()
	for i := range 50_000 {
		j := xmpp.MustParseJID(fmt.Sprintf("u%d@example.net", i))
		r.people[j] = &Person{Account: j, Affiliation: Member, Nick: fmt.Sprintf("Nick of %d", i), Joined: int64(i + 1)}
	}
	p := r.people[xmpp.MustParseJID("u7@example.net")]
	r.reservedLocked("x", p.Account)
	for i := 0; b.Loop(); i++ {
		before := p.Nick
		p.Nick = fmt.Sprint("Nick ", i)
		r.reserveLocked(p, before)
		r.reservedLocked("nick of 9", p.Account)
	}
}
