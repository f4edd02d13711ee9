package muc

import (
	"context"
	"strconv"
	"strings"

	"palabre/server"
	"palabre/xmpp"
)

const (
	nsRoomInfo     = nsMUC + "#roominfo"
	nodeReserved   = "x-roomuser-item" // XEP-0045 §7.12
	nodeTraffic    = nsMUC + "#traffic"
	usualRooms     = 100 // a page of the list of rooms, if none is asked for
	mostRooms      = 500
	nsRegistration = "jabber:iq:register"
)

// registerDisco answers what services and rooms are (XEP-0045 §6).
func (s *Service) registerDisco(h *server.Host) {
	h.HandleIQ(server.ToService, server.NSDiscoInfo, "query", getOnly(s.serviceInfo))
	h.HandleIQ(server.ToService, server.NSDiscoItems, "query", getOnly(s.serviceItems))
	s.onRoom(server.NSDiscoInfo, "query", func(ctx context.Context, r *Room, q *server.Request) (xmpp.Element, error) {
		if q.IsSet() {
			return xmpp.Element{}, xmpp.ErrNotAllowed
		}
		return r.info(ctx, q)
	})
	s.onRoom(server.NSDiscoItems, "query", func(ctx context.Context, r *Room, q *server.Request) (xmpp.Element, error) {
		if q.IsSet() {
			return xmpp.Element{}, xmpp.ErrNotAllowed
		}
		return r.items(ctx, q)
	})
}

func getOnly(fn server.IQHandler) server.IQHandler {
	return func(ctx context.Context, q *server.Request) (xmpp.Element, error) {
		if q.IsSet() {
			return xmpp.Element{}, xmpp.ErrNotAllowed
		}
		return fn(ctx, q)
	}
}

// serviceFeatures are those of the service itself (§6.2). That of avatars is asked for there (XEP-0486 §3.1).
var serviceFeatures = []string{
	nsMUC, nsMUC + "#stable_id", server.NSDiscoInfo, server.NSDiscoItems, server.NSCommands, xmpp.NSData, xmpp.NSRSM, nsOccupantID, nsVCard, nsRegistration,
}

func (s *Service) serviceInfo(ctx context.Context, q *server.Request) (xmpp.Element, error) {
	node := q.Payload.Attr("node")
	if node != "" {
		return s.commandInfo(ctx, server.ToService, q, node)
	}
	out := xmpp.New(server.NSDiscoInfo, "query", identity("Rooms"))
	return out.Add(features(serviceFeatures)...), nil
}

func identity(name string) xmpp.Element {
	return xmpp.New(server.NSDiscoInfo, "identity").With("category", "conference").With("type", "text").With("name", name)
}

func features(list []string) []xmpp.Element {
	out := make([]xmpp.Element, len(list))
	for i, f := range list {
		out[i] = xmpp.New(server.NSDiscoInfo, "feature").With("var", f)
	}
	return out
}

// commandInfo describes the list of commands, or one of them (XEP-0050 §2.2, §2.3), to those who may run them.
func (s *Service) commandInfo(ctx context.Context, t server.Target, q *server.Request, node string) (xmpp.Element, error) {
	answer := func(kind, name string, more ...xmpp.Element) xmpp.Element {
		id := xmpp.New(server.NSDiscoInfo, "identity").With("category", "automation").With("type", kind).With("name", name)
		return xmpp.New(server.NSDiscoInfo, "query", append([]xmpp.Element{id}, more...)...).With("node", node)
	}
	if node == server.NSCommands {
		return answer("command-list", "Commands"), nil
	}
	list, err := s.host.CommandItems(ctx, t, q)
	if err != nil {
		return xmpp.Element{}, err
	}
	for _, c := range list {
		if c.Attr("node") == node {
			return answer("command-node", c.Attr("name"), features([]string{server.NSCommands, xmpp.NSData})...), nil
		}
	}
	return xmpp.Element{}, xmpp.ErrItemNotFound
}

// serviceItems lists the rooms that are public (§6.3), page by page (XEP-0059), or the commands.
func (s *Service) serviceItems(ctx context.Context, q *server.Request) (xmpp.Element, error) {
	out := xmpp.New(server.NSDiscoItems, "query")
	if node := q.Payload.Attr("node"); node == server.NSCommands {
		list, err := s.host.CommandItems(ctx, server.ToService, q)
		return out.With("node", node).Add(list...), err
	} else if node != "" {
		return xmpp.Element{}, xmpp.ErrItemNotFound
	}
	page, err := xmpp.ParsePageRequest(q.Payload)
	switch {
	case err != nil:
		return xmpp.Element{}, err
	case page.Backwards || page.Index >= 0:
		return xmpp.Element{}, xmpp.ErrFeatureNotImplemented.With("The list of rooms is read from its beginning on.") // XEP-0059 §2.3, §2.6
	}
	domain := q.To.Domain()
	n, err := s.opts.Store.CountRooms(ctx, domain, true)
	if err != nil {
		return xmpp.Element{}, err
	}
	limit := usualRooms
	if page.Max >= 0 {
		limit = min(page.Max, mostRooms)
	}
	var list []Listed
	if limit > 0 {
		after, err := behind(domain, page.After)
		if err != nil {
			return xmpp.Element{}, err
		}
		if list, err = s.opts.Store.Rooms(ctx, domain, RoomQuery{After: after, Limit: limit, Public: true}); err != nil {
			return xmpp.Element{}, err
		}
	}
	info := xmpp.PageInfo{Index: -1, Count: n}
	for i := range list {
		room := list[i].Room.String()
		out = out.Add(xmpp.New(server.NSDiscoItems, "item").With("jid", room).With("name", list[i].Config.Name))
		if i == 0 {
			info.First = room
		}
		info.Last = room
	}
	if page.Max >= 0 || page.After != "" || len(list) < n {
		out = out.Add(info.Element())
	}
	return out, nil
}

// behind reads the id of an item.
func behind(domain, id string) (local string, err error) {
	if id == "" {
		return "", nil
	}
	j, err := xmpp.ParseJID(id)
	if err != nil || j.Domain() != domain {
		return "", xmpp.ErrItemNotFound // XEP-0059 §2.2
	}
	return j.Local(), nil
}

// info says what a room is (§6.4). What it is about, and who is in it, is not for those who could not come in.
func (r *Room) info(ctx context.Context, q *server.Request) (xmpp.Element, error) {
	switch node := q.Payload.Attr("node"); node {
	case "":
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.infoLocked(r.whoLocked(q.From)), nil
	case nodeReserved:
		return r.reserved(q), nil
	case nodeTraffic:
		return xmpp.Element{}, xmpp.ErrServiceUnavailable // §18.1.1: nothing is discarded; what may not be said is refused
	default:
		return r.service.commandInfo(ctx, server.ToRoom, q, node)
	}
}

// reserved is the nick that somebody has registered (§7.12).
func (r *Room) reserved(q *server.Request) xmpp.Element {
	out := xmpp.New(server.NSDiscoInfo, "query").With("node", nodeReserved)
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.people[q.From.Bare()]; p != nil && p.Nick != "" {
		out = out.Add(identity(p.Nick))
	}
	return out
}

// mayKnowLocked tells whether somebody may know more of a room than what they need to decide whether to ask for entry.
func (r *Room) mayKnowLocked(w who) bool {
	switch {
	case w.affiliation == Outcast:
		return false
	case w.affiliation >= Member || w.role > NoRole:
		return true
	}
	return r.config.Policy.Access == Open && r.config.Password == ""
}

func (r *Room) infoLocked(w who) xmpp.Element {
	name := ""
	if r.mayKnowLocked(w) || r.config.Policy.Public {
		name = r.config.Name
	}
	out := xmpp.New(server.NSDiscoInfo, "query", identity(name))
	out = out.Add(features(r.featuresLocked())...)
	return out.Add(r.roomInfoLocked(w).Element())
}

// featuresLocked are those of a room: what it can, and what it is (§16.3).
func (r *Room) featuresLocked() []string {
	p := &r.config.Policy
	out := append([]string{}, roomFeatures...)
	either := func(is bool, yes, no string) {
		if is {
			out = append(out, yes)
		} else {
			out = append(out, no)
		}
	}
	either(p.Public, "muc_public", "muc_hidden")
	either(p.Access == Open, "muc_open", "muc_membersonly")
	either(p.Persistent, "muc_persistent", "muc_temporary")
	either(p.Moderated, "muc_moderated", "muc_unmoderated")
	either(p.Anonymous, "muc_semianonymous", "muc_nonanonymous")
	either(r.config.Password != "", "muc_passwordprotected", "muc_unsecured")
	if r.archivesLocked() {
		out = append(out, r.service.opts.Archive.Features()...)
	}
	if p.Edits {
		out = append(out, nsRetract, nsModerate, nsModerateOld)
	}
	return out
}

// roomFeatures are those that every room has.
var roomFeatures = []string{
	nsMUC, nsMUC + "#stable_id", nsMUC + "#register", nsRoomConfig, nsRoomInfo, nsMUC + "#request", nsMUC + "#self-ping-optimization",
	server.NSDiscoInfo, server.NSDiscoItems, server.NSCommands, xmpp.NSData, nsOccupantID, nsStanzaID, nsVCard, nsRegistration, nsHats,
}

// roomInfoLocked is the extended form (§6.4, §16.5.4), with what the policy says.
func (r *Room) roomInfoLocked(w who) xmpp.Form {
	c := &r.config
	f := xmpp.NewForm(xmpp.FormResult, nsRoomInfo)
	add := func(name, kind string, values ...string) {
		if len(values) > 0 && values[0] != "" {
			f.Fields = append(f.Fields, xmpp.Field{Var: name, Type: kind, Values: values})
		}
	}
	known := r.mayKnowLocked(w)
	if known || c.Policy.Public {
		add("muc#roomconfig_roomname", xmpp.FieldTextSingle, c.Name)
		add("muc#roominfo_description", xmpp.FieldTextSingle, c.Description)
		add("muc#roominfo_lang", xmpp.FieldTextSingle, c.Language)
	}
	if known {
		add("muc#roominfo_contactjid", xmpp.FieldJIDMulti, c.Contacts...)
		add("muc#roominfo_subject", xmpp.FieldTextSingle, r.subject.plain())
		add("muc#roominfo_occupants", xmpp.FieldTextSingle, strconv.Itoa(r.shownCountLocked()))
		add("muc#roominfo_creationdate", xmpp.FieldTextSingle, instantOr(r.created)...)
		add("muc#roominfo_avatarhash", xmpp.FieldTextMulti, r.avatarHashesLocked()...)
	}
	add("hats#hash", xmpp.FieldTextSingle, c.hatsHash()) // XEP-0317 §2
	add("muc#roominfo_subjectmod", xmpp.FieldBoolean, yes(c.Policy.Subject > Moderators)...)
	for i := range settings {
		if s := &settings[i]; s.isTold() {
			add(s.name, s.kind, s.get(c)...)
		}
	}
	return f
}

// shownCountLocked is how many occupants others see.
func (r *Room) shownCountLocked() (n int) {
	for _, o := range r.occupants {
		if o.role >= r.config.Policy.Presence {
			n++
		}
	}
	return n
}

// plain is the text of a subject, in the first language that it has.
func (s Subject) plain() string {
	e, err := xmpp.Parse("<x>"+s.Text+"</x>", xmpp.NSClient)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(e.ContentOf(xmpp.NSClient, "subject"))
}

// items lists the occupants for those who are among them (§6.5), or the commands.
func (r *Room) items(ctx context.Context, q *server.Request) (xmpp.Element, error) {
	out := xmpp.New(server.NSDiscoItems, "query")
	switch node := q.Payload.Attr("node"); node {
	case "":
	case server.NSCommands:
		list, err := r.service.host.CommandItems(ctx, server.ToRoom, q)
		return out.With("node", node).Add(list...), err
	default:
		return xmpp.Element{}, xmpp.ErrItemNotFound
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.whoLocked(q.From).role == NoRole {
		return out, nil
	}
	for _, o := range r.occupants {
		if o.role >= r.config.Policy.Presence {
			out = out.Add(xmpp.New(server.NSDiscoItems, "item").With("jid", o.jid.String()))
		}
	}
	return out, nil
}
