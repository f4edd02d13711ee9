package muc

import (
	"context"

	"palabre/server"
	"palabre/xmpp"
)

const (
	nsRoomInfo     = nsMUC + "#roominfo"
	nodeReserved   = "x-roomuser-item" // XEP-0045 §7.12
	nodeTraffic    = nsMUC + "#traffic"
	usualRooms     = 100 // a page of the list of rooms, if none is asked for
	mostItems      = 500
	nsRegistration = "jabber:iq:register"
)

// registerDisco answers what services and rooms are (XEP-0045 §6).
func (s *Service) registerDisco(h *server.Host) {
	h.HandleIQ(server.ToService, server.NSDiscoInfo, "query", getOnly(s.serviceInfo))
	h.HandleIQ(server.ToService, server.NSDiscoItems, "query", getOnly(s.serviceItems))
	h.HandleIQ(server.ToRoom, server.NSDiscoInfo, "query", getOnly(s.inRoom(func(ctx context.Context, r *Room, q *server.Request) (xmpp.Element, error) { return r.info(ctx, q) })))
	h.HandleIQ(server.ToRoom, server.NSDiscoItems, "query", getOnly(s.inRoom(func(ctx context.Context, r *Room, q *server.Request) (xmpp.Element, error) { return r.items(ctx, q) })))
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
		limit = min(page.Max, mostItems)
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
