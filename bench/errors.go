package bench

import "strconv"

// summary gives the first error and says how many there are.
func summary(all []error) error {
	var first error
	n := 0
	for _, err := range all {
		if err == nil {
			continue
		}
		if n++; first == nil {
			first = err
		}
	}
	if n > 1 {
		return &severalErrors{first, n}
	}
	return first
}

// severalErrors stands for many errors of one kind, of which one is shown.
type severalErrors struct {
	first error
	n     int
}

func (e *severalErrors) Unwrap() error { return e.first }

func (e *severalErrors) Error() string {
	return e.first.Error() + " (and " + strconv.Itoa(e.n-1) + " more errors)"
}
