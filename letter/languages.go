package letter

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A language is the texts of letters in it.
type language struct {
	code  string
	texts map[string]string
}

// usual is the language of those who want one that there is not.
const usual = "en"

// text is the text of a key.
func (l *language) text(name string) (string, error) {
	s, ok := l.texts[name]
	if !ok {
		return "", fmt.Errorf("there is no text %q; those that there are: %s", name, strings.Join(slices.Sorted(maps.Keys(l.texts)), ", "))
	}
	return s, nil
}

// fill is a text with what belongs into its places, which are given as name and value. What is put there is not looked at again.
func (l *language) fill(name string, places ...string) string {
	pairs := make([]string, len(places))
	for i := 0; i+1 < len(places); i += 2 {
		pairs[i], pairs[i+1] = "{"+places[i]+"}", places[i+1]
	}
	return strings.NewReplacer(pairs...).Replace(l.texts[name])
}

// count is a number of messages, with the word.
func (l *language) count(n int) string {
	name := "messages"
	if n == 1 || n == 0 && l.texts["zero"] == "one" {
		name = "message"
	}
	return l.fill(name, "count", l.number(n))
}

// number groups the digits by three.
func (l *language) number(n int) string {
	s := strconv.Itoa(n)
	for at := len(s) - 3; at > 0; at -= 3 {
		s = s[:at] + l.texts["thousands"] + s[at:]
	}
	return s
}

// date is a day with its weekday, short one without.
func (l *language) date(t time.Time) string { return l.dated("date", "months", t) }

func (l *language) short(t time.Time) string { return l.dated("date_short", "months_short", t) }

func (l *language) dated(form, months string, t time.Time) string {
	day := strconv.Itoa(t.Day())
	if t.Day() == 1 {
		day += l.texts["first"]
	}
	return l.fill(form, "weekday", l.nth("weekdays", int(t.Weekday())), "day", day, "month", l.nth(months, int(t.Month())-1), "year", strconv.Itoa(t.Year()))
}

func (l *language) nth(name string, n int) string {
	return strings.Fields(l.texts[name])[n]
}

// zone is the offset of a time, and the name of its zone if that is one that people know.
func zone(t time.Time) string {
	offset := "UTC"
	if _, seconds := t.Zone(); seconds != 0 {
		offset += t.Format("-07:00")
	}
	if name := t.Location().String(); strings.Contains(name, "/") {
		return name + ", " + offset
	}
	return offset
}

// check tells what is wrong with the texts of a language, given those of the usual one.
func (l *language) check(like *language) error {
	for _, name := range slices.Sorted(maps.Keys(like.texts)) {
		s, ok := l.texts[name]
		if !ok {
			return fmt.Errorf("text %s is missing in %q", name, l.code)
		}
		if got, want := places(s), places(like.texts[name]); name != "date" && name != "date_short" && !slices.Equal(got, want) {
			return fmt.Errorf("text %s in %q has the places %v, where %v are filled in", name, l.code, got, want)
		}
	}
	for name, n := range map[string]int{"weekdays": 7, "months": 12, "months_short": 12, "units": 5} {
		if len(strings.Fields(l.texts[name])) != n {
			return fmt.Errorf("text %s in %q is not %d words", name, l.code, n)
		}
	}
	if strings.ContainsFunc(l.texts["about_room"]+l.texts["about_conversation"], func(r rune) bool { return r < ' ' }) {
		return errors.New("a subject is one line")
	}
	return nil
}

// places are the places of a text, in alphabetical order.
func places(s string) (names []string) {
	for {
		_, rest, ok := strings.Cut(s, "{")
		name, after, closed := strings.Cut(rest, "}")
		if !ok || !closed {
			slices.Sort(names)
			return names
		}
		names = append(names, name)
		s = after
	}
}
