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

// A Key is a word that an entry is found by. With an Other it stands with another word of the entry: so two short beginnings are looked up at
// once, whichever of them is rare. Both are folded.
type Key struct {
	Class Class
	Word  string
	Other string
}

// Initial is the letter that the other word begins with, or nothing if there is none.
func (k Key) Initial() string { return initial(k.Other) }

// Keys are the words that an entry is found by, alone and with each other one, each once. A word that is the beginning of a better one is left out.
// A directory that is kept has them in an index: who changes what they are has it made anew.
func Keys(e *Entry) []Key {
	words := wordsOf(e)
	others := plainWords(words)
	out := make([]Key, 0, 4*len(words))
	for _, w := range words {
		out = append(out, w)
		for _, other := range others {
			// Of two words that are looked for, none begins the other: so they are not both beginnings of this one.
			if !strings.HasPrefix(w.Word, other) {
				out = append(out, Key{w.Class, w.Word, other})
			}
		}
	}
	return out
}

// plainWords are the words, without those that only begin another, taken apart: an address is looked for as a whole, or it has no @.
func plainWords(words []Key) []string {
	var out []string
	for _, w := range words {
		local, _, _ := strings.Cut(w.Word, "@")
		for _, p := range split(local) {
			if !slices.ContainsFunc(out, func(o string) bool { return strings.HasPrefix(o, p) }) {
				out = slices.DeleteFunc(out, func(o string) bool { return strings.HasPrefix(p, o) })
				out = append(out, p)
			}
		}
	}
	return out[:min(len(out), mostWords)]
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

// A Plan is how to find what somebody has typed: the keys whose words begin with Prefix and Other, which are those without another if that is empty. Of the
// entries that these belong to, those are meant which Match finds right.
type Plan struct {
	Whole  string // the text as the beginning of a name, where it has several words: such entries come first
	Prefix string // empty: everything; then only names are looked at
	Other  string
	words  []string
}

// Initial is that of the keys.
func (p *Plan) Initial() string { return initial(p.Other) }

// longestText is how much of what somebody types is looked at, in bytes.
const longestText = 1024

// NewPlan reads what somebody has typed. A text without a letter or a digit finds nothing: then ok is false.
func NewPlan(text string) (p Plan, ok bool) {
	if len(text) > longestText {
		text = strings.ToValidUTF8(text[:longestText], "")
	}
	folded := Fold(cleanLine(strings.ToValidUTF8(text, ""), true))
	var addresses []string
	for _, chunk := range strings.Fields(folded) {
		if strings.ContainsRune(chunk, '@') {
			addresses = append(addresses, cut(strings.Trim(chunk, "<>,;\"'()")))
			continue
		}
		for _, w := range split(chunk) {
			p.words = append(p.words, cut(w))
		}
	}
	if whole := split(folded); len(whole) > 1 {
		p.Whole = cut(strings.Join(whole, " "))
	}
	if p.words = longest(append(addresses, p.words...)); len(p.words) == 0 {
		return p, strings.TrimSpace(text) == ""
	}
	first := max(0, slices.IndexFunc(p.words, func(w string) bool { return strings.ContainsRune(w, '@') }))
	p.Prefix = p.words[first]
	other := slices.IndexFunc(p.words, func(w string) bool { return w != p.Prefix && !strings.ContainsRune(w, '@') })
	if other >= 0 {
		p.Other = p.words[other]
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
