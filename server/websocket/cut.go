package websocket

import "bytes"

// A cutter finds where an element ends. It knows as much of XML as that takes and refuses nothing but what no stream may hold: what is well-formed is the
// scanner's to say. It looks at each byte once, however the bytes are cut.
type cutter struct {
	at    place
	depth int
	quote byte
	run   int // of the brackets that may end a CDATA section
}

// place is where a cutter stands.
type place uint8

const (
	inText  place = iota
	inOpen        // after a '<'
	inTag         // a start tag
	inSlash       // after a '/' in one
	inQuote       // a value
	inEnd         // an end tag
	inCDATA
	inError
)

// next goes on, and gives how many bytes there are to the end of the element; done tells whether it is among them.
func (c *cutter) next(b []byte) (n int, done bool) {
	for n < len(b) && c.at != inError {
		switch c.at {
		case inText:
			n = c.find(b, n, '<', inOpen)
		case inQuote:
			n = c.find(b, n, c.quote, inTag)
		case inEnd:
			if n = c.find(b, n, '>', inText); c.at == inText {
				c.depth--
				if c.depth <= 0 {
					return n, true
				}
			}
		case inOpen:
			c.open(b[n])
			n++
		case inCDATA:
			c.cdata(b[n])
			n++
		default:
			if c.tag(b[n]) {
				return n + 1, true
			}
			n++
		}
	}
	return n, false
}

// find goes behind the next such byte, which leads to another place.
func (c *cutter) find(b []byte, n int, what byte, then place) int {
	i := bytes.IndexByte(b[n:], what)
	if i < 0 {
		return len(b)
	}
	c.at = then
	return n + i + 1
}

func (c *cutter) open(x byte) {
	switch {
	case x == '/' && c.depth > 0:
		c.at = inEnd
	case x == '!' && c.depth > 0:
		c.at, c.run = inCDATA, 0
	case x == '/' || x == '!' || x == '?':
		c.at = inError
	default:
		c.at = inTag
	}
}

func (c *cutter) cdata(x byte) {
	switch {
	case x == ']':
		c.run++
	case x == '>' && c.run >= 2:
		c.at = inText
	default:
		c.run = 0
	}
}

// tag takes a byte of a start tag, and tells whether the element ends with it.
func (c *cutter) tag(x byte) bool {
	switch {
	case x == '"' || x == '\'':
		c.at, c.quote = inQuote, x
	case x == '/':
		c.at = inSlash
	case x != '>':
		c.at = inTag
	case c.at == inSlash:
		c.at = inText
		return c.depth == 0
	default:
		c.at = inText
		c.depth++
	}
	return false
}
