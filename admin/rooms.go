package admin

import (
	"context"
	"slices"
	"strings"
	"time"

	"palabre/muc"
	"palabre/xmpp"
)

// RoomParams names a room.
type RoomParams struct {
	Room string `json:"room"`
}

// RoomResult names the room, in its normal form.
type RoomResult struct {
	Room string `json:"room"`
}

// RoomListParams asks for a page of rooms, in the order of their addresses.
type RoomListParams struct {
	Domain string `json:"domain,omitempty"` // whose users' rooms; empty: the default domain's
	After  string `json:"after,omitempty"`  // the local part after which the page begins
	Limit  int    `json:"limit,omitempty"`  // 1 to 1000; 0: 100
	Name   string `json:"name,omitempty"`   // part of a name or address
}

// RoomListResult is a page of rooms.
type RoomListResult struct {
	Rooms []Room `json:"rooms"`
	More  bool   `json:"more"` // there may be more: ask again after the last one
}

// A Room is one as it is listed.
type Room struct {
	Room      string    `json:"room"`
	Name      string    `json:"name,omitempty"`
	Preset    string    `json:"preset"`
	Created   time.Time `json:"created"`
	Members   int       `json:"members"`
	Occupants int       `json:"occupants"` // who is inside; 0 when no server runs
}

// RoomDetails are what there is to know about a room.
type RoomDetails struct {
	Room
	Subject  string        `json:"subject,omitempty"` // XML
	Password bool          `json:"password"`          // it needs one
	Settings []RoomSetting `json:"settings"`
	Inside   []Occupant    `json:"inside"`
}

// A RoomSetting is a field of a room's configuration.
type RoomSetting struct {
	Name   string   `json:"name"`
	Values []string `json:"values"` // of one that is on or off: yes or no
	Label  string   `json:"label"`
}

// An Occupant is somebody inside.
type Occupant struct {
	Nick        string `json:"nick"`
	JID         string `json:"jid"` // full
	Role        string `json:"role"`
	Affiliation string `json:"affiliation"`
}

// RoomCreateParams say what room to make.
type RoomCreateParams struct {
	Room   string        `json:"room,omitempty"`   // address, or local part at the domain's service; empty: a random one
	Domain string        `json:"domain,omitempty"` // whose service, if Room does not say; empty: the owner's
	Owner  string        `json:"owner"`
	Preset string        `json:"preset,omitempty"` // empty: group
	Set    []RoomSetting `json:"set,omitempty"`
	People []string      `json:"people,omitempty"` // to be invited
	Reason string        `json:"reason,omitempty"`
}

// RoomSetParams change fields of a room's configuration.
type RoomSetParams struct {
	Room string        `json:"room"`
	Set  []RoomSetting `json:"set"`
}

// RoomInviteParams invite people.
type RoomInviteParams struct {
	Room   string   `json:"room"`
	People []string `json:"people"`
	From   string   `json:"from,omitempty"` // in whose name; empty: the server's
	Reason string   `json:"reason,omitempty"`
}

// RoomDestroyParams end a room.
type RoomDestroyParams struct {
	Room      string `json:"room"`
	Reason    string `json:"reason,omitempty"`
	Alternate string `json:"alternate,omitempty"` // another room, where those inside may go
}

// RoomMembersResult lists everybody with an affiliation.
type RoomMembersResult struct {
	Members []RoomMember `json:"members"`
}

// A RoomMember is somebody with an affiliation.
type RoomMember struct {
	JID         string `json:"jid"`
	Affiliation string `json:"affiliation"`
	Nick        string `json:"nick,omitempty"` // kept for them
	Reason      string `json:"reason,omitempty"`
}

// RoomAffiliationParams give somebody an affiliation.
type RoomAffiliationParams struct {
	Room        string `json:"room"`
	JID         string `json:"jid"`
	Affiliation string `json:"affiliation"`
	Reason      string `json:"reason,omitempty"`
}

// parseRoom reads the address of a room.
func parseRoom(s string) (xmpp.JID, error) {
	j, err := xmpp.ParseJID(s)
	if err != nil || j.Local() == "" || !j.IsBare() {
		return xmpp.JID{}, &Error{BadRequest, "A room is named by its address, such as coven@conference.example.org. 'palabre room list' shows those that there are."}
	}
	return j, nil
}

// parsePeople reads addresses of people, who need not be users of this server.
func parsePeople(list []string) ([]xmpp.JID, error) {
	var out []xmpp.JID
	for _, s := range list {
		j, err := ParseAccount(s)
		if err != nil {
			return nil, &Error{BadRequest, "'" + s + "' is not somebody's address, name@domain."}
		}
		out = append(out, j)
	}
	return out, nil
}

// service is where the rooms of a domain's users are.
func (a *API) service(domain string) (string, error) {
	domain, err := a.domain(domain)
	if err != nil {
		return "", err
	}
	return a.RoomsOf(domain), nil
}

func (a *API) roomList(ctx context.Context, p RoomListParams) (RoomListResult, error) {
	service, err := a.service(p.Domain)
	if err != nil {
		return RoomListResult{}, err
	}
	if p.Limit == 0 {
		p.Limit = 100
	}
	if p.Limit < 0 || p.Limit > 1000 {
		return RoomListResult{}, &Error{BadRequest, "A page has 1 to 1000 rooms."}
	}
	list, err := a.Rooms.List(ctx, service, muc.RoomQuery{After: p.After, Limit: p.Limit, Name: strings.ToLower(p.Name)})
	if err != nil {
		return RoomListResult{}, err
	}
	out := RoomListResult{Rooms: make([]Room, 0, len(list)), More: len(list) == p.Limit}
	for _, l := range list {
		out.Rooms = append(out.Rooms, a.room(l))
	}
	return out, nil
}

func (a *API) room(l muc.Listed) Room {
	return Room{Room: l.Room.String(), Name: l.Config.Name, Preset: l.Config.Preset, Created: l.Created, Members: l.Members, Occupants: a.Rooms.Occupants(l.Room)}
}

func (a *API) roomShow(ctx context.Context, p RoomParams) (RoomDetails, error) {
	j, err := parseRoom(p.Room)
	if err != nil {
		return RoomDetails{}, err
	}
	d, err := a.Rooms.Details(ctx, j)
	if err != nil {
		return RoomDetails{}, err
	}
	out := RoomDetails{Room: a.room(d.Listed), Subject: d.Subject.Text, Password: d.Protected, Inside: []Occupant{}}
	names := muc.SettingNames()
	for i, f := range d.Settings {
		s := RoomSetting{Name: names[i], Values: append([]string{}, f.Values...), Label: f.Label}
		if on, ok := f.Bool(); ok && f.Type == xmpp.FieldBoolean {
			s.Values[0] = map[bool]string{true: "yes", false: "no"}[on]
		}
		out.Settings = append(out.Settings, s)
	}
	for _, o := range d.Occupants {
		out.Inside = append(out.Inside, Occupant{o.Nick, o.JID.String(), o.Role.String(), o.Affiliation.String()})
	}
	return out, nil
}

func fields(set []RoomSetting) []xmpp.Field {
	out := make([]xmpp.Field, len(set))
	for i, s := range set {
		out[i] = xmpp.Field{Var: s.Name, Values: s.Values}
	}
	return out
}

func (a *API) roomCreate(ctx context.Context, p RoomCreateParams) (RoomResult, error) {
	owner, err := ParseAccount(p.Owner)
	if err != nil {
		return RoomResult{}, err
	}
	people, err := parsePeople(p.People)
	if err != nil {
		return RoomResult{}, err
	}
	room, err := a.roomToMake(p, owner)
	if err != nil {
		return RoomResult{}, err
	}
	c := muc.Creation{Room: room, Owner: owner, Preset: p.Preset, Fields: fields(p.Set), People: people, Reason: p.Reason}
	if c.Preset == "" {
		c.Preset = "group"
	}
	made, err := a.Rooms.Create(ctx, c)
	return RoomResult{made.String()}, err
}

// roomToMake is the address of a room to be made. Without a local part it is given a random one.
func (a *API) roomToMake(p RoomCreateParams, owner xmpp.JID) (xmpp.JID, error) {
	if strings.Contains(p.Room, "@") {
		return parseRoom(p.Room)
	}
	domain := p.Domain
	if domain == "" && slices.Contains(a.Domains, owner.Domain()) {
		domain = owner.Domain()
	}
	service, err := a.service(domain)
	if err != nil {
		return xmpp.JID{}, err
	}
	room, err := xmpp.NewJID(p.Room, service, "")
	if err != nil {
		return xmpp.JID{}, &Error{BadRequest, "'" + p.Room + "' can't be the name of a room's address."}
	}
	return room, nil
}

// onRoom runs fn for the room of this name.
func onRoom(name string, fn func(j xmpp.JID) error) (RoomResult, error) {
	j, err := parseRoom(name)
	if err != nil {
		return RoomResult{}, err
	}
	return RoomResult{j.String()}, fn(j)
}

func (a *API) roomSet(ctx context.Context, p RoomSetParams) (RoomResult, error) {
	return onRoom(p.Room, func(j xmpp.JID) error { return a.Rooms.Configure(ctx, j, fields(p.Set)) })
}

func (a *API) roomInvite(ctx context.Context, p RoomInviteParams) (RoomResult, error) {
	return onRoom(p.Room, func(j xmpp.JID) error {
		people, err := parsePeople(p.People)
		if err != nil {
			return err
		}
		from, err := xmpp.ParseJID(a.Rooms.Domain(j.Domain()))
		if p.From != "" {
			from, err = ParseAccount(p.From)
		}
		if err != nil {
			return err
		}
		return a.Rooms.Invite(ctx, j, from, people, p.Reason)
	})
}

func (a *API) roomOpen(ctx context.Context, p RoomParams) (RoomResult, error) {
	return a.roomAccess(ctx, p, muc.Open)
}

func (a *API) roomClose(ctx context.Context, p RoomParams) (RoomResult, error) {
	return a.roomAccess(ctx, p, muc.ByInvitation)
}

// roomAccess says who may come in.
func (a *API) roomAccess(ctx context.Context, p RoomParams, access muc.Access) (RoomResult, error) {
	return onRoom(p.Room, func(j xmpp.JID) error {
		name, err := access.MarshalText()
		if err != nil {
			return err
		}
		return a.Rooms.Configure(ctx, j, []xmpp.Field{{Var: "access", Values: []string{string(name)}}})
	})
}

func (a *API) roomDestroy(ctx context.Context, p RoomDestroyParams) (RoomResult, error) {
	return onRoom(p.Room, func(j xmpp.JID) error {
		var alternate xmpp.JID
		if p.Alternate != "" {
			var err error
			if alternate, err = parseRoom(p.Alternate); err != nil {
				return err
			}
		}
		return a.Rooms.Destroy(ctx, j, p.Reason, alternate)
	})
}

func (a *API) roomMembers(ctx context.Context, p RoomParams) (RoomMembersResult, error) {
	j, err := parseRoom(p.Room)
	if err != nil {
		return RoomMembersResult{}, err
	}
	people, err := a.Rooms.People(ctx, j)
	if err != nil {
		return RoomMembersResult{}, err
	}
	out := RoomMembersResult{Members: make([]RoomMember, 0, len(people))}
	for _, p := range people {
		out.Members = append(out.Members, RoomMember{p.Account.String(), p.Affiliation.String(), p.Nick, p.Reason})
	}
	return out, nil
}

func (a *API) roomAffiliation(ctx context.Context, p RoomAffiliationParams) (RoomResult, error) {
	return onRoom(p.Room, func(j xmpp.JID) error {
		account, err := xmpp.ParseJID(p.JID)
		if err != nil {
			return &Error{BadRequest, "'" + p.JID + "' is not an address."}
		}
		affiliation, ok := muc.ParseAffiliation(p.Affiliation)
		if !ok {
			return &Error{BadRequest, "An affiliation is one of owner, admin, member, none, outcast."}
		}
		return a.Rooms.Affiliate(ctx, j, account, affiliation, p.Reason)
	})
}
