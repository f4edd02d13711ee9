package muc

import (
	"encoding"
	"fmt"
	"slices"
)

// What is stored of a room names values, so that it does not change its meaning with the order of constants. A name stays once a release has written it.

var (
	_ encoding.TextMarshaler   = Access(0)
	_ encoding.TextUnmarshaler = (*Access)(nil)

	accesses  = []string{ByInvitation: "invitation", Open: "open"}
	groups    = []string{Nobody: "nobody", Moderators: "moderators", Speakers: "speakers", Everybody: "everybody"}
	histories = []string{FromArrival: "arrival", Whole: "whole"}
)

// MarshalText gives the name of an Access.
func (a Access) MarshalText() ([]byte, error) { return nameOf(accesses, a) }

// UnmarshalText reads what MarshalText writes.
func (a *Access) UnmarshalText(name []byte) error { return named(accesses, name, a) }

// MarshalText gives the name of a Who.
func (w Who) MarshalText() ([]byte, error) { return nameOf(groups, w) }

// UnmarshalText reads what MarshalText writes.
func (w *Who) UnmarshalText(name []byte) error { return named(groups, name, w) }

// MarshalText gives the name of a History.
func (h History) MarshalText() ([]byte, error) { return nameOf(histories, h) }

// UnmarshalText reads what MarshalText writes.
func (h *History) UnmarshalText(name []byte) error { return named(histories, name, h) }

// MarshalText gives the name of a Role.
func (r Role) MarshalText() ([]byte, error) { return nameOf(roles[:], r) }

// UnmarshalText reads what MarshalText writes.
func (r *Role) UnmarshalText(name []byte) error { return named(roles[:], name, r) }

// MarshalText gives the name of an Affiliation.
func (a Affiliation) MarshalText() ([]byte, error) { return nameOf(affiliations[:], a) }

// UnmarshalText reads what MarshalText writes.
func (a *Affiliation) UnmarshalText(name []byte) error { return named(affiliations[:], name, a) }

func nameOf[T ~uint8](names []string, v T) ([]byte, error) {
	if int(v) >= len(names) {
		return nil, fmt.Errorf("muc: there is no %T %d", v, v)
	}
	return []byte(names[v]), nil
}

func named[T ~uint8](names []string, name []byte, v *T) error {
	i := slices.Index(names, string(name))
	if i < 0 {
		return fmt.Errorf("muc: there is no %T %q", *v, name)
	}
	*v = T(i)
	return nil
}
