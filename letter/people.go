package letter

import (
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"palabre/xmpp"
)

const (
	nameMost   = 40   // columns of a name
	listedMost = 100  // people whose names the letter begins with
	cachedMost = 1000 // names at hand

	bearersMost = 1000 // of one name that are told from each other
)

// people are those who have said something. Two accounts that have had the same name are told from each other by a number.
type people struct {
	q       *Query
	seed    maphash.Seed
	bearers map[key][]key // of a name: their accounts, the first one to speak last; empty if it is the one in single
	single  map[key]key
	listed  []person
	more    int // that are not listed
	known   map[speaker]string
}

type person struct {
	name    string
	account key
}

// A speaker is somebody under one nick.
type speaker struct {
	account xmpp.JID
	nick    string
}

func newPeople(q *Query, seed maphash.Seed) people {
	return people{q: q, seed: seed, bearers: map[key][]key{}, single: map[key]key{}, known: map[speaker]string{}}
}

// speakerOf is who has sent a row.
func (p *people) speakerOf(row *Row) speaker {
	s := speaker{account: row.Sender}
	if p.q.With.IsZero() || !p.q.With.IsBare() && row.Sender != p.q.Archive {
		s.nick = row.Stanza.From.Resource()
	}
	return s
}

// plain is what somebody is called, without a number.
func (p *people) plain(s speaker) string {
	if name, ok := p.known[s]; ok {
		return name
	}
	name := ""
	if p.q.Name != nil {
		name = oneLine(p.q.Name(s.account, s.nick), nameMost)
	}
	if name == "" {
		name = oneLine(s.nick, nameMost)
	}
	if name == "" && !p.q.With.IsZero() {
		name = oneLine(s.account.String(), nameMost)
	}
	if name = strings.TrimLeft(name, "* "); name == "" { // events begin with stars
		name = "?"
	}
	if len(p.known) == cachedMost {
		clear(p.known)
	}
	p.known[s] = name
	return name
}

// nameKey is the same for names that look alike but for their case, and what is not seen.
func (p *people) nameKey(name string) key {
	seen := strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cf, unicode.Zs) {
			return cut
		}
		return unicode.ToLower(r)
	}, name)
	return key(maphash.String(p.seed, seen))
}

func (p *people) accountKey(account xmpp.JID) key {
	return key(maphash.String(p.seed, account.String()))
}

// met notes who has sent a row. Rows come from the last to the first.
func (p *people) met(row *Row) {
	name := p.plain(p.speakerOf(row))
	n, account := p.nameKey(name), p.accountKey(row.Sender)
	one, known := p.single[n]
	if !known {
		p.single[n] = account
	} else if !p.again(n, one, account) {
		return
	}
	if len(p.listed) == listedMost {
		p.more++
		return
	}
	p.listed = append(p.listed, person{name, account})
}

// again notes that a name is met that has been met before, and tells whether its bearer is a new one.
func (p *people) again(name, one, account key) bool {
	bearers := p.bearers[name]
	switch at := slices.Index(bearers, account); {
	case bearers == nil && one == account, at < 0 && len(bearers) == bearersMost:
		return false
	case bearers == nil:
		p.bearers[name] = []key{one, account}
	case at < 0:
		p.bearers[name] = append(bearers, account)
	default:
		p.bearers[name] = append(slices.Delete(bearers, at, at+1), account)
		return false
	}
	return true
}

// name is what who has sent a row is called in the letter.
func (p *people) name(row *Row) string {
	return p.numbered(person{p.plain(p.speakerOf(row)), p.accountKey(row.Sender)})
}

func (p *people) numbered(one person) string {
	bearers := p.bearers[p.nameKey(one.name)]
	if at := slices.Index(bearers, one.account); at >= 0 {
		return one.name + " (" + strconv.Itoa(len(bearers)-at) + ")"
	}
	return one.name
}

// names are those that the letter begins with.
func (p *people) names() []string {
	names := make([]string, 0, len(p.listed))
	for _, one := range p.listed {
		names = append(names, p.numbered(one))
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return names
}
