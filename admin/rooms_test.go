package admin_test

import (
	"slices"
	"testing"

	"palabre/admin"
)

func TestLifeOfARoom(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c admin.Caller) {
		for _, jid := range []string{"alice@example.org", "bob@example.org", "carol@example.net"} {
			do[admin.UserResult](t, c, "user.add", admin.UserParams{JID: jid, Password: "p"})
		}
		const lobby = "lobby@conference.example.org"
		create := admin.RoomCreateParams{Room: "Lobby", Owner: "alice@example.org", People: []string{"bob@example.org", "dan@elsewhere.example"}}
		if r := do[admin.RoomResult](t, c, "room.create", create); r.Room != lobby {
			t.Errorf("made %s", r.Room)
		}
		refuse(t, c, "room.create", create, admin.Conflict, "There is a room with this address already.")
		refuse(t, c, "room.create", admin.RoomCreateParams{Owner: "alice"}, admin.BadRequest, "name@domain")
		refuse(t, c, "room.create", admin.RoomCreateParams{Owner: "alice@example.org", Room: "a@b/c"}, admin.BadRequest, "A room is named by its address")
		refuse(t, c, "room.create", admin.RoomCreateParams{Owner: "alice@example.org", Domain: "example.com"}, admin.NotFound, "no such domain")
		refuse(t, c, "room.create", admin.RoomCreateParams{Owner: "alice@example.org", People: []string{"nobody@example.org"}}, admin.NotFound, "no account")
		other := do[admin.RoomResult](t, c, "room.create", admin.RoomCreateParams{Room: "salon", Owner: "carol@example.net", Preset: "open"})
		if other.Room != "salon@conference.example.net" {
			t.Errorf("at the owner's domain: %s", other.Room)
		}
		people := do[admin.RoomMembersResult](t, c, "room.members", admin.RoomParams{Room: lobby}).Members
		want := []admin.RoomMember{{JID: "alice@example.org", Affiliation: "owner"}, {JID: "bob@example.org", Affiliation: "member"}, {JID: "dan@elsewhere.example", Affiliation: "member"}}
		if !slices.Equal(people, want) {
			t.Errorf("members: %+v", people)
		}
		do[admin.RoomResult](t, c, "room.set", admin.RoomSetParams{Room: lobby, Set: []admin.RoomSetting{{Name: "presencebroadcast", Values: []string{"moderator"}}, {Name: "moderated", Values: []string{"on"}}}})
		d := do[admin.RoomDetails](t, c, "room.show", admin.RoomParams{Room: lobby})
		if d.Members != 3 || d.Preset != "group" || !shows(d, "moderated", "yes") || !shows(d, "presencebroadcast", "moderator") || !shows(d, "access", "invitation") {
			t.Errorf("%+v", d)
		}
		refuse(t, c, "room.set", admin.RoomSetParams{Room: lobby, Set: []admin.RoomSetting{{Name: "longest", Values: []string{"-1"}}}}, admin.BadRequest, "takes a number")
		refuse(t, c, "room.affiliation", admin.RoomAffiliationParams{Room: lobby, JID: "alice@example.org", Affiliation: "none"}, admin.Conflict, "owner")
		for _, affiliation := range []string{"member", "admin", "owner"} {
			refuse(t, c, "room.affiliation", admin.RoomAffiliationParams{Room: lobby, JID: "alcie@example.org", Affiliation: affiliation}, admin.NotFound, "There is no account alcie@example.org.")
		}
		do[admin.RoomResult](t, c, "room.affiliation", admin.RoomAffiliationParams{Room: lobby, JID: "spammer@example.org", Affiliation: "outcast"})
		do[admin.RoomResult](t, c, "room.affiliation", admin.RoomAffiliationParams{Room: lobby, JID: "spammer@example.org", Affiliation: "none"})
		refuse(t, c, "room.invite", admin.RoomInviteParams{Room: lobby, People: []string{"example.org"}}, admin.BadRequest, "is not somebody's address")
		do[admin.RoomResult](t, c, "room.destroy", admin.RoomDestroyParams{Room: lobby})
		for _, name := range []string{"room.show", "room.members", "room.open", "room.close", "room.destroy"} {
			refuse(t, c, name, admin.RoomParams{Room: lobby}, admin.NotFound, "There is no such room.")
			refuse(t, c, name, admin.RoomParams{Room: "lobby@elsewhere.example"}, admin.NotFound, "There is no such room.")
			refuse(t, c, name, admin.RoomParams{Room: "conference.example.org"}, admin.BadRequest, "A room is named by its address")
		}
	})
}

// shows tells whether a setting has these values.
func shows(d admin.RoomDetails, name string, values ...string) bool {
	for _, s := range d.Settings {
		if s.Name == name {
			return slices.Equal(s.Values, values)
		}
	}
	return false
}

func TestRoomsAreListedInPages(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c admin.Caller) {
		do[admin.UserResult](t, c, "user.add", admin.UserParams{JID: "alice@example.org", Password: "p"})
		for _, name := range []string{"c", "a", "b"} {
			do[admin.RoomResult](t, c, "room.create", admin.RoomCreateParams{Room: name, Owner: "alice@example.org", Set: []admin.RoomSetting{{Name: "name", Values: []string{"Room " + name}}}})
		}
		first := do[admin.RoomListResult](t, c, "room.list", admin.RoomListParams{Limit: 2})
		if len(first.Rooms) != 2 || !first.More || first.Rooms[1].Room != "b@conference.example.org" || first.Rooms[1].Name != "Room b" || first.Rooms[1].Members != 1 {
			t.Errorf("first page: %+v", first)
		}
		rest := do[admin.RoomListResult](t, c, "room.list", admin.RoomListParams{Limit: 2, After: "b"})
		if len(rest.Rooms) != 1 || rest.More || rest.Rooms[0].Room != "c@conference.example.org" {
			t.Errorf("second page: %+v", rest)
		}
		if named := do[admin.RoomListResult](t, c, "room.list", admin.RoomListParams{Name: "ROOM A"}); len(named.Rooms) != 1 || named.Rooms[0].Room != "a@conference.example.org" {
			t.Errorf("by name: %+v", named)
		}
		refuse(t, c, "room.list", admin.RoomListParams{Limit: 1001}, admin.BadRequest, "1 to 1000")
		refuse(t, c, "room.list", admin.RoomListParams{Domain: "example.com"}, admin.NotFound, "no such domain")
	})
}
