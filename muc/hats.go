package muc

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"palabre/xmpp"
)

// nsHats is the namespace of hats in presence (XEP-0317 §3.1).
const nsHats = "urn:xmpp:hats:0"

// Bounds of what a room's owner can make of hats.
const (
	mostHats    = 50
	mostWearers = 1000 // of all hats together
	longestHat  = 60   // characters of a title
	longestURI  = 500
)

// A Hat is something that people are in a room, beside their role and affiliation (XEP-0317): it gives them no rights.
type Hat struct {
	URI   string
	Title string
	Hue   string   `json:",omitempty"` // an angle, from 0 to 360; empty: none
	Worn  []string `json:",omitempty"` // accounts, in the order in which they were given it
}

// The hats that each room has.
const (
	hatHost      = "urn:palabre:hats:host"
	hatPresenter = "urn:palabre:hats:presenter"
	hatModerator = "urn:palabre:hats:moderator"
)

var usualHats = []Hat{{URI: hatHost, Title: "Host"}, {URI: hatPresenter, Title: "Presenter"}, {URI: hatModerator, Title: "Moderator"}}

// hats are all that there are in a room: the usual ones, which an owner may have changed, and those that owners have made.
func (c *Config) hats() []Hat {
	out := slices.Clone(usualHats)
	for _, h := range c.Hats {
		if i := hatIndex(out, h.URI); i >= 0 {
			out[i] = h
		} else {
			out = append(out, h)
		}
	}
	return out
}

func hatIndex(hats []Hat, uri string) int {
	return slices.IndexFunc(hats, func(h Hat) bool { return h.URI == uri })
}

// hat is one of them.
func (c *Config) hat(uri string) (h Hat, ok bool) {
	hats := c.hats()
	if i := hatIndex(hats, uri); i >= 0 {
		return hats[i], true
	}
	return Hat{}, false
}

// putHat makes a hat, or changes one. What has been handed to the store stays as it was.
func (c *Config) putHat(h Hat) error {
	hats := slices.Clone(c.Hats)
	if i := hatIndex(hats, h.URI); i >= 0 {
		hats[i] = h
	} else {
		hats = append(hats, h)
	}
	wearers := 0
	for _, h := range hats {
		wearers += len(h.Worn)
	}
	if len(hats) > mostHats || wearers > mostWearers {
		return xmpp.ErrResourceConstraint.With("This room has as many hats as it can have. Take one away first.")
	}
	c.Hats = hats
	return nil
}

// dropHat takes a hat away, from everybody. One of the usual ones is as at first from then on.
func (c *Config) dropHat(uri string) {
	c.Hats = slices.DeleteFunc(slices.Clone(c.Hats), func(h Hat) bool { return h.URI == uri })
}

// check tells what can't be. The error is an *xmpp.Error.
func (h *Hat) check() error {
	u, err := url.Parse(h.URI)
	switch {
	case err != nil || !u.IsAbs() || len(h.URI) > longestURI || strings.ContainsFunc(h.URI, func(r rune) bool { return r <= ' ' }):
		return xmpp.ErrNotAcceptable.With("A hat is named by a URI, such as https://example.org/hats#scribe.")
	case strings.TrimSpace(h.Title) == "" || utf8.RuneCountInString(h.Title) > longestHat:
		return xmpp.ErrNotAcceptable.With("A hat has a title of at most " + strconv.Itoa(longestHat) + " characters.")
	case h.Hue == "":
		return nil
	}
	if angle, err := strconv.ParseFloat(h.Hue, 64); err != nil || !(angle >= 0 && angle <= 360) {
		return xmpp.ErrNotAcceptable.With("A hue is an angle from 0 to 360, or left out.")
	}
	return nil
}

// hatsLocked is how the hats of an occupant are shown in their presence (XEP-0317 §3.1). Where the policy says so, owners are hosts, and other moderators are moderators, without having
// been given the hat.
func (r *Room) hatsLocked(o *occupant) string {
	c := &r.config
	if !c.Policy.Hats && len(c.Hats) == 0 {
		return ""
	}
	var given []int
	w := r.wardrobeLocked()
	if len(w.worn) > 0 {
		given = w.worn[o.account.String()]
	}
	b, owner := []byte(nil), r.affiliationLocked(o.account) == Owner
	for i, h := range w.hats {
		itself := c.Policy.Hats && (h.URI == hatHost && owner || h.URI == hatModerator && !owner && o.role == Moderator)
		if !itself && !slices.Contains(given, i) {
			continue
		}
		b = xmpp.AppendAttr(append(b, "<hat"...), "title", h.Title)
		b = xmpp.AppendAttr(b, "uri", h.URI)
		if h.Hue != "" {
			b = xmpp.AppendAttr(b, "hue", h.Hue)
		}
		b = append(b, "/>"...)
	}
	if b == nil {
		return ""
	}
	return "<hats xmlns='" + nsHats + "'>" + string(b) + "</hats>"
}

// A wardrobe is the hats of a room as they are looked up for everybody whenever somebody comes in.
type wardrobe struct {
	of   []Hat // the hats of the configuration that it was made of, which are never changed in their place
	hats []Hat
	worn map[string][]int // which of them, by account
}

func (r *Room) wardrobeLocked() *wardrobe {
	w, of := &r.wardrobe, r.config.Hats
	if w.hats != nil && len(w.of) == len(of) && (len(of) == 0 || &w.of[0] == &of[0]) {
		return w
	}
	*w = wardrobe{of: of, hats: r.config.hats(), worn: map[string][]int{}}
	for i, h := range w.hats {
		for _, account := range h.Worn {
			w.worn[account] = append(w.worn[account], i)
		}
	}
	return w
}

// hatsHash tells clients whether they know the list of hats already (XEP-0317 §2).
func (c *Config) hatsHash() string {
	hats := c.hats()
	slices.SortFunc(hats, func(a, b Hat) int { return cmp.Compare(a.URI, b.URI) })
	sum := sha256.New()
	for _, h := range hats {
		for _, s := range []string{h.URI, h.Title, h.Hue} {
			sum.Write(append([]byte(s), 0))
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:20])
}

// rehatLocked has those shown anew who wear a hat.
func (u *upshot) rehatLocked(worn []string) {
	for _, account := range worn {
		j, err := xmpp.ParseJID(account)
		if err != nil {
			continue
		}
		for _, o := range u.room.occupantsOfLocked(j) {
			u.moveLocked(o, o.role, "")
		}
	}
}

// unhatLocked takes the hats of those who are nothing to the room any more.
func (u *upshot) unhatLocked(list []standing) {
	c := &u.room.config
	out := false
	for _, s := range list {
		if s.affiliation > None || !u.room.stored {
			continue
		}
		account := s.account.String()
		for _, h := range c.Hats {
			if i := slices.Index(h.Worn, account); i >= 0 {
				h.Worn = slices.Delete(slices.Clone(h.Worn), i, i+1)
				c.putHat(h)
				out = true
			}
		}
	}
	if out {
		u.writes = append(u.writes, u.room.saveLocked())
	}
}
