package pubsub

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"

	"palabre/server"
	"palabre/xmpp"
)

// The nodes of XEP-0084, whose names are namespaces too.
const (
	nodeData     = "urn:xmpp:avatar:data"
	nodeMetadata = "urn:xmpp:avatar:metadata"
	nsVCard      = "vcard-temp"
)

// Cards keeps vCards. Package xep provides it.
type Cards interface {
	// WithPhoto makes the change that puts a <PHOTO/> into a card, or takes it out if it is zero: nil where nothing changes. hash is that of
	// the picture that the card has then.
	WithPhoto(ctx context.Context, owner xmpp.JID, photo xmpp.Element) (change server.Write, hash string, err error)
	// Photo is the hash of a card's picture, or empty.
	Photo(ctx context.Context, owner xmpp.JID) (string, error)
}

// toCard puts the avatar that the metadata names into the card (XEP-0398 §3.1). Only what everybody may see goes there (§7), and what they may not see
// any more leaves it.
func (b *batch) toCard(ctx context.Context) error {
	metadata, err := b.last(ctx, nodeMetadata)
	if err != nil {
		return err
	}
	var photo xmpp.Element
	if info, ok := embedded(metadata); ok {
		if photo, err = b.picture(ctx, info); err != nil {
			return err
		}
		if shown, err := b.m.opts.Cards.Photo(ctx, b.account.JID); err != nil || photo.IsZero() && shown != strings.ToLower(info.Attr("id")) {
			return err // the card has another picture, which stays
		}
	}
	change, hash, err := b.m.opts.Cards.WithPhoto(ctx, b.account.JID, photo)
	if err != nil || change == nil {
		return err
	}
	b.more = append(b.more, change)
	b.shows(hash)
	return nil
}

// embedded is the <info/> of an avatar that is published here, and not somewhere else (§3.1).
func embedded(metadata xmpp.Element) (xmpp.Element, bool) {
	for _, e := range metadata.Elements() {
		if e.Is(nodeMetadata, "info") && e.Attr("id") != "" && !e.HasAttr("url") {
			return e, true
		}
	}
	return xmpp.Element{}, false
}

// picture is the avatar as a <PHOTO/>; zero if it is not there, not what it says it is, or not for everybody.
func (b *batch) picture(ctx context.Context, info xmpp.Element) (xmpp.Element, error) {
	n, err := b.node(ctx, nodeData)
	if err != nil || n == nil || n.Config.Access != Open {
		return xmpp.Element{}, err
	}
	id := info.Attr("id")
	data, err := b.payload(ctx, n, id)
	if err != nil || data.IsZero() {
		return xmpp.Element{}, err
	}
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(data.Content()), ""))
	if err != nil || sha1Hex(raw) != strings.ToLower(id) {
		return xmpp.Element{}, nil
	}
	return xmpp.New(nsVCard, "PHOTO", xmpp.New(nsVCard, "TYPE", xmpp.Text(info.Attr("type"))),
		xmpp.New(nsVCard, "BINVAL", xmpp.Text(base64.StdEncoding.EncodeToString(raw)))), nil
}

func sha1Hex(raw []byte) string {
	sum := sha1.Sum(raw)
	return hex.EncodeToString(sum[:])
}

// last is the payload that was published last to a node, or zero.
func (b *batch) last(ctx context.Context, node string) (xmpp.Element, error) {
	n, err := b.node(ctx, node)
	if err != nil || n == nil || n.Last == 0 {
		return xmpp.Element{}, err
	}
	for _, it := range b.fresh[node] {
		if it != nil && it.Seq == n.Last {
			return parsed(it.Payload)
		}
	}
	items, err := b.m.fetch(ctx, Query{Owner: b.account.JID, Node: node, After: n.Last - 1, Limit: 1})
	if err != nil || len(items) == 0 {
		return xmpp.Element{}, err
	}
	return parsed(items[0].Payload)
}

// payload is that of one item as it will be, or zero.
func (b *batch) payload(ctx context.Context, n *Node, id string) (xmpp.Element, error) {
	it, err := b.item(ctx, n, id, false)
	if err != nil || it == nil {
		return xmpp.Element{}, err
	}
	return parsed(it.Payload)
}

func parsed(payload string) (xmpp.Element, error) {
	if payload == "" {
		return xmpp.Element{}, nil
	}
	return xmpp.Parse(payload, "")
}

// SetCard has a change of an account's card carried out, and publishes its picture (XEP-0398 §3.2).
func (m *Module) SetCard(ctx context.Context, a *server.Account, card server.Write, photo xmpp.Element) error {
	return m.alter(ctx, a, func(ctx context.Context, b *batch) error {
		b.more = append(b.more, card)
		raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(photo.ContentOf(nsVCard, "BINVAL")), ""))
		if err != nil {
			return xmpp.ErrBadRequest.With("The photo is not in Base64.")
		}
		before, err := m.opts.Cards.Photo(ctx, a.JID)
		if err != nil {
			return err
		}
		if len(raw) == 0 {
			b.shows("")
			return b.fromNoPicture(ctx, before)
		}
		b.shows(sha1Hex(raw))
		return b.fromPicture(ctx, raw, photo.ContentOf(nsVCard, "TYPE"))
	})
}

// publishes tells whether the picture of this id is the avatar, and is there.
func (b *batch) publishes(ctx context.Context, id string) (bool, error) {
	metadata, err := b.last(ctx, nodeMetadata)
	if err != nil {
		return false, err
	}
	info, ok := embedded(metadata)
	if !ok || strings.ToLower(info.Attr("id")) != id {
		return false, nil
	}
	n, err := b.node(ctx, nodeData)
	if err != nil || n == nil {
		return false, err
	}
	it, err := b.item(ctx, n, info.Attr("id"), true)
	return it != nil, err
}

// fromPicture publishes what is not published yet. What everybody sees in a card is for everybody here too, unless the nodes are there already.
func (b *batch) fromPicture(ctx context.Context, raw []byte, typ string) error {
	id, text := sha1Hex(raw), base64.StdEncoding.EncodeToString(raw)
	if is, err := b.publishes(ctx, id); is || err != nil {
		return err
	}
	if typ == "" {
		typ = "image/png"
	}
	info := xmpp.New(nodeMetadata, "info").With("bytes", strconv.Itoa(len(raw))).With("id", id).With("type", typ)
	c := Default()
	c.Access = Open
	for _, x := range []struct {
		node    string
		payload xmpp.Element
	}{{nodeData, xmpp.New(nodeData, "data", xmpp.Text(text))}, {nodeMetadata, xmpp.New(nodeMetadata, "metadata", info)}} {
		n, err := b.made(ctx, x.node, c)
		if err != nil {
			return err
		}
		if err := b.put(ctx, n, Item{ID: id, Payload: x.payload.String()}); err != nil {
			return err
		}
	}
	return nil
}

// fromNoPicture publishes that there is no avatar any more (XEP-0084 §3.5), if the card had one.
func (b *batch) fromNoPicture(ctx context.Context, before string) error {
	n, err := b.node(ctx, nodeMetadata)
	if err != nil || n == nil || before == "" {
		return err
	}
	return b.put(ctx, n, Item{ID: b.m.host.NewID(), Payload: xmpp.New(nodeMetadata, "metadata").String()})
}
