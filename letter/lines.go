package letter

import (
	"hash/fnv"
	"html/template"
	"strconv"
	"strings"
	"unicode"
)

// linesOf are the lines of a text.
func linesOf(text string) (lines []Line) {
	text = strings.Trim(clean(text), "\n")
	if text == "" {
		return nil
	}
	for line := range strings.SplitSeq(text, "\n") {
		lines = append(lines, lineOf(strings.TrimRight(line, " ")))
	}
	return lines
}

func lineOf(s string) Line {
	return Line{Text: s, Quote: strings.HasPrefix(s, ">"), links: linksIn(s)}
}

// Pieces are the parts of a line for HTML, where gaps would be lost: they are kept by blanks that do not break. Of a quote, the sign is left out.
func (l Line) Pieces() (pieces []Piece) {
	at := 0
	if l.Quote {
		at = len(l.Text) - len(strings.TrimPrefix(l.Text[1:], " "))
	}
	for _, k := range l.links {
		if k.from > at {
			pieces = append(pieces, Piece{Text: gaps(l.Text[at:k.from])})
		}
		pieces = append(pieces, Piece{Text: l.Text[k.from:k.to], URL: template.URL(k.url)}) //nolint:gosec // see target
		at = k.to
	}
	if at < len(l.Text) {
		pieces = append(pieces, Piece{Text: gaps(l.Text[at:])})
	}
	return pieces
}

const firmBlank = "\u00a0"

// gaps keeps what is indented, and blanks beside each other.
func gaps(s string) string {
	s = strings.ReplaceAll(s, "  ", " "+firmBlank)
	if strings.HasPrefix(s, " ") {
		s = firmBlank + s[1:]
	}
	return s
}

// fileOf is a shared file as it is shown.
func (l *language) fileOf(f file) File {
	out := File{Name: oneLine(f.name, 100), Address: lineOf(strings.Join(strings.Fields(clean(f.url)), "%20"))}
	if f.size > 0 {
		out.Size = l.size(f.size)
	}
	return out
}

// size is how large a file is, for people.
func (l *language) size(bytes int64) string {
	n, unit := float64(bytes), 0
	units := strings.Fields(l.texts["units"])
	for n >= 999.5 && unit < len(units)-1 {
		n /= 1000
		unit++
	}
	digits := 0
	if n < 9.95 && unit > 0 {
		digits = 1
	}
	return strings.Replace(strconv.FormatFloat(n, 'f', digits, 64), ".", l.texts["decimal"], 1) + firmBlank + units[unit]
}

// colours are those of names: dark enough to be read on white (WCAG 2.1, 1.4.3).
var colours = []template.CSS{"#1d4ed8", "#9a3412", "#15803d", "#7e22ce", "#be123c", "#0f766e", "#a16207", "#4338ca", "#475569", "#a21caf"}

func colourOf(name string) template.CSS {
	h := fnv.New32a()
	h.Write([]byte(name))
	return colours[h.Sum32()%uint32(len(colours))]
}

// isolated keeps a text that is written from right to left from reordering what stands beside it (UAX #9).
func isolated(s string) string {
	if strings.ContainsFunc(s, isRightToLeft) {
		return "\u2068" + s + "\u2069"
	}
	return s
}

// isRightToLeft tells whether a character is of the classes R or AL, roughly.
func isRightToLeft(r rune) bool {
	return r >= 0x590 && r <= 0x8FF || r >= 0xFB1D && r <= 0xFDFF || r >= 0xFE70 && r <= 0xFEFC || r >= 0x10800 && r <= 0x10FFF || r >= 0x1E800 && r <= 0x1EFFF
}

// capital begins a text with a capital letter.
func capital(s string) string {
	for i, r := range s {
		return string(unicode.ToUpper(r)) + s[i+len(string(r)):]
	}
	return s
}
