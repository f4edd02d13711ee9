package history

import (
	"slices"
	"testing"
)

// A client that reads the archive is brought what it has not read there; after a restart that came before it had caught up, nothing that it was sent as it came.
func TestNotRead(t *testing.T) {
	t.Parallel()
	rows := []Row{{ID: 5, Kind: Waits}, {ID: 6, Kind: Waits | Hidden}, {ID: 12, Kind: Waits}, {ID: 25, Kind: Waits}, {ID: 30, Kind: Waits | Hidden}}
	for _, c := range []struct {
		client *client
		want   []int64
	}{
		{&client{reads: true, read: 10}, []int64{6, 12, 25, 30}},
		{&client{reads: true, read: 10, live: 25}, []int64{6, 12}},
		{&client{reads: true, read: 40, live: 25}, []int64{6}},
	} {
		var got []int64
		for _, r := range c.client.notRead(&transit{}, rows) {
			got = append(got, r.ID)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("read to %d, live from %d: %v, want %v", c.client.read, c.client.live, got, c.want)
		}
	}
}
