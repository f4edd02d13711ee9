package muc

import (
	"slices"
	"testing"

	"palabre/xmpp"
)

// Each setting has a name of its own where people type it, and can be set by that to what it is.
func TestSettingNames(t *testing.T) {
	t.Parallel()
	names := SettingNames()
	for i, name := range names {
		if slices.Index(names, name) != i {
			t.Errorf("two settings are called %q", name)
		}
	}
	for preset := range Presets {
		c, _ := NewConfig(preset)
		for i := range settings {
			f, err := submission([]xmpp.Field{{Var: names[i], Values: settings[i].get(&c)}})
			if err != nil {
				t.Errorf("%s: %v", names[i], err)
				continue
			}
			if got, err := c.Apply(f, true); err != nil || !slices.Equal(settings[i].get(&got), settings[i].get(&c)) {
				t.Errorf("%s of %s: %v, %v", names[i], preset, settings[i].get(&got), err)
			}
		}
	}
}

func TestSubmission(t *testing.T) {
	t.Parallel()
	c, _ := NewConfig("group")
	f, err := submission([]xmpp.Field{{Var: "moderated", Values: []string{"Yes"}}, {Var: "muc#roomconfig_roomname", Values: []string{"yes"}}, {Var: "password", Values: []string{"x"}}})
	if err != nil {
		t.Fatal(err)
	}
	if c, err = c.Apply(f, false); err != nil || !c.Policy.Moderated || c.Name != "yes" || c.Password != "x" {
		t.Errorf("%+v, %v", c, err)
	}
	if f, err = submission([]xmpp.Field{{Var: "password"}}); err != nil {
		t.Fatal(err)
	}
	if c, err = c.Apply(f, false); err != nil || c.Password != "" {
		t.Errorf("the password is still %q, %v", c.Password, err)
	}
	if _, err = submission([]xmpp.Field{{Var: "roomsecret"}}); err == nil {
		t.Error("the password has two names")
	}
}
