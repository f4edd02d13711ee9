package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"palabre/stream"
	"palabre/xmpp"
)

// A Handler is given the stanzas of a session, on its reader: it must not wait for anything of the same session.
type Handler func(*Session, *xmpp.Stanza)

// farewell bounds the wait for the server's end of a stream that we ended.
const farewell = 30 * time.Second

// maxWaiting is how much may wait to be sent in a session, in bytes, before the server is found not to read any more.
const maxWaiting = 16 << 20

// A Session is a client that is logged in. It has a goroutine that reads, and one that writes while there is something to write.
type Session struct {
	JID xmpp.JID // full

	conn net.Conn
	in   *stream.Reader
	out  *stream.Queue
	done chan struct{} // closed when the reader has ended; err is set before
	acks acks

	mu      sync.Mutex // guards what follows; tier: below a lane's
	err     error
	closing bool
	waiting map[string]chan *xmpp.Stanza
	last    int // the id of the last request
	lost    func(*Session, error)
}

func newSession(jid xmpp.JID, conn net.Conn, in *stream.Reader) *Session {
	s := &Session{JID: jid, conn: conn, in: in, out: stream.NewQueue(conn), done: make(chan struct{})}
	s.acks.enabled, s.acks.came = make(chan error, 1), make(chan struct{}, 1)
	s.out.Max = maxWaiting
	s.out.OnError = s.fail
	return s
}

// start begins to read. The goroutine ends with the connection; Close waits for it.
func (s *Session) start(handle Handler) {
	go func() {
		defer close(s.done)
		s.fail(s.read(handle))
		s.in.Release()
	}()
}

// OnLost has fn called once if the session ends without Close, at once if it did already.
func (s *Session) OnLost(fn func(*Session, error)) {
	s.mu.Lock()
	err := s.err
	s.lost = fn
	s.mu.Unlock()
	if err != nil {
		fn(s, err)
	}
}

// fail notes why the session ended; only the first reason counts, and after Close none.
func (s *Session) fail(err error) {
	s.mu.Lock()
	if s.err != nil || s.closing {
		s.mu.Unlock()
		return
	}
	s.err = fmt.Errorf("bench: session of %s: %w", s.JID.Bare(), err)
	lost, why := s.lost, s.err
	s.mu.Unlock()
	s.conn.Close()
	if lost != nil {
		lost(s, why)
	}
}

func (s *Session) read(handle Handler) error {
	for {
		ev, err := s.in.Next()
		if errors.Is(err, io.EOF) {
			return errClosed
		}
		if err != nil {
			return err
		}
		switch ev.Kind {
		case stream.Closed:
			return errClosed
		case stream.Nonza:
			if err := s.nonza(ev.Nonza); err != nil {
				return err
			}
		case stream.Stanza:
			s.acks.took()
			s.take(ev.Stanza, handle)
		}
	}
}

func (s *Session) take(st *xmpp.Stanza, handle Handler) {
	if s.answered(st) {
		return
	}
	if st.IsRequest() {
		s.reply(st)
	}
	handle(s, st)
}

// answered gives the answer to a request to who waits for it; false if st is none, or nobody does.
func (s *Session) answered(st *xmpp.Stanza) bool {
	if st.Kind != xmpp.IQ || st.IsRequest() {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.waiting[st.ID]
	if ok {
		delete(s.waiting, st.ID)
		c <- st // has room for the one answer
	}
	return ok
}

// reply answers what the server asks: roster pushes are accepted (RFC 6121 §2.1.6), nothing else is known here.
func (s *Session) reply(st *xmpp.Stanza) {
	answer := st.ErrorReply(xmpp.ErrServiceUnavailable)
	if st.Type == xmpp.TypeSet && st.Has(nsRoster, "query") {
		answer = st.Result(xmpp.Element{})
	}
	answer.From = xmpp.JID{}
	s.SendStanza(answer) // if the session has ended, its reader finds that out next
}

// Send queues a stanza. It never blocks. An error is that of the session, which has ended.
func (s *Session) Send(xml string) error {
	err := s.acks.send(s.out, xml)
	if errors.Is(err, stream.ErrOverflow) {
		s.fail(errors.New("the server has stopped reading"))
	}
	return err
}

// SendStanza queues a stanza, addressed as it is.
func (s *Session) SendStanza(st *xmpp.Stanza) error {
	return s.Send(string(st.AppendXML(nil, st.To, "")))
}

// Request sends an IQ and waits for the answer. One of type error is an *xmpp.Error.
func (s *Session) Request(ctx context.Context, iq *xmpp.Stanza) (*xmpp.Stanza, error) {
	out := *iq
	answer := make(chan *xmpp.Stanza, 1)
	s.mu.Lock()
	s.last++
	out.ID = "b" + strconv.Itoa(s.last)
	if s.waiting == nil {
		s.waiting = make(map[string]chan *xmpp.Stanza)
	}
	s.waiting[out.ID] = answer
	s.mu.Unlock()
	if err := s.SendStanza(&out); err != nil {
		return nil, s.reason(err)
	}
	select {
	case st := <-answer:
		return st, stanzaError(st)
	case <-s.done:
		return nil, s.reason(errClosed)
	case <-ctx.Done():
		return nil, fmt.Errorf("bench: session of %s: the server does not answer: %w", s.JID.Bare(), context.Cause(ctx))
	}
}

// Fence waits until the server has handled what this session sent before. A server answers a ping (XEP-0199) whether or
// not it knows it, in the stream's order, so an error is as good an answer.
func (s *Session) Fence(ctx context.Context) error {
	ping := xmpp.NewStanza(xmpp.IQ, xmpp.TypeGet, xmpp.New(nsPing, "ping"))
	ping.To = s.JID.DomainJID()
	_, err := s.Request(ctx, ping)
	var refused *xmpp.Error
	if errors.As(err, &refused) {
		return nil
	}
	return err
}

// Roster asks for the roster (RFC 6121 §2.1.3).
func (s *Session) Roster(ctx context.Context) (xmpp.Element, error) {
	answer, err := s.Request(ctx, xmpp.NewStanza(xmpp.IQ, xmpp.TypeGet, xmpp.New(nsRoster, "query")))
	if err != nil {
		return xmpp.Element{}, fmt.Errorf("bench: roster of %s: %w", s.JID.Bare(), err)
	}
	query, _ := answer.Child(nsRoster, "query")
	return query, nil
}

// Appear does what clients do after login: it asks for the roster and sends initial presence (RFC 6121 §4.2).
func (s *Session) Appear(ctx context.Context) (roster xmpp.Element, err error) {
	if roster, err = s.Roster(ctx); err != nil {
		return xmpp.Element{}, err
	}
	return roster, s.Send("<presence/>")
}

// Close ends the stream (RFC 6120 §4.4), waits for the server to end it too, and closes the connection.
func (s *Session) Close() error {
	s.mu.Lock()
	err := s.err
	s.closing = true
	s.mu.Unlock()
	if err == nil {
		s.out.Close(stream.AppendClose(s.acks.farewell()), nil)
		select {
		case <-s.done:
		case <-time.After(farewell):
			err = fmt.Errorf("bench: session of %s: the server did not end the stream within %v", s.JID.Bare(), farewell)
		}
	}
	s.Abort()
	return err
}

// Abort closes the connection without a word.
func (s *Session) Abort() {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	s.conn.Close()
	<-s.done
	s.out.Close(nil, nil)
	s.out.Wait()
}

// reason is why the session ended, or the given error if that is not known.
func (s *Session) reason(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	return err
}
