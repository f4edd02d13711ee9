package bench

import (
	"strconv"
	"strings"
	"time"
)

// A stamp is what a body or a status carries so that its arrival can be checked: which run sent it, who in that run,
// as its how-many-eth, and when.
type stamp struct {
	run  string // so that what an earlier run left in the server is not taken for ours
	lane int
	n    uint64
	at   time.Duration // since the run began
}

// appendTo writes the stamp, filled up with dots to a length of size. It needs no escaping in XML.
func (s stamp) appendTo(b []byte, size int) []byte {
	start := len(b)
	b = append(b, s.run...)
	for _, v := range [...]uint64{uint64(s.lane), s.n, uint64(s.at)} {
		b = append(b, ' ')
		b = strconv.AppendUint(b, v, 10)
	}
	b = append(b, ' ')
	for len(b)-start < size {
		b = append(b, '.')
	}
	return b
}

// parseStamp reads a stamp of the given run; ok is false for anything else.
func parseStamp(text, run string) (s stamp, ok bool) {
	text, ok = strings.CutPrefix(text, run+" ")
	if !ok {
		return stamp{}, false
	}
	var v [3]uint64
	for i := range v {
		var word string
		if word, text, ok = strings.Cut(text, " "); !ok {
			return stamp{}, false
		}
		var err error
		if v[i], err = strconv.ParseUint(word, 10, 63); err != nil {
			return stamp{}, false
		}
	}
	return stamp{run, int(v[0]), v[1], time.Duration(v[2])}, true
}
