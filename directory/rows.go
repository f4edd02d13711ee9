package directory

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"iter"
	"strings"
)

const (
	// longestRecord is how many bytes of a file one record has at most; with it a file ends in which a quote or a card is never closed.
	longestRecord = 1 << 20
	// mostRows is how many records a file has at most: what makes them different is kept in mind.
	mostRows = 2_000_000
)

// A Row is a record of a file.
type Row struct {
	Line int // where it begins, from 1
	Kind string
	Record
}

// errEnd comes where a file can't be read on.
var errEnd = errors.New("the file can't be read on")

// ReadRows reads a file of entries, CSV with a header or vCards, record by record, without keeping more than one. A record that can't be read has an error, and
// the file goes on behind it; if it can't go on, that is the last one. A record with the ID or an address of one before has an error, too.
func ReadRows(in io.Reader, domain string) iter.Seq[Row] {
	return func(yield func(Row) bool) {
		r := bufio.NewReaderSize(in, 1<<16)
		rows, err := rowsOf(r)
		if err != nil {
			yield(Row{Line: 1, Record: Record{Err: err}})
			return
		}
		before := newBefore(domain)
		n := 0
		for row := range rows {
			if n++; n > mostRows {
				yield(Row{Line: row.Line, Record: Record{Err: fmt.Errorf("%w: it has more than %d records; split it", errEnd, mostRows)}})
				return
			}
			if row.Err == nil {
				row.Err = before.check(&row)
			}
			if !yield(row) {
				return
			}
		}
	}
}

// rowsOf finds out what a file is.
func rowsOf(r *bufio.Reader) (iter.Seq[Row], error) {
	head, err := r.Peek(64)
	if len(head) == 0 && errors.Is(err, io.EOF) {
		return nil, errors.New("the file is empty")
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return nil, errors.New("the file is UTF-16; save it as UTF-8")
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		if _, err := r.Discard(3); err != nil {
			return nil, err
		}
		head = head[3:]
	}
	if begin := "BEGIN:VCARD"; len(bytes.TrimSpace(head)) >= len(begin) && strings.EqualFold(string(bytes.TrimSpace(head)[:len(begin)]), begin) {
		return readCards(r), nil
	}
	return readCSV(r)
}

// A before knows what the records before had, by a digest of 64 bits each.
type before struct {
	domain string
	seed   maphash.Seed
	lines  map[uint64]uint32
}

func newBefore(domain string) *before {
	return &before{domain, maphash.MakeSeed(), map[uint64]uint32{}}
}

// check refuses a record that has the ID, the account or the address of mail of another one before it.
func (b *before) check(r *Row) error {
	id, err := r.id(b.domain)
	if err != nil {
		return err
	}
	keys := []string{"the ID " + id}
	if a := strings.TrimSpace(r.Fields["account"]); a != "" {
		local, _, _ := strings.Cut(a, "@")
		keys = append(keys, "the account "+strings.ToLower(local))
	}
	if e := strings.TrimSpace(r.Fields["email"]); e != "" {
		keys = append(keys, "the address "+FoldEmail(e))
	}
	var sums [3]uint64
	for i, k := range keys {
		sums[i] = maphash.String(b.seed, k)
		if line := b.lines[sums[i]]; line != 0 {
			return fmt.Errorf("%s is in line %d already", limited(k), line)
		}
	}
	for i := range keys {
		b.lines[sums[i]] = uint32(r.Line)
	}
	return nil
}
