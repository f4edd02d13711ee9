package stream

// A Scanner finds the events of a stream in bytes that come in pieces of any size, and refuses what is not well-formed.
//
// It looks at each byte once, however the bytes are cut: between two calls it keeps a state and places in the buffer,
// which begins with the top-level element in progress. All memory beyond a few words is taken while an
// element is in progress (work) and given back at its end.
type Scanner struct {
	content string // the content namespace
	limits  Limits
	err     *Error

	phase phase
	state state
	pos   int  // the next byte to look at, from the front of the buffer
	done  bool // an element, or the XML declaration, ends at pos

	root []byte // the name of the stream's start tag, as written
	base []decl // what the stream's start tag declares

	lastTo, lastFrom address
	w                *work // nil between elements
}

// phase is how far the stream is.
type phase uint8

const (
	atStart  phase = iota // an XML declaration may come, or the start tag
	atHeader              // the start tag must come
	inStream
	ended
)

// A decl is a prefix that the stream's start tag declares.
type decl struct {
	prefix, space string
	content       bool // it is the content namespace
}

// The most declarations that a stream header, or one place in an element, may have: they are bits of a word.
const maxBinds = 32

// NewScanner makes a scanner for streams whose content namespace is space (jabber:client, jabber:server, ...).
// In the stanzas that it gives, that namespace is always jabber:client.
func NewScanner(space string, l Limits) *Scanner {
	s := &Scanner{}
	s.init(space, l)
	return s
}

func (s *Scanner) init(space string, l Limits) {
	s.content = space
	s.SetLimits(l)
}

// SetLimits changes the limits, for the next element.
func (s *Scanner) SetLimits(l Limits) {
	l.Namespaces = min(l.Namespaces, maxBinds)
	s.limits = l
}

// Restart makes the scanner expect a new stream header (RFC 6120 §4.3.3). What the old stream declared is forgotten.
func (s *Scanner) Restart() {
	s.idle()
	s.phase, s.pos, s.done, s.err = atStart, 0, false, nil
	s.root, s.base = nil, nil
}

// Scan goes on reading. The buffer begins with the first byte that no earlier call has consumed: bytes that were
// there before must be there again, unchanged, followed by what came since. It returns how many bytes it consumed
// from the front, which the caller then drops. Event.Kind is None when more bytes are needed. The error is an *Error,
// and stays.
func (s *Scanner) Scan(buf []byte) (n int, ev Event, err error) {
	for s.err == nil {
		if s.phase == ended {
			return len(buf), Event{}, nil
		}
		if s.pos == 0 {
			n += s.skip(buf[n:])
			if s.err != nil || n == len(buf) {
				break
			}
		}
		b := buf[n:min(len(buf), n+s.limits.Bytes)]
		s.run(b)
		switch {
		case s.err != nil:
		case s.done:
			ev = s.finish(b[:s.pos])
			n += s.pos
			s.pos, s.done = 0, false
			if s.err == nil && ev.Kind != None {
				return n, ev, nil
			}
		case len(b) == s.limits.Bytes:
			s.fail(PolicyViolation, "the element is too long")
		default:
			return n, Event{}, nil
		}
	}
	if s.err != nil {
		s.idle()
		return n, Event{}, s.err
	}
	return n, Event{}, nil
}

// skip counts the white space before the next element. It is not kept, so it may go on for ever (RFC 6120 §4.6.1).
// After a restart, it may belong to the former stream: an XML declaration may follow.
func (s *Scanner) skip(b []byte) int {
	n := 0
	for n < len(b) && class[b[n]]&white != 0 {
		n++
	}
	if n == len(b) || b[n] == '<' {
		return n
	}
	switch c := b[n]; {
	case s.phase != inStream && (c >= 0xFE || c == 0):
		s.fail(UnsupportedEncoding, "the encoding must be UTF-8") // RFC 6120 §11.6
	case s.phase != inStream || c < 0x20 || c >= 0x80:
		s.fail(NotWellFormed, "an element was expected")
	default:
		s.fail(BadFormat, "text between stanzas")
	}
	return n
}

// run goes on with the element in progress, to its end or to that of the bytes.
func (s *Scanner) run(b []byte) {
	if s.pos == 0 {
		s.w = works.Get().(*work)
		s.state, s.pos = inOpen, 1
	}
	for more := true; more && s.pos < len(b); {
		s.pos, more = s.step(b, s.pos)
	}
}

// fail ends the stream. The text never repeats what the peer sent.
func (s *Scanner) fail(c Condition, text string) {
	if s.err == nil {
		s.err = &Error{Condition: c, Text: text}
	}
}

// idle gives back what an element in progress needed.
func (s *Scanner) idle() {
	if s.w != nil {
		s.w.recycle()
		s.w = nil
	}
}
