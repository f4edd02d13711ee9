package xep

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"palabre/server"
	"palabre/xmpp"
)

const (
	nsVCard   = "vcard-temp"
	kindVCard = "vcard" // of Store: the card under no key, the photo's hash under keyPhoto
	keyPhoto  = "photo"
	mostVCard = 128 << 10
)

// VCard keeps a card for each account (XEP-0054). A card is for everybody to see; whether there is an account is not, so an account without
// a card answers as none at all (§3.3). The photo's hash is kept beside the card, for presence to tell (XEP-0153 §3.1).
type VCard struct {
	Store     Store
	Avatars   Avatars   // nil: cards are all that there is
	Directory Directory // nil: there is none
}

// Directory knows people who have said nothing of themselves. Package directory provides it.
type Directory interface {
	// Card is what asker may see of an account as a card; zero if that is nothing.
	Card(ctx context.Context, account, asker xmpp.JID) (xmpp.Element, error)
	// Picture is the hash of the photo in it, or empty.
	Picture(ctx context.Context, account xmpp.JID) (string, error)
}

// Avatars keeps the pictures that are published otherwise in step with cards (XEP-0398). Package pubsub provides it.
type Avatars interface {
	// SetCard has a change of a card carried out, together with what follows from its <PHOTO/>, which may be zero.
	SetCard(ctx context.Context, a *server.Account, card server.Write, photo xmpp.Element) error
}

// Info is part of server.Module.
func (v *VCard) Info() server.Info {
	return server.Info{Name: "vcard", Specs: []server.Spec{{Name: "XEP-0054", Version: "1.3.0"}}}
}

// Register is part of server.Module.
func (v *VCard) Register(h *server.Host) {
	h.Feature(server.ToDomain, nsVCard)
	h.Feature(server.ToAccount, nsVCard)
	h.HandleIQ(server.ToAccount, nsVCard, "vCard", func(ctx context.Context, r *server.Request) (xmpp.Element, error) {
		if r.IsSet() {
			return xmpp.Element{}, v.set(ctx, r)
		}
		return v.get(ctx, r)
	})
}

func (v *VCard) get(ctx context.Context, r *server.Request) (xmpp.Element, error) {
	card, err := v.Store.Datum(ctx, r.Account.JID, kindVCard, "")
	if err != nil {
		return xmpp.Element{}, fmt.Errorf("xep: vcard: %w", err)
	}
	out := xmpp.New(nsVCard, "vCard") // §3.1: either this or an error, which some clients show
	if card != "" {
		if out, err = xmpp.Parse(card, xmpp.NSClient); err != nil {
			return xmpp.Element{}, fmt.Errorf("xep: vcard: %w", err)
		}
	}
	if out, err = v.completed(ctx, r, out); err != nil {
		return xmpp.Element{}, err
	}
	if len(out.Elements()) == 0 && !r.Own {
		return xmpp.Element{}, xmpp.ErrServiceUnavailable // §3.3
	}
	return out, nil
}

// completed puts what the directory knows into a card: the picture where it has none, and the rest where it has nothing else.
func (v *VCard) completed(ctx context.Context, r *server.Request, card xmpp.Element) (xmpp.Element, error) {
	_, hasPhoto := card.Child(nsVCard, "PHOTO")
	hasRest := slices.ContainsFunc(card.Elements(), func(e xmpp.Element) bool { return !e.Is(nsVCard, "PHOTO") })
	if v.Directory == nil || hasPhoto && hasRest {
		return card, nil
	}
	listed, err := v.Directory.Card(ctx, r.Account.JID, r.From.Bare())
	if err != nil {
		return xmpp.Element{}, err
	}
	for _, e := range listed.Elements() {
		has := hasRest
		if e.Is(nsVCard, "PHOTO") {
			has = hasPhoto
		}
		if !has {
			card = card.Add(e)
		}
	}
	return card, nil
}

// own is a card without the directory's picture: who changes a field of a card sends all of it, and has not chosen that picture.
func (v *VCard) own(ctx context.Context, account xmpp.JID, card xmpp.Element, hash string) (xmpp.Element, string, error) {
	if v.Directory == nil || hash == "" {
		return card, hash, nil
	}
	before, err := v.Store.Datum(ctx, account, kindVCard, keyPhoto)
	if err != nil {
		return card, "", fmt.Errorf("xep: vcard: %w", err)
	}
	listed, err := v.Directory.Picture(ctx, account)
	if err != nil || before == hash || listed != hash {
		return card, hash, err
	}
	return withoutPhoto(card), "", nil
}

func withoutPhoto(card xmpp.Element) xmpp.Element {
	out := card
	out.Children = nil
	for _, c := range card.Children {
		if !c.Is(nsVCard, "PHOTO") {
			out = out.Add(c)
		}
	}
	return out
}

func (v *VCard) set(ctx context.Context, r *server.Request) error {
	if !r.Own {
		// §3.2 asks for forbidden, but only somebody who is there could forbid anything.
		return xmpp.ErrServiceUnavailable
	}
	card := r.Payload.String()
	if len(card) > mostVCard {
		return xmpp.ErrPolicyViolation.With(fmt.Sprintf("A vCard has at most %d KiB. Choose a smaller photo.", mostVCard>>10))
	}
	hash, err := photoHash(r.Payload)
	if err != nil {
		return err
	}
	own, hash, err := v.own(ctx, r.Account.JID, r.Payload, hash)
	if err != nil {
		return err
	}
	if card = own.String(); len(own.Elements()) == 0 {
		card = ""
	}
	change := map[string]string{"": card, keyPhoto: hash}
	if v.Avatars != nil {
		photo, _ := own.Child(nsVCard, "PHOTO")
		return v.Avatars.SetCard(ctx, r.Account, &DataChange{r.Account.JID, kindVCard, change}, photo)
	}
	if err := v.Store.SetData(ctx, r.Account.JID, kindVCard, change); err != nil {
		return fmt.Errorf("xep: vcard: %w", err)
	}
	return nil
}

// WithPhoto makes the change that puts a <PHOTO/> into an account's card in place of the one that is there; a zero one takes it out. It gives nil where
// nothing changes, or the card would be too large; hash is that of the picture that the card has then.
func (v *VCard) WithPhoto(ctx context.Context, owner xmpp.JID, photo xmpp.Element) (change server.Write, hash string, err error) {
	kept, err := v.Store.Data(ctx, owner, kindVCard)
	if err != nil {
		return nil, "", fmt.Errorf("xep: vcard: %w", err)
	}
	card, before := xmpp.New(nsVCard, "vCard"), kept[keyPhoto]
	if kept[""] != "" {
		if card, err = xmpp.Parse(kept[""], xmpp.NSClient); err != nil {
			return nil, "", fmt.Errorf("xep: vcard: %w", err)
		}
	}
	next := withoutPhoto(card)
	if !photo.IsZero() {
		next = next.Add(photo)
	}
	if hash, err = photoHash(next); err != nil || hash == before || len(next.String()) > mostVCard {
		return nil, before, nil // what is no picture is not the card's
	}
	text := ""
	if len(next.Elements()) > 0 {
		text = next.String()
	}
	return &DataChange{owner, kindVCard, map[string]string{"": text, keyPhoto: hash}}, hash, nil
}

// photoHash is the SHA-1 of the card's picture in hexadecimal digits (XEP-0153 §3.1); empty if it has none.
func photoHash(card xmpp.Element) (string, error) {
	photo, _ := card.Child(nsVCard, "PHOTO")
	text := strings.Join(strings.Fields(photo.ContentOf(nsVCard, "BINVAL")), "")
	if text == "" {
		return "", nil
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", xmpp.ErrBadRequest.With("The photo is not in Base64.")
	}
	sum := sha1.Sum(raw)
	return hex.EncodeToString(sum[:]), nil
}

// Photo is the hash of the picture that an account has put into its card, or empty.
func (v *VCard) Photo(ctx context.Context, owner xmpp.JID) (string, error) {
	return v.Store.Datum(ctx, owner, kindVCard, keyPhoto)
}
