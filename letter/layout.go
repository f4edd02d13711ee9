package letter

import "strings"

// What templates of plain text can call.

// wrapped is a text of ours in lines that fit, without the end of the last one. What follows the first begins below it.
func wrapped(s string) string {
	start := len(s) - len(strings.TrimLeft(s, " "))
	return strings.TrimSuffix(wrap(s, "", strings.Repeat(" ", start), linkRanges(linksIn(s))), "\n")
}

// hang is a text behind its first word, and what follows the first line below its beginning.
func hang(first, s string) string {
	return strings.TrimSuffix(wrap(s, first, strings.Repeat(" ", columns(first)), linkRanges(linksIn(s))), "\n")
}

// rule is a line across the page.
func rule(of string) string { return strings.Repeat(of, lineWidth) }

const indentation = "    "

// indented is a line of what somebody has said.
func indented(l Line) string {
	rest := indentation
	if l.Quote {
		rest += "> "
	}
	return strings.TrimSuffix(wrap(l.Text, indentation, rest, linkRanges(l.links)), "\n")
}

func linkRanges(links []link) [][2]int {
	out := make([][2]int, 0, len(links))
	for _, k := range links {
		out = append(out, [2]int{k.from, k.to})
	}
	return out
}
