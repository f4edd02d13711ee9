package directory

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Class says how good a match is: the lower the better.
type Class uint8

// The classes of words.
const (
	WholeName Class = iota // the name as it stands, from its first word on
	NameWord               // another word of the name
	Address                // an address, or a word of what stands before its @
	Other
	Classes = int(Other) + 1
)

const (
	longestKey = 64 // runes of a word that count
	mostWords  = 16 // of an entry, that it can be found by
)

// A Key is a word that an entry is found by. With an Initial it stands among those of entries that have another word, beginning with that letter: so
// two short beginnings are looked up at once, whichever of them is rare. Both are folded.
type Key struct {
	Class   Class
	Initial string
	Word    string
}

// Keys are the words that an entry is found by, with and without initials, each once. A word that is the beginning of a better one is left out.
// A directory that is kept has them in an index: who changes what they are has it made anew.
func Keys(e *Entry) []Key {
	words := wordsOf(e)
	out := make([]Key, 0, 4*len(words))
	for i, w := range words {
		out = append(out, w)
		for j, other := range words {
			k := Key{w.Class, initial(other.Word), w.Word}
			if i != j && !slices.Contains(out, k) {
				out = append(out, k)
			}
		}
	}
	return out
}

// wordsOf are an entry's words, the best first.
func wordsOf(e *Entry) []Key {
	var out []Key
	add := func(c Class, words ...string) {
		for _, w := range words {
			w = cut(w)
			known := func(k Key) bool { return strings.HasPrefix(k.Word, w) }
			if w != "" && len(out) < mostWords && !slices.ContainsFunc(out, known) {
				out = append(out, Key{Class: c, Word: w})
			}
		}
	}
	name := split(Fold(e.Name))
	add(WholeName, strings.Join(name, " "))
	if len(name) > 1 {
		add(NameWord, name[1:]...)
	}
	add(NameWord, joined(e.Name)...)
	account := e.Account.String()
	for _, a := range []string{Fold(e.Email), Fold(account)} {
		add(Address, a)
		local, _, _ := strings.Cut(a, "@")
		add(Address, split(local)...)
	}
	add(Other, split(Fold(e.ID))...)
	for _, s := range []string{e.Given, e.Family, e.Unit} {
		add(Other, split(Fold(s))...)
	}
	return out
}

// split gives the words of a folded text: whatever is neither a letter nor a digit stands between them.
func split(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
}

var apostrophes = strings.NewReplacer("'", "", "’", "", "ʼ", "")

// joined gives the words of a name that have an apostrophe, without it: O'Brien is found as obrien, too.
func joined(name string) []string {
	var out []string
	for _, w := range strings.Fields(name) {
		if j := apostrophes.Replace(w); j != w {
			out = append(out, split(Fold(j))...)
		}
	}
	return out
}

func cut(w string) string {
	n := 0
	for i := range w {
		if n++; n > longestKey {
			return strings.TrimRight(w[:i], " ")
		}
	}
	return w
}

func initial(w string) string {
	_, n := utf8.DecodeRuneInString(w)
	return w[:n]
}

// A Plan is how to find what somebody has typed: the keys that begin with Prefix, among those with this Initial. Of the entries that these belong to,
// those are meant which Match finds right.
type Plan struct {
	Whole   string // the text as the beginning of a name, where it has several words: such entries come first
	Initial string
	Prefix  string // empty: everything; then only names are looked at
	words   []string
}

// longestText is how much of what somebody types is looked at, in bytes.
const longestText = 1024

// NewPlan reads what somebody has typed. A text without a letter or a digit finds nothing: then ok is false.
func NewPlan(text string) (p Plan, ok bool) {
	if len(text) > longestText {
		text = strings.ToValidUTF8(text[:longestText], "")
	}
	folded := Fold(strings.TrimSpace(text))
	for _, chunk := range strings.Fields(folded) {
		if strings.ContainsRune(chunk, '@') {
			p.words = append(p.words, cut(strings.Trim(chunk, "<>,;\"'()")))
			continue
		}
		for _, w := range split(chunk) {
			p.words = append(p.words, cut(w))
		}
	}
	p.words = longest(p.words)
	if len(p.words) == 0 {
		return p, folded == ""
	}
	p.Prefix = p.words[0]
	if len(p.words) > 1 {
		p.Initial = initial(p.words[1])
		p.Whole = cut(strings.Join(split(folded), " "))
	}
	return p, true
}

// longest puts long words first, and leaves out those that begin another: whatever the other finds, they find.
func longest(words []string) []string {
	slices.SortStableFunc(words, func(a, b string) int { return len(b) - len(a) })
	var out []string
	for _, w := range words {
		if w != "" && len(out) < mostWords && !slices.ContainsFunc(out, func(o string) bool { return strings.HasPrefix(o, w) }) {
			out = append(out, w)
		}
	}
	return out
}

// Match tells whether an entry has all the words.
func (p *Plan) Match(e *Entry) bool {
	if len(p.words) == 0 {
		return true
	}
	has := wordsOf(e)
	for _, w := range p.words {
		if !slices.ContainsFunc(has, func(k Key) bool { return strings.HasPrefix(k.Word, w) }) {
			return false
		}
	}
	return true
}
