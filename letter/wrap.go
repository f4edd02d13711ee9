package letter

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// lineWidth is how many columns a line of plain text has.
const lineWidth = 72

// columns is how wide a text is shown where letters are as wide as each other (UAX #11).
func columns(s string) (n int) {
	for _, r := range s {
		n += columnsOf(r)
	}
	return n
}

// isWider tells whether a text has more columns, without looking at all of a long one.
func isWider(s string, most int) bool {
	for _, r := range s {
		if most -= columnsOf(r); most < 0 {
			return true
		}
	}
	return most < 0
}

func columnsOf(r rune) int {
	switch {
	case r >= ' ' && r < 0x7F:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// fits is how many bytes of a text go into so many columns, without taking apart what is one character to people, unless that is longer than a line; at least one such character.
func fits(s string, most int) int {
	n, at, flags := 0, 0, 0
	var before rune
	for i, r := range s {
		if isRegional(r) {
			flags++
		} else {
			flags = 0
		}
		if !joins(before, r) && (flags == 0 || flags%2 == 1) {
			at = i
		}
		n += columnsOf(r)
		switch {
		case n > most && at > 0:
			return at
		case n > lineWidth/2 && at == 0 && i > 0:
			return i
		}
		before = r
	}
	return len(s)
}

const joiner = 0x200D

// joins tells whether two characters make one (UAX #29, roughly); of two halves of a flag, fits knows.
func joins(a, b rune) bool {
	return a == joiner || b == joiner || unicode.In(b, unicode.M) || b >= 0x1F3FB && b <= 0x1F3FF || isTag(b)
}

func isRegional(r rune) bool { return r >= 0x1F1E6 && r <= 0x1F1FF }

// A wrapper breaks lines of text where words end.
type wrapper struct {
	b           strings.Builder
	first, rest string // what each line begins with
	at          int    // columns of the line by now
	empty       bool   // nothing but its beginning stands in the line
}

// wrap writes one line of text as lines of at most lineWidth columns, each with its end. The first begins with one text, the others with another. What stands within links, which are ordered ranges of
// bytes, is not broken, however long it is; nor is anything changed in a line that fits.
func wrap(line, first, rest string, links [][2]int) string {
	w := wrapper{first: first, rest: rest, empty: true, at: columns(first)}
	w.b.WriteString(first)
	line = strings.TrimRight(line, " ")
	if w.at+columns(line) <= lineWidth {
		w.b.WriteString(line)
		return strings.TrimRight(w.b.String(), " ") + "\n"
	}
	for at := 0; at < len(line); {
		for len(links) > 0 && links[0][1] <= at {
			links = links[1:]
		}
		gap := at
		for gap < len(line) && line[gap] == ' ' {
			gap++
		}
		end := gap
		for end < len(line) && (line[end] != ' ' || inside(links, end)) {
			end++
		}
		w.word(line[at:gap], line[gap:end], linked(links, gap, end))
		at = end
	}
	w.b.WriteByte('\n')
	return w.b.String()
}

// inside tells whether a place is within a link, linked whether a part has one.
func inside(links [][2]int, at int) bool { return linked(links, at, at+1) }

func linked(links [][2]int, from, to int) bool {
	for _, l := range links {
		if l[0] >= to {
			break
		}
		if from < l[1] {
			return true
		}
	}
	return false
}

// word writes a word behind a gap.
func (w *wrapper) word(gap, word string, whole bool) {
	n := columns(word)
	switch {
	case w.at+len(gap)+n <= lineWidth:
		w.put(gap)
	case !w.empty && (n <= lineWidth-columns(w.rest) && !isWide(word) || whole || w.at+len(gap) >= lineWidth):
		w.next()
	case w.at+len(gap) < lineWidth:
		w.put(gap)
	}
	for !whole && isWider(word, lineWidth-w.at) {
		n := fits(word, lineWidth-w.at)
		if !w.empty && w.at+columns(word[:n]) > lineWidth {
			w.next()
			continue
		}
		w.put(word[:n])
		if word = word[n:]; word == "" {
			return
		}
		w.next()
	}
	w.put(word)
}

// isWide tells whether a word is in a script that has no gaps between words.
func isWide(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return columnsOf(r) == 2 })
}

func (w *wrapper) put(s string) {
	w.b.WriteString(s)
	w.at += columns(s)
	w.empty = w.empty && strings.TrimSpace(s) == ""
}

func (w *wrapper) next() {
	w.b.WriteByte('\n')
	w.b.WriteString(w.rest)
	w.at, w.empty = columns(w.rest), true
}
