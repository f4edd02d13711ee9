package daemon

import (
	"maps"
	"testing"
)

// Where a domain has no archives, its rooms have none.
func TestRoomsWithoutHistory(t *testing.T) {
	t.Parallel()
	no, service := false, "rooms.example.com"
	c := &Config{Domains: []string{"example.org", "example.net", "example.com"}, History: History{Enabled: true}, Domain: map[string]DomainConfig{
		"example.net": {History: DomainHistory{Enabled: &no}},
		"example.com": {History: DomainHistory{Enabled: &no}, Rooms: DomainRooms{Service: &service}},
	}}
	want := map[string]bool{"example.net": true, "conference.example.net": true, "example.com": true, service: true}
	if got := c.withoutHistory(); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
