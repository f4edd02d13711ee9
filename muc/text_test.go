package muc

import (
	"encoding"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"
)

// What is stored of rooms by a release means the same to each later one.
const storedConfig = `{
	"Preset": "group", "Name": "Capulets", "Description": "a feast", "Language": "it", "Password": "rosaline", "MaxUsers": 7, "Fetch": -1,
	"Contacts": ["nurse@example.org"],
	"Hats": [{"URI": "https://example.org/hats#scribe", "Title": "Scribe", "Hue": "12.5", "Worn": ["romeo@example.org"]}],
	"Policy": {
		"Access": "open", "Invite": "moderators", "History": "whole", "Archive": true, "Private": "speakers", "Requests": true, "Edits": true,
		"Attachments": true, "Longest": 10000, "Moderated": true, "Subject": "everybody", "Anonymous": true, "Public": true, "Persistent": true,
		"WithMembers": true, "Hats": true, "Presence": "participant", "Vanish": 600000000000, "End": "2026-12-31T23:00:00Z"
	}
}`

func TestStoredConfig(t *testing.T) {
	t.Parallel()
	want := Config{
		Preset: "group", Name: "Capulets", Description: "a feast", Language: "it", Password: "rosaline", MaxUsers: 7, Fetch: -1,
		Contacts: []string{"nurse@example.org"},
		Hats:     []Hat{{URI: "https://example.org/hats#scribe", Title: "Scribe", Hue: "12.5", Worn: []string{"romeo@example.org"}}},
		Policy: Policy{
			Access: Open, Invite: Moderators, History: Whole, Archive: true, Private: Speakers, Requests: true, Edits: true,
			Attachments: true, Longest: 10000, Moderated: true, Subject: Everybody, Anonymous: true, Public: true, Persistent: true,
			WithMembers: true, Hats: true, Presence: Participant, Vanish: 10 * time.Minute, End: time.Date(2026, 12, 31, 23, 0, 0, 0, time.UTC),
		},
	}
	var got Config
	if err := json.Unmarshal([]byte(storedConfig), &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v\nwant %+v", got, err, want)
	}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var stored, written map[string]any
	if err := json.Unmarshal([]byte(storedConfig), &stored); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &written); err != nil || !reflect.DeepEqual(stored, written) {
		t.Errorf("what is written: %s, %v", text, err)
	}
	for _, policy := range slices.Collect(maps.Values(Presets)) {
		text, err := json.Marshal(policy)
		var got Policy
		if err == nil {
			err = json.Unmarshal(text, &got)
		}
		if err != nil || !reflect.DeepEqual(got, policy) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

func TestTexts(t *testing.T) {
	t.Parallel()
	for _, v := range []encoding.TextUnmarshaler{new(Access), new(Who), new(History), new(Role), new(Affiliation)} {
		number := reflect.ValueOf(v).Elem()
		seen := map[string]bool{}
		for i := uint64(0); ; i++ {
			number.SetUint(i)
			name, err := v.(encoding.TextMarshaler).MarshalText()
			if err != nil {
				break // there are no more
			}
			number.SetUint(99)
			if err := v.UnmarshalText(name); err != nil || number.Uint() != i || len(name) == 0 || seen[string(name)] {
				t.Errorf("%T %d: %q is %d, %v", v, i, name, number.Uint(), err)
			}
			seen[string(name)] = true
		}
		if len(seen) < 2 {
			t.Errorf("%T has %d names", v, len(seen))
		}
		for _, name := range []string{"", "king", "Open", "0"} {
			if err := v.UnmarshalText([]byte(name)); err == nil {
				t.Errorf("%T: %q is %d", v, name, number.Uint())
			}
		}
	}
}
