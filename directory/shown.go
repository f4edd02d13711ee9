package directory

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"

	"palabre/xmpp"
)

// The nodes of XEP-0060 that the directory stands in for.
const (
	nodeMetadata = "urn:xmpp:avatar:metadata" // XEP-0084
	nodeData     = "urn:xmpp:avatar:data"
	nodeVCard4   = "urn:xmpp:vcard4" // XEP-0292 §4.1
)

// sight is how much somebody may see of those who are in the directory.
type sight uint8

const (
	nothing sight = iota
	onlyFace
	everything
)

// sight: the directory is for the users of its domain, and for those whom somebody lets see their presence. The rooms of the domain ask for pictures in the name of
// occupants (XEP-0153 §4.1), and get no more than these.
func (m *Module) sight(ctx context.Context, account, asker xmpp.JID) (sight, error) {
	switch asker.Domain() {
	case account.Domain():
		return everything, nil
	case m.opts.Rooms[account.Domain()]:
		return onlyFace, nil
	}
	sees, err := m.host.Sees(ctx, asker, account)
	if err != nil || !sees {
		return nothing, err
	}
	return everything, nil
}

// person is the entry of an account, as far as asker may see it; ok is false where that is not at all.
func (m *Module) person(ctx context.Context, account, asker xmpp.JID) (e Entry, s sight, err error) {
	if s, err = m.sight(ctx, account, asker); err != nil || s == nothing {
		return Entry{}, nothing, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	e, err = m.opts.Source.ByAccount(ctx, account)
	switch {
	case errors.Is(err, ErrUnknown):
		return Entry{}, nothing, nil
	case err != nil:
		return Entry{}, nothing, fmt.Errorf("directory: by account: %w", err)
	}
	return e, s, nil
}

// bytesOf gives the bytes of an entry's photo; nil if it has none, or has none any more.
func (m *Module) bytesOf(ctx context.Context, e *Entry) ([]byte, error) {
	if e.Photo.SHA1 == "" {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p, err := m.opts.Source.Photo(ctx, e.Domain, e.ID)
	switch {
	case errors.Is(err, ErrUnknown) || err == nil && p.SHA1 != e.Photo.SHA1:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("directory: photo: %w", err)
	}
	return p.Data, nil
}

// Picture is the hash of the photo that an account has in the directory, in hexadecimal; empty if there is none.
func (m *Module) Picture(ctx context.Context, account xmpp.JID) (string, error) {
	e, _, err := m.person(ctx, account, account)
	return e.Photo.SHA1, err
}

// Card is what asker may see of an account as a card (XEP-0054 §3.3); zero if that is nothing.
func (m *Module) Card(ctx context.Context, account, asker xmpp.JID) (xmpp.Element, error) {
	e, s, err := m.person(ctx, account, asker)
	if err != nil || s == nothing {
		return xmpp.Element{}, err
	}
	card := xmpp.New(nsVCard, "vCard")
	if s == everything {
		card = card.Add(e.cardFields()...)
	}
	data, err := m.bytesOf(ctx, &e)
	if err != nil {
		return xmpp.Element{}, err
	}
	if data != nil {
		card = card.Add(cardField("PHOTO", xmpp.New(nsVCard, "TYPE", xmpp.Text(e.Photo.Type)), xmpp.New(nsVCard, "BINVAL", xmpp.Text(base64.StdEncoding.EncodeToString(data)))))
	}
	if len(card.Children) == 0 {
		return xmpp.Element{}, nil
	}
	return card, nil
}

// Published is what the directory shows asker at a node to which an account has published nothing by itself: an item's id and what it holds; zero if that is nothing.
func (m *Module) Published(ctx context.Context, account, asker xmpp.JID, node string) (id string, payload xmpp.Element, err error) {
	if node != nodeMetadata && node != nodeData && node != nodeVCard4 {
		return "", xmpp.Element{}, nil
	}
	e, s, err := m.person(ctx, account, asker)
	switch {
	case err != nil || s == nothing:
		return "", xmpp.Element{}, err
	case node == nodeVCard4 && s == everything:
		return "current", e.vcard4(), nil
	case node == nodeVCard4 || e.Photo.SHA1 == "":
		return "", xmpp.Element{}, nil
	case node == nodeMetadata: // XEP-0084 §4.2.1
		info := xmpp.New(nodeMetadata, "info").With("bytes", strconv.Itoa(e.Photo.Size)).With("id", e.Photo.SHA1).With("type", e.Photo.Type)
		return e.Photo.SHA1, xmpp.New(nodeMetadata, "metadata", info), nil
	}
	data, err := m.bytesOf(ctx, &e)
	if err != nil || data == nil {
		return "", xmpp.Element{}, err
	}
	return e.Photo.SHA1, xmpp.New(nodeData, "data", xmpp.Text(base64.StdEncoding.EncodeToString(data))), nil
}
