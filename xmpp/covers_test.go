package xmpp

import "testing"

func TestCovers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		j, k string
		want bool
	}{
		{"a@b/c", "a@b/c", true}, {"a@b/c", "a@b", false}, {"a@b/c", "a@b/d", false},
		{"a@b", "a@b", true}, {"a@b", "a@b/c", true}, {"a@b", "b", false}, {"a@b", "c@b", false},
		{"b/c", "b/c", true}, {"b/c", "b", false}, {"b/c", "a@b/c", false},
		{"b", "b", true}, {"b", "a@b", true}, {"b", "a@b/c", true}, {"b", "b/c", true}, {"b", "a@x.b", false}, {"x.b", "b", false},
	} {
		if got := MustParseJID(c.j).Covers(MustParseJID(c.k)); got != c.want {
			t.Errorf("%s covers %s: %v", c.j, c.k, got)
		}
	}
}
