package websocket

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/coder/websocket"

	"palabre/stream"
)

// pieceSize is how much of a frame is read at once. An <open/> or a <close/> is no longer.
const pieceSize = 4 << 10

// pump hands over what the client sends, until it sends no more or something that it may not.
func (s *Server) pump(c *conn) {
	defer c.far.Close()
	for {
		kind, r, err := c.ws.Reader(context.Background())
		if err != nil {
			return
		}
		c.heard.Store(0)
		if kind != websocket.MessageText { // RFC 7395 §3.2
			err = &stream.Error{Condition: stream.UnsupportedEncoding, Text: "XMPP goes in text frames."}
		} else {
			err = s.message(c, r)
		}
		c.heard.Store(s.opts.Now().UnixNano())
		var why *stream.Error
		if errors.As(err, &why) {
			c.why.Store(why)
		}
		if err != nil {
			return
		}
	}
}

// message hands over one frame, which may come in fragments.
func (s *Server) message(c *conn, r io.Reader) error {
	buf := s.pieces.Get().(*[pieceSize]byte)
	defer s.pieces.Put(buf)
	n, err := io.ReadFull(r, buf[:])
	whole := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	if err != nil && !whole {
		return err
	}
	piece := buf[:n]
	switch {
	case n < 2 || piece[0] != '<': // RFC 7395 §3.3.3, §3.8
		return &stream.Error{Condition: stream.BadFormat, Text: "A frame begins with an element. Send a ping instead of white space."}
	case piece[1] == '?' || piece[1] == '!':
		return &stream.Error{Condition: stream.RestrictedXML, Text: "A frame is one element, without a declaration."}
	case piece[1] == '/':
		return &stream.Error{Condition: stream.BadFormat, Text: "A frame is one whole element. A stream ends with <close/>."}
	}
	switch localName(piece) {
	case "stream":
		return &stream.Error{Condition: stream.BadFormat, Text: "Over WebSocket a stream begins with <open/> (RFC 7395)."}
	case "open", "close":
		if !whole {
			return &stream.Error{Condition: stream.PolicyViolation, Text: "The element that begins or ends a stream is too long."}
		}
		b, err := unframe(piece)
		if err != nil {
			return err
		}
		if b != nil {
			_, err := c.far.Write(b)
			return err
		}
	}
	return handOver(c.far, piece, r, whole)
}

// handOver copies one element to a stream, and refuses what does not end with the frame, or before it.
func handOver(w io.Writer, piece []byte, r io.Reader, whole bool) error {
	buf := piece[:cap(piece)]
	var cut cutter
	done := false
	for {
		n := 0
		if !done {
			n, done = cut.next(piece)
		}
		if rest := piece[n:]; len(bytes.TrimLeft(rest, " \t\r\n")) > 0 {
			return &stream.Error{Condition: stream.BadFormat, Text: "A frame is one element: send the next one in a frame of its own."} // RFC 7395 §3.3.3
		}
		if _, err := w.Write(piece[:n]); err != nil {
			return err
		}
		if whole {
			break
		}
		m, err := r.Read(buf)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		piece, whole = buf[:m], err != nil
	}
	if !done {
		return &stream.Error{Condition: stream.NotWellFormed, Text: "A frame is one whole element: the frame ended before the element did."} // RFC 7395 §3.3.3
	}
	return nil
}
