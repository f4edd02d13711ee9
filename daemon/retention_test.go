package daemon

import (
	"maps"
	"testing"
	"time"
)

func TestParseKeep(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"": 0, "1d": 24 * time.Hour, "365d": 365 * 24 * time.Hour, "36h": 36 * time.Hour, "36600d": mostKept} {
		if got, err := parseKeep(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"0d", "0h", "d", "365", "-1d", "+1d", "1.5d", "1w", "1d12h", " 1d", "1D", "36601d", "4294967296d", "18446744073709551616h", "for ever"} {
		if got, err := parseKeep(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// The rooms of a domain are kept for as long as its people's archives.
func TestKeepOfRooms(t *testing.T) {
	t.Parallel()
	week, ever, service := "7d", "", "rooms"
	c := &Config{Domains: []string{"example.org", "example.net", "example.com"}, History: History{Keep: "36h"}, Domain: map[string]DomainConfig{
		"example.net": {History: DomainHistory{Keep: &week}, Rooms: DomainRooms{Service: &service}},
		"example.com": {History: DomainHistory{Keep: &ever}},
	}}
	const hour = time.Hour
	want := map[string]time.Duration{
		"example.org": 36 * hour, "conference.example.org": 36 * hour, "example.net": 168 * hour, "rooms.example.net": 168 * hour,
	}
	if got := c.keep(); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
