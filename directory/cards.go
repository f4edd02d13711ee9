package directory

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"unicode/utf8"
)

// mostProperties is how many lines a card has at most, once they are unfolded.
const mostProperties = 1000

// A cardReader cuts a file into cards. It unfolds lines itself (RFC 6350), in one go, since a card may consist of folds.
type cardReader struct {
	in   *bufio.Reader
	line int // that was read last
	text strings.Builder
	size int // of the card's text, also of what is not kept
	n    int // its properties
	err  error
}

// readCards reads vCards (RFC 6350, RFC 2426).
func readCards(in *bufio.Reader) iter.Seq[Row] {
	return func(yield func(Row) bool) {
		r := &cardReader{in: in}
		for {
			row, ok := r.next()
			if !ok || !yield(row) || errors.Is(row.Err, errEnd) {
				return
			}
		}
	}
}

// next reads a card; ok says that there is one, or an error.
func (r *cardReader) next() (row Row, ok bool) {
	r.text.Reset()
	r.size, r.n, r.err = 0, 0, nil
	inside := false
	for {
		line, err := r.readLine()
		bare := strings.TrimRight(line, " \t")
		switch {
		case !inside && strings.EqualFold(bare, "BEGIN:VCARD"):
			inside, row.Line = true, r.line
			r.keep(line)
		case !inside && bare != "" && r.err == nil:
			row.Line, r.err = r.line, errors.New("what stands here is not part of a card, which lasts from BEGIN:VCARD to END:VCARD")
		case inside && strings.EqualFold(bare, "END:VCARD"):
			r.keep(line)
			return r.card(row), true
		case inside:
			r.keep(line)
		}
		switch {
		case errors.Is(err, io.EOF) && (inside || r.err != nil):
			if row.Err = r.err; inside {
				row.Err = fmt.Errorf("%w: the card that begins in line %d has no END:VCARD", errEnd, row.Line)
			}
			return row, true
		case errors.Is(err, io.EOF):
			return row, false
		case err != nil:
			row.Line, row.Err = r.line, fmt.Errorf("%w: %w", errEnd, err)
			return row, true
		}
		if !inside && r.err != nil && r.peekBegin() {
			row.Err = r.err
			return row, true
		}
	}
}

// peekBegin tells whether a card begins with the next line.
func (r *cardReader) peekBegin() bool {
	head, _ := r.in.Peek(len("BEGIN:VCARD")) // shorter: there is none
	return strings.EqualFold(string(head), "BEGIN:VCARD")
}

// readLine reads a line as it stands in the file, of which no more than a card can have is kept.
func (r *cardReader) readLine() (string, error) {
	var b strings.Builder
	r.line++
	for {
		part, err := r.in.ReadSlice('\n')
		if b.Len()+len(part) <= longestRecord {
			b.Write(part)
		} else if r.err == nil {
			r.err = fmt.Errorf("a line of the card is longer than 1 MiB")
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return strings.TrimRight(b.String(), "\r\n"), err
		}
	}
}

// keep adds a line to the card, or to the line before if it goes on.
func (r *cardReader) keep(line string) {
	r.size += len(line) + 1
	fold := strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")
	if !fold {
		r.n++
	}
	switch {
	case r.err != nil:
	case r.size > longestRecord:
		r.err = errors.New("the card is longer than 1 MiB; its photo may be too large")
	case r.n > mostProperties:
		r.err = fmt.Errorf("the card has more than %d properties", mostProperties)
	case strings.ContainsRune(line, 0):
		r.err = errors.New("the card has a NUL character")
	case fold:
		r.text.WriteString(line[1:])
	default:
		if r.text.Len() > 0 {
			r.text.WriteString("\r\n")
		}
		r.text.WriteString(line)
	}
}

// card reads what was kept.
func (r *cardReader) card(row Row) Row {
	if row.Err = r.err; row.Err != nil {
		return row
	}
	if text := r.text.String() + "\r\n"; !utf8.ValidString(text) {
		row.Err = errors.New("the card is not UTF-8; export it as UTF-8")
	} else {
		row.Err = row.parse(text)
	}
	return row
}
