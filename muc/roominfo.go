package muc

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"palabre/server"
	"palabre/xmpp"
)

// info says what a room is (XEP-0045 §6.4). What it is about, and who is in it, is not for those who could not come in.
func (r *Room) info(ctx context.Context, q *server.Request) (xmpp.Element, error) {
	switch node := q.Payload.Attr("node"); node {
	case "":
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.infoLocked(r.whoLocked(q.From)), nil
	case nodeReserved:
		return r.reservedNick(q), nil
	case nodeTraffic:
		return xmpp.Element{}, xmpp.ErrServiceUnavailable // §18.1.1: nothing is discarded; what may not be said is refused
	default:
		return r.service.commandInfo(ctx, server.ToRoom, q, node)
	}
}

// reservedNick is the nick that somebody has registered (§7.12).
func (r *Room) reservedNick(q *server.Request) xmpp.Element {
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
	return r.isOpenLocked()
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
	slices.Sort(out)
	return slices.Compact(out) // the archive has some of the room's: each is told once (XEP-0115 §5.4)
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
		add("muc#roominfo_description", xmpp.FieldTextSingle, c.described())
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

// unkept is what everybody is told of a room in which nothing is kept: what others' programs keep is beyond it.
const unkept = "Nothing that is said here is kept by the server. The programs of those who are here may keep it."

// described is the description that others see.
func (c *Config) described() string {
	switch {
	case !c.Policy.volatile():
		return c.Description
	case c.Description == "":
		return unkept
	}
	return c.Description + " " + unkept
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
	list := make([]xmpp.Element, 0, min(len(r.occupants), mostItems)) // Add copies what is there each time
	for _, o := range r.occupants {
		if len(list) >= mostItems {
			break // whoever is inside has been told of all by presence
		}
		if o.role >= r.config.Policy.Presence {
			list = append(list, xmpp.New(server.NSDiscoItems, "item").With("jid", o.jid.String()))
		}
	}
	return out.Add(list...), nil
}
