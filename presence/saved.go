package presence

import (
	"encoding/json"

	"palabre/server"
	"palabre/xmpp"
)

// saved is what is kept of a session that outlives the process. Nobody is told when it comes back: nobody was told that it had gone.
type saved struct {
	Presence string   `json:"presence,omitempty"`
	Priority int      `json:"priority,omitempty"`
	Directed []string `json:"directed,omitempty"`
}

func (m *Module) save(s *server.Session, put func(module string, state []byte)) {
	var out saved
	if st := s.Presence(); st != nil {
		out.Presence, out.Priority = st.String(), s.Priority()
	}
	if d := m.sent.Peek(s); d != nil {
		d.mu.Lock()
		for _, j := range d.to {
			out.Directed = append(out.Directed, j.String())
		}
		d.mu.Unlock()
	}
	if out.Presence == "" && len(out.Directed) == 0 {
		return
	}
	if b, err := json.Marshal(out); err == nil {
		put("presence", b)
	}
}

func (m *Module) restore(s *server.Session, get func(module string) []byte) {
	raw := get("presence")
	if len(raw) == 0 {
		return
	}
	var in saved
	if err := json.Unmarshal(raw, &in); err != nil {
		m.host.Log().Error("presence not restored", "jid", s.JID.String(), "module", "presence", "err", err)
		return
	}
	if st, err := xmpp.ParseStanza(in.Presence); err == nil {
		st.From = s.JID
		s.SetPresence(st, int8(in.Priority))
	}
	for _, to := range in.Directed {
		if j, err := xmpp.ParseJID(to); err == nil {
			m.sent.Get(s).add(j)
		}
	}
}
