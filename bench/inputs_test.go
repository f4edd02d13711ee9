package bench

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"palabre/xmpp"
)

func TestReadUsers(t *testing.T) {
	t.Parallel()
	got, err := ReadUsers(strings.NewReader("jid,password\nromeo@example.org,secret\njuliet@example.org/balcony,\"a,b \"\"c\"\n"))
	want := []User{
		{xmpp.MustParseJID("romeo@example.org"), "secret"},
		{xmpp.MustParseJID("juliet@example.org"), `a,b "c`},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("read %v, %v; want %v", got, err, want)
	}
	got, err = ReadUsers(strings.NewReader(`{"jid": "romeo@example.org", "password": "secret"}`))
	if err != nil || !slices.Equal(got, want[:1]) {
		t.Errorf("read %v, %v from JSON", got, err)
	}
	for name, text := range map[string]string{
		"no password": "romeo@example.org\n",
		"no user":     "romeo@example.org,x\nexample.org,x\n",
		"no address":  "@,x\n",
	} {
		if got, err := ReadUsers(strings.NewReader(text)); err == nil {
			t.Errorf("%s: read %v", name, got)
		}
	}
	if _, err := ReadUsers(strings.NewReader("romeo@example.org,x\n\nexample.org,x\n")); err == nil || !strings.Contains(err.Error(), "line 3") {
		t.Errorf("the error does not name the line: %v", err)
	}
}

func TestNumberedUsers(t *testing.T) {
	t.Parallel()
	got, err := NumberedUsers("u", "example.org", "p", 3)
	if err != nil || len(got) != 3 || got[2] != (User{xmpp.MustParseJID("u2@example.org"), "p"}) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := NumberedUsers("u u", "example.org", "p", 1); err == nil {
		t.Error("a name with a blank was accepted")
	}
	if _, err := NumberedUsers("u", "", "p", 1); err == nil {
		t.Error("an empty domain was accepted")
	}
}

func TestParseSources(t *testing.T) {
	t.Parallel()
	for list, want := range map[string]int{"": 0, "127.0.0.2": 1, "127.0.0.2, ::1": 2, "127.0.0.0/8": maxSources, "10.0.0.7/30": 3, "::1/128": 1} {
		got, err := ParseSources(list)
		if err != nil || len(got) != want {
			t.Errorf("%q gives %d addresses, %v; want %d", list, len(got), err, want)
		}
	}
	if got, _ := ParseSources("127.0.0.0/8"); got[0] != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("the first is %v", got[0])
	}
	for _, list := range []string{"here", "127.0.0.2,", "127.0.0.0/99"} {
		if got, err := ParseSources(list); err == nil {
			t.Errorf("%q gives %v", list, got)
		}
	}
}

func TestStamp(t *testing.T) {
	t.Parallel()
	s := stamp{"run1", 12, 3456, 78 * time.Second}
	text := string(s.appendTo([]byte("<body>"), 100))
	if text = strings.TrimPrefix(text, "<body>"); len(text) != 100 {
		t.Errorf("a stamp of %d characters: %q", len(text), text)
	}
	if got, ok := parseStamp(text, "run1"); !ok || got != s {
		t.Errorf("read %+v, %v", got, ok)
	}
	for _, text := range []string{"", "hello", "run2 1 2 3 ", "run1 1 2", "run1 1 2 3", "run1 1 -2 3 ", "run1 9999999999999999999 2 3 "} {
		if got, ok := parseStamp(text, "run1"); ok {
			t.Errorf("%q is taken for %+v", text, got)
		}
	}
}
