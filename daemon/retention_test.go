package daemon

import (
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
