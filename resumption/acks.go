package resumption

import (
	"context"
	"strconv"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// request takes an <r/> (XEP-0198 §4). However many of them come between two stanzas, they are answered as one. Without stream management it is passed over:
// §6 has errors for <enable/> and <resume/> only.
func (m *Module) request(ctx context.Context, s *server.Session, _ xmpp.Element) error {
	st := m.streams.Peek(s)
	if st == nil || !st.enabled {
		return nil
	}
	mine := uint64(s.Received()) + 1
	if st.asked.Swap(mine) == mine {
		return nil
	}
	s.InOrder(ctx, func(context.Context) {
		st.asked.CompareAndSwap(mine, 0)
		m.answer(s, st)
	})
	return nil
}

// acknowledge takes an <a/> (XEP-0198 §4).
func (m *Module) acknowledge(_ context.Context, s *server.Session, e xmpp.Element) error {
	st := m.streams.Peek(s)
	if st == nil || !st.enabled {
		return nil
	}
	h, ok := count(e)
	if !ok {
		s.End(&stream.Error{Condition: stream.InvalidXML, Text: "'h' of an acknowledgement is a number of 32 bits."})
		return nil
	}
	if err := s.Acknowledge(h); err != nil {
		s.End(tooHigh(h, s.Sent()))
	}
	return nil
}

// count reads an 'h'.
func count(e xmpp.Element) (h uint32, ok bool) {
	n, err := strconv.ParseUint(e.Attr("h"), 10, 32)
	return uint32(n), err == nil
}

// tooHigh: XEP-0198 §6.
func tooHigh(h, sent uint32) *stream.Error {
	n, m := strconv.FormatUint(uint64(h), 10), strconv.FormatUint(uint64(sent), 10)
	return &stream.Error{
		Condition: stream.UndefinedCondition,
		Text:      "You acknowledged " + n + " stanzas, but were sent " + m + " so far.",
		App:       xmpp.New(ns, "handled-count-too-high").With("h", n).With("send-count", m),
	}
}
