package account

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
)

// A Row is one account of a file to import, as it stands there.
type Row struct {
	Line     int
	JID      string
	Password string
	Err      error // the row can't be read; it says why
}

// maxRow is the longest line of a file, in bytes.
const maxRow = 64 << 10

// ReadRows reads a file of accounts: JSON lines, {"jid": ..., "password": ...}, or CSV with two columns; a first line
// "jid,password" is passed over. When the file itself can't be read on, the last row says so.
func ReadRows(r io.Reader) iter.Seq[Row] {
	br := bufio.NewReaderSize(r, maxRow)
	if mark, err := br.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
		br.Discard(3) // the mark that spreadsheets put before UTF-8
	}
	if isJSON(br) {
		return func(yield func(Row) bool) { readJSON(br, yield) }
	}
	return func(yield func(Row) bool) { readCSV(br, yield) }
}

func isJSON(br *bufio.Reader) bool {
	head, _ := br.Peek(512)
	head = bytes.TrimLeft(head, " \t\r\n")
	return len(head) > 0 && head[0] == '{'
}

func readJSON(br *bufio.Reader, yield func(Row) bool) {
	lines := bufio.NewScanner(br)
	lines.Buffer(make([]byte, 0, 4096), maxRow)
	n := 0
	for lines.Scan() {
		n++
		text := bytes.TrimSpace(lines.Bytes())
		if len(text) == 0 {
			continue
		}
		row := Row{Line: n}
		var in struct{ JID, Password *string }
		switch err := json.Unmarshal(text, &in); {
		case err != nil:
			row.Err = errors.New(`this is not JSON of the form {"jid": "name@domain", "password": "..."}`)
		case in.JID == nil || in.Password == nil:
			row.Err = errors.New(`"jid" or "password" is missing`)
		default:
			row.JID, row.Password = *in.JID, *in.Password
		}
		if !yield(row) {
			return
		}
	}
	if err := lines.Err(); err != nil {
		yield(Row{Line: n + 1, Err: fmt.Errorf("the file can't be read on: %w", err)})
	}
}

func readCSV(br *bufio.Reader, yield func(Row) bool) {
	cr := csv.NewReader(br)
	cr.FieldsPerRecord, cr.ReuseRecord = -1, true
	for first := true; ; first = false {
		fields, err := cr.Read()
		if err == io.EOF {
			return
		}
		var bad *csv.ParseError
		if err != nil && !errors.As(err, &bad) {
			line, _ := cr.FieldPos(0)
			yield(Row{Line: line + 1, Err: fmt.Errorf("the file can't be read on: %w", err)})
			return
		}
		if bad != nil {
			if !yield(Row{Line: bad.StartLine, Err: fmt.Errorf("this is not CSV: %w", bad.Err)}) {
				return
			}
			continue
		}
		line, _ := cr.FieldPos(0)
		row := Row{Line: line}
		switch {
		case len(fields) != 2:
			row.Err = fmt.Errorf("a row has two columns, jid and password; this one has %d", len(fields))
		case first && strings.EqualFold(strings.TrimSpace(fields[0]), "jid") && strings.EqualFold(strings.TrimSpace(fields[1]), "password"):
			continue
		default:
			row.JID, row.Password = strings.TrimSpace(fields[0]), fields[1]
		}
		if !yield(row) {
			return
		}
	}
}
