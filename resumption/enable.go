package resumption

import (
	"context"
	"strconv"
	"time"

	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// enable: XEP-0198 §3.
func (m *Module) enable(_ context.Context, s *server.Session, e xmpp.Element) error {
	answer, first := m.begin(s, e)
	s.Write(stream.Packet{Raw: answer.String(), Begins: first})
	if !first {
		s.End(&stream.Error{Condition: stream.PolicyViolation, Text: "Stream management is enabled once."})
	}
	return nil
}

// enableInline: XEP-0198 §9.1. The count begins behind the <success/> that the answer stands in.
func (m *Module) enableInline(_ context.Context, s *server.Session, e xmpp.Element) (xmpp.Element, error) {
	answer, _ := m.begin(s, e)
	return answer, nil
}

// begin has the session count, and gives the answer; first is false if it does already.
func (m *Module) begin(s *server.Session, e xmpp.Element) (answer xmpp.Element, first bool) {
	st := m.streams.Get(s)
	if st.enabled {
		return failed("unexpected-request"), false
	}
	st.enabled = true
	answer = xmpp.New(ns, "enabled")
	if keep := m.opts.Time > 0 && isTrue(e.Attr("resume")); !keep {
		s.Count(false)
		return answer, true
	}
	st.wait = m.patience(e.Attr("max"))
	s.Count(true)
	answer = answer.With("id", s.ID).With("resume", "true").With("max", strconv.Itoa(int(st.wait/time.Second)))
	if m.opts.Location != "" {
		answer = answer.With("location", m.opts.Location)
	}
	return answer, true
}

// isTrue reads a boolean as XML Schema has it.
func isTrue(s string) bool { return s == "true" || s == "1" }

// patience is how long a session waits whose client prefers so many seconds: never longer than the server's own time.
func (m *Module) patience(most string) time.Duration {
	n, err := strconv.ParseUint(most, 10, 31)
	if err != nil || n == 0 {
		return m.opts.Time
	}
	return min(time.Duration(n)*time.Second, m.opts.Time)
}
