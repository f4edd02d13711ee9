package muc

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

const mostVCard = 128 << 10

// registerAvatar takes a room's picture and card (XEP-0486, XEP-0054).
func (s *Service) registerAvatar(*server.Host) {
	s.onRoom(nsVCard, "vCard", func(ctx context.Context, r *Room, q *server.Request) (xmpp.Element, error) {
		if q.IsSet() {
			return xmpp.Element{}, r.setCard(ctx, q)
		}
		return r.card(q)
	})
}

func (r *Room) card(q *server.Request) (xmpp.Element, error) {
	r.mu.Lock()
	may, card := r.mayKnowLocked(r.whoLocked(q.From)), r.avatar
	r.mu.Unlock()
	switch {
	case !may:
		return xmpp.Element{}, xmpp.ErrForbidden.With("Only its members can see this room's card.")
	case card == "":
		return xmpp.New(nsVCard, "vCard"), nil
	}
	return xmpp.Parse(card, xmpp.NSClient)
}

// setCard takes another card from an owner, and tells everybody that there is one (XEP-0486 §3.2). An empty one takes the card away.
func (r *Room) setCard(ctx context.Context, q *server.Request) error {
	card := q.Payload.String()
	if len(card) > mostVCard {
		return xmpp.ErrPolicyViolation.With("A room's card has at most " + strconv.Itoa(mostVCard>>10) + " KiB. Choose a smaller picture.")
	}
	if _, err := pictureHashes(q.Payload); err != nil {
		return err
	}
	if len(q.Payload.Elements()) == 0 {
		card = ""
	}
	return r.change(ctx, func() (*event, error) {
		if err := r.permitLocked(r.whoLocked(q.From), actOwn); err != nil {
			return nil, err
		}
		switch {
		case r.locked:
			return nil, errNotReady
		case r.avatar == card:
			return nil, nil
		}
		r.avatar = card
		u := &upshot{room: r, writes: []server.Write{r.saveLocked()}}
		return r.changeLocked(u, []int{104}), nil
	})
}

// pictured are the hashes of a card, once somebody has asked for them.
type pictured struct {
	card   string
	hashes []string
}

// avatarHashesLocked are the hashes of a room's pictures, which are the same one in several formats (XEP-0486 §5.1).
func (r *Room) avatarHashesLocked() []string {
	if r.avatar == r.pictured.card {
		return r.pictured.hashes
	}
	r.pictured = pictured{card: r.avatar}
	if card, err := xmpp.Parse(r.avatar, xmpp.NSClient); err == nil {
		r.pictured.hashes, _ = pictureHashes(card)
	}
	return r.pictured.hashes
}

// pictureHashes are SHA-1 in hexadecimal digits (XEP-0153 §3.1).
func pictureHashes(card xmpp.Element) (out []string, err error) {
	for _, photo := range card.Elements() {
		if !photo.Is(nsVCard, "PHOTO") {
			continue
		}
		text := strings.Join(strings.Fields(photo.ContentOf(nsVCard, "BINVAL")), "")
		if text == "" {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, xmpp.ErrBadRequest.With("The picture is not in Base64.")
		}
		sum := sha1.Sum(raw)
		out = append(out, hex.EncodeToString(sum[:]))
	}
	return out, nil
}
