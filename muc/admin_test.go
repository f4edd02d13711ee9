package muc

import (
	"strings"
	"testing"
)

// A reason has characters, not bytes.
func TestReason(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason, refusal string
	}{{"", ""}, {strings.Repeat("é", longestReason), ""}, {strings.Repeat("é", longestReason+1), "not-acceptable"}} {
		if err := checkReason(c.reason); condition(err) != c.refusal {
			t.Errorf("%d characters: %v", len([]rune(c.reason)), err)
		}
	}
}
