package xep_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"palabre/server"
	"palabre/stream"
	"palabre/xep"
	"palabre/xmpp"
)

// An archivist has each message wait for its commit, and marks it for either side.
type archivist struct{ commit chan func(error) }

type row struct{ owner xmpp.JID }

func (r row) Owner() xmpp.JID { return r.owner }

func (*archivist) Info() server.Info { return server.Info{Name: "archivist"} }
func (a *archivist) Register(h *server.Host) {
	h.Hooks().Outbound = append(h.Hooks().Outbound, func(_ context.Context, p *server.Passage) error {
		if p.Stanza.Kind == xmpp.Message {
			p.Write(row{p.Sender()})
			p.Then(func(_ context.Context, p *server.Passage) error {
				p.SenderTail, p.Tail = "<mine xmlns='urn:x'/>", "<yours xmlns='urn:x'/>"
				return nil
			})
		}
		return nil
	})
}
func (a *archivist) Commit(_ []server.Write, done func(error))    { a.commit <- done }
func (*archivist) Exists(context.Context, xmpp.JID) (bool, error) { return true, nil }

type mailbox chan string

func (m mailbox) Send(p stream.Packet) bool { m <- string(p.AppendTo(nil)); return true }
func (mailbox) Close(*stream.Error)         {}
func (mailbox) Remote() netip.Addr          { return netip.Addr{} }
func (mailbox) Flush()                      {}
func (mailbox) Drop()                       {}

// Each side's clients get what the server adds for that side, also when the one that sent the message has left before it was durable.
func TestCarbonsCarryTheirOwnTail(t *testing.T) {
	t.Parallel()
	store := &archivist{commit: make(chan func(error), 1)}
	h, err := server.New(server.Options{Domains: []string{"example.org"}, Users: store, Store: store}, store, &xep.Carbons{})
	if err != nil {
		t.Fatal(err)
	}
	bind := func(address string) (*server.Session, mailbox) {
		jid, box := xmpp.MustParseJID(address), make(mailbox, 10)
		s, err := h.Bind(t.Context(), jid.Bare(), jid.Resource(), box)
		if err != nil {
			t.Fatal(err)
		}
		enable := xmpp.NewStanza(xmpp.IQ, xmpp.TypeSet, xmpp.New("urn:xmpp:carbons:2", "enable"))
		enable.ID = "c"
		s.Receive(t.Context(), stream.Event{Kind: stream.Stanza, Stanza: enable})
		<-box
		return s, box
	}
	phone, _ := bind("romeo@example.org/phone")
	laptop, atLaptop := bind("romeo@example.org/laptop")
	balcony, atBalcony := bind("juliet@example.org/balcony")
	garden, atGarden := bind("juliet@example.org/garden")
	st := xmpp.NewStanza(xmpp.Message, xmpp.TypeChat, xmpp.New(xmpp.NSClient, "body", xmpp.Text("hi")))
	st.ID, st.To = "m", balcony.JID
	phone.Receive(t.Context(), stream.Event{Kind: stream.Stanza, Stanza: st})
	done := <-store.commit
	phone.End(nil)
	done(nil)
	for box, want := range map[mailbox]string{atLaptop: "mine", atBalcony: "yours", atGarden: "yours"} {
		if got := <-box; strings.Count(got, "'urn:x'") != 1 || !strings.Contains(got, "<"+want) {
			t.Errorf("%s, not with %s", got, want)
		}
	}
	for _, s := range []*server.Session{phone, laptop, balcony, garden} {
		s.Closed(t.Context())
	}
}
