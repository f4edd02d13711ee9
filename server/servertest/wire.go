package servertest

import (
	"context"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// A Wire is a transport without a network: a session's queue writes into a pipe, and what comes out is kept. It deals with its session as package c2s does, but that
// the test is the reader: it calls Session.Receive and Session.Nonza itself.
type Wire struct {
	*server.Session

	near, far net.Conn
	queue     *stream.Queue
	over      chan struct{} // closed when the connection ends
	through   chan struct{} // closed when the session has been handed over
	ending    sync.Once
	goodbye   bool // it was the client that ended the stream

	mu    sync.Mutex
	taken bool
	held  []stream.Packet // came before the session was taken
	got   strings.Builder
	why   *stream.Error
}

var _ server.Conn = (*Wire)(nil)

// Bind makes a wire with a session.
func Bind(ctx context.Context, h *server.Host, full xmpp.JID) (*Wire, error) {
	w := newWire()
	s, err := h.Bind(ctx, full.Bare(), full.Resource(), w)
	if err != nil {
		return nil, err
	}
	w.take(s)
	return w, nil
}

// Again makes another wire for a session that is resumed by the host's Resumer, or gives why not.
func Again(ctx context.Context, h *server.Host, user xmpp.JID, request xmpp.Element) (*Wire, xmpp.Element) {
	w := newWire()
	s, answer := h.Resumer().Resume(ctx, user, request, w)
	if s == nil {
		_ = w.near.Close()
		return nil, answer
	}
	w.take(s)
	return w, answer
}

func newWire() *Wire {
	w := &Wire{over: make(chan struct{}), through: make(chan struct{})}
	w.near, w.far = net.Pipe()
	w.queue = stream.NewQueue(w.near)
	w.queue.OnError = func(error) { w.end() }
	w.queue.OnWrite = func(batch []stream.Packet) []stream.Packet { return w.Outgoing(batch) }
	w.queue.OnWritten = func(err error) { w.Written(err) }
	return w
}

// take begins to write.
func (w *Wire) take(s *server.Session) {
	w.mu.Lock()
	w.Session, w.taken = s, true
	for _, p := range w.held {
		_ = w.queue.Send(p)
	}
	w.held = nil
	w.mu.Unlock()
	go func() { _, _ = io.Copy((*tap)(w), w.far) }()
	go w.run()
}

// A tap is where it comes out.
type tap Wire

func (t *tap) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.got.Write(b)
}

// run ends as a transport does.
func (w *Wire) run() {
	defer close(w.through)
	<-w.over
	ctx := context.Background()
	kept := w.Detach(w.goodbye)
	if !kept {
		w.Closed(ctx)
	}
	w.queue.Close(nil, nil)
	w.queue.Wait()
	if kept {
		w.Left(ctx, w.queue.Unsent())
	} else {
		w.Parted(ctx, w.queue.Unsent())
	}
	_ = w.near.Close()
}

func (w *Wire) end() { w.ending.Do(func() { close(w.over) }) }

// Lose cuts the wire, and waits until its session is without it.
func (w *Wire) Lose() {
	_ = w.far.Close()
	w.end()
	<-w.through
}

// Goodbye ends the stream as its client does, and waits until the session has ended.
func (w *Wire) Goodbye() {
	w.goodbye = true
	w.end()
	<-w.through
}

// Got is all that has come out.
func (w *Wire) Got() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.got.String()
}

// Why is why the server has closed the wire, if it has.
func (w *Wire) Why() *stream.Error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.why
}

// Send is part of server.Conn.
func (w *Wire) Send(p stream.Packet) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.taken {
		w.held = append(w.held, p)
		return true
	}
	return w.queue.Send(p) == nil
}

// Close is part of server.Conn.
func (w *Wire) Close(why *stream.Error) {
	w.mu.Lock()
	if w.why == nil {
		w.why = why
	}
	w.mu.Unlock()
	w.queue.Close(nil, nil)
	w.end()
}

// Flush is part of server.Conn.
func (w *Wire) Flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.taken {
		w.queue.Flush()
	}
}

// Drop is part of server.Conn.
func (w *Wire) Drop() {
	_ = w.far.Close()
	w.end()
}

// Remote is part of server.Conn.
func (w *Wire) Remote() netip.Addr { return netip.MustParseAddr("192.0.2.1") }
