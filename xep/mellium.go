package xep

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"

	"mellium.im/xmpp/mux"
	"mellium.im/xmpp/stanza"

	"palabre/server"
	"palabre/xmpp"
)

// mellium answers requests by the handlers that opts register in a mux of mellium.im/xmpp. They see the payload alone: addresses are
// the kernel's, which makes the answer out of what they write. Types that no handler wants are refused.
func mellium(opts ...mux.Option) server.IQHandler {
	m := mux.New(stanza.NSClient, opts...)
	return func(_ context.Context, r *server.Request) (xmpp.Element, error) {
		iq := stanza.IQ{ID: r.ID, Type: stanza.IQType(r.Type)}
		h, known := m.IQHandler(iq.Type, xml.Name{Space: r.Payload.Name.Space, Local: r.Payload.Name.Local})
		if !known {
			return xmpp.Element{}, xmpp.ErrServiceUnavailable
		}
		t := newTokens(r.Payload)
		start, err := t.start()
		if err == nil {
			err = h.HandleIQ(iq, t, &start)
		}
		if err != nil {
			return xmpp.Element{}, fmt.Errorf("xep: mellium: %w", err)
		}
		return t.answer()
	}
}

// tokens is a stream of mellium's that holds one payload, and takes one answer.
type tokens struct {
	*xml.Decoder
	*xml.Encoder
	out bytes.Buffer
}

func newTokens(payload xmpp.Element) *tokens {
	t := &tokens{Decoder: xml.NewDecoder(strings.NewReader(payload.String()))}
	t.Encoder = xml.NewEncoder(&t.out)
	return t
}

func (t *tokens) start() (xml.StartElement, error) {
	tok, err := t.Token()
	start, ok := tok.(xml.StartElement)
	if err == nil && !ok {
		err = errors.New("the payload is no element")
	}
	return start, err
}

// answer is the payload of the IQ that the handler wrote; nothing for an empty one.
func (t *tokens) answer() (xmpp.Element, error) {
	if err := t.Flush(); err != nil {
		return xmpp.Element{}, fmt.Errorf("xep: mellium: %w", err)
	}
	iq, err := xmpp.Parse(t.out.String(), xmpp.NSClient)
	if err != nil {
		return xmpp.Element{}, fmt.Errorf("xep: mellium: %w", err)
	}
	if iq.Attr("type") != xmpp.TypeResult {
		return xmpp.Element{}, xmpp.ErrServiceUnavailable
	}
	for _, e := range iq.Elements() {
		return e, nil
	}
	return xmpp.Element{}, nil
}
