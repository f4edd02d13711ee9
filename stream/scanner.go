package stream

import "errors"

// A Scanner finds the events of a stream in bytes that come in pieces of any size.
type Scanner struct {
	space  string
	limits Limits
	err    error
}

// NewScanner makes a scanner for streams whose content namespace is space (jabber:client, jabber:server, ...).
func NewScanner(space string, l Limits) *Scanner { return &Scanner{space: space, limits: l} }

// Scan goes on reading. The buffer begins with the first byte that no earlier call has consumed: bytes that were
// there before must be there again, unchanged, followed by what came since. It returns how many bytes it consumed
// from the front, which the caller then drops. Event.Kind is None when more bytes are needed. The error is an *Error,
// and stays.
func (s *Scanner) Scan(buf []byte) (n int, ev Event, err error) {
	return 0, Event{}, errors.New("stream: the scanner is not written yet")
}

// SetLimits changes the limits, for the next element.
func (s *Scanner) SetLimits(l Limits) { s.limits = l }

// Restart makes the scanner expect a new stream header (RFC 6120 §4.3.3). What the old stream declared is forgotten.
func (s *Scanner) Restart() {}
