package bench

import (
	"slices"

	"palabre/stream"
	"palabre/xmpp"
)

// relayRooms are the rooms of a relay: as much of XEP-0045 as the load tool needs. They can be told to send something else than is due. The relay's mutex guards them.
type relayRooms struct {
	deliver func(to string, st *xmpp.Stanza) []*xmpp.Stanza // what is sent to the user of this name in place of what is due; nil: that
	rooms   map[xmpp.JID]*relayRoom
}

type relayRoom struct {
	open   bool // it has been configured so that anybody may enter
	inside []relayOccupant
}

type relayOccupant struct {
	user, at xmpp.JID
	out      *stream.Queue
}

func (rr *relayRooms) send(o relayOccupant, st *xmpp.Stanza) {
	due := []*xmpp.Stanza{st}
	if rr.deliver != nil {
		due = rr.deliver(o.user.Local(), st)
	}
	for _, st := range due {
		o.out.Send(stream.Packet{Stanza: st, To: o.user})
	}
}

func from(at xmpp.JID, kind xmpp.Kind, typ string, children ...xmpp.Element) *xmpp.Stanza {
	st := xmpp.NewStanza(kind, typ, children...)
	st.From = at
	return st
}

// enter tells the newcomer of all, all of the newcomer, the newcomer of itself and the subject, in this order.
func (rr *relayRooms) enter(user xmpp.JID, out *stream.Queue, at xmpp.JID) {
	room := rr.rooms[at.Bare()]
	if room == nil {
		if rr.rooms == nil {
			rr.rooms = make(map[xmpp.JID]*relayRoom)
		}
		room = &relayRoom{}
		rr.rooms[at.Bare()] = room
	}
	newcomer := relayOccupant{user, at, out}
	if !room.open && len(room.inside) > 0 {
		rr.send(newcomer, from(at, xmpp.Presence, "").ErrorReply(xmpp.ErrItemNotFound).Addressed(user))
		return
	}
	x := xmpp.New(nsMUCUser, "x", xmpp.New(nsMUCUser, "item").With("role", "participant"))
	for _, o := range room.inside {
		rr.send(newcomer, from(o.at, xmpp.Presence, "", x))
		rr.send(o, from(at, xmpp.Presence, "", x))
	}
	room.inside = append(room.inside, newcomer)
	rr.send(newcomer, from(at, xmpp.Presence, "", x.Add(xmpp.New(nsMUCUser, "status").With("code", "110"))))
	rr.send(newcomer, from(at.Bare(), xmpp.Message, xmpp.TypeGroupchat, xmpp.New(xmpp.NSClient, "subject")))
}

func (rr *relayRooms) say(user xmpp.JID, st *xmpp.Stanza) {
	room := rr.rooms[st.To]
	i := slices.IndexFunc(room.inside, func(o relayOccupant) bool { return o.user == user })
	out := *st
	out.From = room.inside[i].at
	for _, o := range room.inside {
		rr.send(o, &out)
	}
}

// own answers what only an owner asks: for the form, to take it back, and to end the room.
func (rr *relayRooms) own(iq *xmpp.Stanza, query xmpp.Element) *xmpp.Stanza {
	room := rr.rooms[iq.To]
	if _, ok := query.Child(nsMUCOwner, "destroy"); ok {
		delete(rr.rooms, iq.To)
		for _, o := range room.inside {
			rr.send(o, from(o.at, xmpp.Presence, "unavailable"))
		}
		return iq.Result(xmpp.Element{})
	}
	if x, ok := query.Child(xmpp.NSData, "x"); ok {
		form, err := xmpp.ParseForm(x)
		room.open = err == nil && form.About() == nsMUC+"#roomconfig" && form.Value("muc#roomconfig_membersonly") == "0" && form.Value("muc#roomconfig_roomname") == "A room"
		return iq.Result(xmpp.Element{})
	}
	form := xmpp.NewForm(xmpp.FormForm, nsMUC+"#roomconfig",
		xmpp.Field{Type: xmpp.FieldFixed, Values: []string{"About this room"}},
		xmpp.Field{Var: "muc#roomconfig_roomname", Type: xmpp.FieldTextSingle, Values: []string{"A room"}},
		xmpp.Field{Var: "muc#roomconfig_membersonly", Type: xmpp.FieldBoolean, Values: []string{"1"}})
	return iq.Result(xmpp.New(nsMUCOwner, "query", form.Element()))
}
