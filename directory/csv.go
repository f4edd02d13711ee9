package directory

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

// longestCell is longer than any field; what is longer is refused where it is read, before it is sent anywhere.
const longestCell = 4 * longestNote

// An allowance is how much may be read before it is renewed: with each record.
type allowance struct {
	in   io.Reader
	left int
}

var errTooLong = errors.New("too long")

func (a *allowance) Read(p []byte) (int, error) {
	if a.left <= 0 {
		return 0, errTooLong
	}
	n, err := a.in.Read(p)
	a.left -= n
	return n, err
}

// A sheet is a CSV file (RFC 4180) whose first line names its columns.
type sheet struct {
	csv     *csv.Reader
	in      *allowance
	columns []string
	line    int // where the last record begins
}

// readCSV reads the header. Commas, semicolons and tabs between the cells are told apart by it.
func readCSV(r *bufio.Reader) (iter.Seq[Row], error) {
	t := &sheet{in: &allowance{r, longestRecord}, line: 1}
	head, _ := r.Peek(4096) // what is wrong with it shows when it is read
	line, _, _ := strings.Cut(string(head), "\n")
	t.csv = csv.NewReader(t.in)
	t.csv.FieldsPerRecord, t.csv.ReuseRecord = -1, true
	for _, between := range []rune{';', '\t'} {
		if strings.Count(line, string(between)) > strings.Count(line, string(t.csv.Comma)) {
			t.csv.Comma = between
		}
	}
	header, err := t.csv.Read()
	if err != nil {
		return nil, fmt.Errorf("the header can't be read: %w", err)
	}
	return t.rows, t.name(header)
}

// name reads the columns' names.
func (t *sheet) name(header []string) error {
	known := append([]string{"id", "kind"}, FieldNames()...)
	for i, name := range header {
		name = strings.ToLower(strings.TrimSpace(name))
		switch {
		case !slices.Contains(known, name):
			return fmt.Errorf("the first line must name the columns, and %q is none; there are %s", limited(name), strings.Join(known, ", "))
		case slices.Contains(t.columns[:i], name):
			return fmt.Errorf("the column %s is there twice", name)
		}
		t.columns = append(t.columns, name)
	}
	for _, name := range []string{"id", "account", "email"} {
		if slices.Contains(t.columns, name) {
			return nil
		}
	}
	return errors.New("nothing tells whom a line is about: there must be a column id, account or email")
}

// rows reads the lines.
func (t *sheet) rows(yield func(Row) bool) {
	for {
		t.in.left = longestRecord
		cells, err := t.csv.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		row := Row{Line: t.line + 1}
		var wrong *csv.ParseError
		switch {
		case errors.As(err, &wrong):
			row.Line, row.Err = wrong.StartLine, fmt.Errorf("it can't be read: %w", wrong.Err)
		case errors.Is(err, errTooLong):
			row.Err = fmt.Errorf("%w: a line is longer than 1 MiB; a quote may be missing its end", errEnd)
		case err != nil:
			row.Err = fmt.Errorf("%w: %w", errEnd, err)
		default:
			row.Line, _ = t.csv.FieldPos(0)
			row.Err = t.fill(&row, cells)
		}
		if t.line = row.Line; !yield(row) || errors.Is(row.Err, errEnd) {
			return
		}
	}
}

// fill makes a record of the cells of a line.
func (t *sheet) fill(row *Row, cells []string) error {
	if len(cells) != len(t.columns) {
		return fmt.Errorf("it has %d cells, and the first line %d", len(cells), len(t.columns))
	}
	row.Fields = Fields{}
	for i, value := range cells {
		name := t.columns[i]
		switch {
		case strings.ContainsRune(value, 0):
			return fmt.Errorf("%s has a NUL character; save the file as UTF-8 text", name)
		case !utf8.ValidString(value):
			return fmt.Errorf("%s is not UTF-8; save the file as UTF-8", name)
		case len(value) > longestCell:
			return fmt.Errorf("%s is longer than %d bytes", name, longestCell)
		}
		value = strings.Clone(value) // of the whole line
		switch name {
		case "id":
			row.ID = strings.TrimSpace(value)
		case "kind":
			row.Kind = strings.ToLower(strings.TrimSpace(value))
		default:
			row.Fields[name] = value
		}
	}
	return nil
}
