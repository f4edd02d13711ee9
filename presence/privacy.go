package presence

import (
	"context"

	"palabre/server"
	"palabre/xmpp"
)

// private keeps the requests of strangers from a session, as if it were not there (RFC 6121 §8.5.3.1): that it could answer shows that
// somebody is on-line. Who may ask are the account itself, those who see it, those to whom the session has sent presence, and the server.
func (m *Module) private(ctx context.Context, p *server.Passage) error {
	from, to := p.Stanza.From, p.Stanza.To
	if !p.Stanza.IsRequest() || to.IsBare() || from.Local() == "" && m.host.IsLocal(from.Domain()) {
		return nil
	}
	sees, err := m.host.Sees(ctx, from, to)
	if sees || err != nil || m.knows(from, p.Recipient.Session(to.Resource())) {
		return err
	}
	return xmpp.ErrServiceUnavailable
}
