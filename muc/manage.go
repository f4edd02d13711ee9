package muc

import (
	"cmp"
	"context"
	"slices"

	"palabre/xmpp"
)

// What the server's own admins may do, and what commands are made of. Whether somebody may is decided before. Errors are *xmpp.Error, for people, or of the store.

// A Creation is a room that is made without anybody entering it. It is there at once, and stays while it is empty unless its fields say otherwise.
type Creation struct {
	Room   xmpp.JID // where; if it has no local part it is given a random one
	Owner  xmpp.JID // bare
	Preset string
	Fields []xmpp.Field // of the configuration, that are otherwise than in the preset; by the names that SettingNames lists, or those in the form
	People []xmpp.JID   // who are invited in the owner's name
	Reason string       // what they are told
}

// Create makes a room, and gives its address.
func (s *Service) Create(ctx context.Context, c Creation) (xmpp.JID, error) {
	if _, ok := s.opts.Rooms[c.Room.Domain()]; !ok {
		return xmpp.JID{}, xmpp.ErrItemNotFound.With("There are no rooms at " + c.Room.Domain() + ".")
	}
	config, err := c.config()
	if err != nil {
		return xmpp.JID{}, err
	}
	if _, err := s.invitee(ctx, c.Owner, c.Owner); err != nil {
		return xmpp.JID{}, err
	}
	people, err := s.named(ctx, c.Owner, c.People, c.Reason)
	if err != nil {
		return xmpp.JID{}, err
	}
	room := c.Room.Bare()
	if room.Local() == "" {
		if room, err = xmpp.NewJID(s.host.NewID()[:randomName], room.Domain(), ""); err != nil {
			return xmpp.JID{}, err
		}
	}
	r, err := s.open(ctx, room)
	if err != nil {
		return xmpp.JID{}, err
	}
	defer r.close()
	return room, r.change(ctx, func() (*event, error) { return r.createLocked(c.Owner, config, people) })
}

const randomName = 16 // characters of the address of a room that nobody has named: 80 bits

func (c *Creation) config() (Config, error) {
	config, ok := NewConfig(c.Preset)
	if !ok {
		return config, noSuchPreset(c.Preset)
	}
	config.Policy.Persistent = true
	form, err := submission(c.Fields)
	if err != nil {
		return config, err
	}
	return config.Apply(form, true)
}

// createLocked is the event of a new room.
func (r *Room) createLocked(owner xmpp.JID, c Config, people []invitee) (*event, error) {
	if r.stored || r.locked {
		return nil, xmpp.ErrConflict.With("There is a room with this address already.")
	}
	r.config, r.created, r.subject, r.avatar = c, r.service.host.Now(), Subject{}, ""
	r.people[owner] = &Person{Account: owner, Affiliation: Owner, Joined: r.created.UnixMilli() << 20}
	writes := r.unlockLocked(owner)
	e, err := r.inviteLocked(who{account: owner, affiliation: Owner}, &xmpp.Stanza{ID: r.service.host.NewID()}, people)
	if err != nil {
		r.endLocked()
		return nil, err
	}
	e.writes = append(writes, e.writes...)
	r.service.keeper.note(r)
	return e, nil
}

// named looks at people who are named by their addresses alone.
func (s *Service) named(ctx context.Context, from xmpp.JID, people []xmpp.JID, reason string) ([]invitee, error) {
	asked := make([]xmpp.Element, 0, len(people))
	for _, j := range people {
		if j.Bare() == from.Bare() {
			continue
		}
		e := xmpp.New(nsUser, "invite").With("to", j.String())
		if reason != "" {
			e = e.Add(xmpp.New(nsUser, "reason", xmpp.Text(reason)))
		}
		asked = append(asked, e)
	}
	return s.invitees(ctx, from, asked)
}

// manage opens a room that there is.
func (s *Service) manage(ctx context.Context, room xmpp.JID, fn func(r *Room) error) error {
	if _, ok := s.opts.Rooms[room.Domain()]; !ok || room.Local() == "" {
		return errNoRoom
	}
	r, err := s.open(ctx, room.Bare())
	if err != nil {
		return err
	}
	defer r.close()
	if !r.exists() {
		return errNoRoom
	}
	return fn(r)
}

// Invite invites people in the name of somebody.
func (s *Service) Invite(ctx context.Context, room, from xmpp.JID, people []xmpp.JID, reason string) error {
	return s.manage(ctx, room, func(r *Room) error {
		list, err := s.named(ctx, from, people, reason)
		if err != nil {
			return err
		}
		return r.change(ctx, func() (*event, error) {
			return r.inviteLocked(who{account: from.Bare(), affiliation: Owner}, &xmpp.Stanza{ID: s.host.NewID()}, list)
		})
	})
}

// Configure changes a room's configuration: the fields that are given.
func (s *Service) Configure(ctx context.Context, room xmpp.JID, fields []xmpp.Field) error {
	form, err := submission(fields)
	if err != nil {
		return err
	}
	return s.manage(ctx, room, func(r *Room) error {
		return r.change(ctx, func() (*event, error) {
			if r.locked {
				return nil, xmpp.ErrNotAllowed.With("This room is being made just now. Try again in a while.")
			}
			return r.configureLocked(xmpp.JID{}, form)
		})
	})
}

// Affiliate gives somebody, or a domain, an affiliation.
func (s *Service) Affiliate(ctx context.Context, room, account xmpp.JID, a Affiliation, reason string) error {
	changes := []change{{affiliation: a, jid: account, reason: reason}}
	return s.manage(ctx, room, func(r *Room) error {
		if err := s.exist(ctx, Member, changes); err != nil {
			return err
		}
		return r.change(ctx, func() (*event, error) {
			u, err := r.changeAffiliationsLocked(who{affiliation: Owner}, changes)
			if err != nil {
				return nil, err
			}
			return u.event(), nil
		})
	})
}

// People lists who has an affiliation to a room, the highest first, and among those who has been so for longest.
func (s *Service) People(ctx context.Context, room xmpp.JID) (out []Person, err error) {
	err = s.manage(ctx, room, func(r *Room) error {
		out = r.affiliated()
		return nil
	})
	return out, err
}

func (r *Room) affiliated() []Person {
	out := r.affiliatedInAnyOrder()
	slices.SortFunc(out, func(a, b Person) int {
		return cmp.Or(cmp.Compare(b.Affiliation, a.Affiliation), cmp.Compare(a.Joined, b.Joined), cmp.Compare(a.Account.String(), b.Account.String()))
	})
	return out
}

func (r *Room) affiliatedInAnyOrder() (out []Person) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.people {
		if p.Affiliation != None {
			out = append(out, *p)
		}
	}
	return out
}

// Details are what there is to know about a room.
type Details struct {
	Listed
	Subject   Subject
	Settings  []xmpp.Field // as in the configuration form, but for the password
	Protected bool         // it has one
	Occupants []Inside
}

// Inside is an occupant.
type Inside struct {
	Nick        string
	JID         xmpp.JID // full, of the session that was heard of last
	Role        Role
	Affiliation Affiliation
}

// Details gives those of a room.
func (s *Service) Details(ctx context.Context, room xmpp.JID) (d Details, err error) {
	err = s.manage(ctx, room, func(r *Room) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		d = Details{Listed: Listed{Room: r.JID, Config: r.config, Created: r.created, Members: r.memberCountLocked()}, Subject: r.subject,
			Protected: r.config.Password != "", Occupants: r.insideLocked()}
		for i := range settings {
			d.Settings = append(d.Settings, settings[i].field(&r.config))
		}
		return nil
	})
	return d, err
}

func (r *Room) insideLocked() (out []Inside) {
	for _, o := range r.occupants {
		if n := len(o.seats); n > 0 {
			out = append(out, Inside{o.nick, o.seats[n-1].jid, o.role, r.affiliationLocked(o.account)})
		}
	}
	slices.SortFunc(out, func(a, b Inside) int { return cmp.Compare(a.Nick, b.Nick) })
	return out
}

// List lists rooms of a service, and Occupants tells how many are inside of one, if it is awake.
func (s *Service) List(ctx context.Context, service string, q RoomQuery) ([]Listed, error) {
	return s.opts.Store.Rooms(ctx, service, q)
}

// Occupants counts who is inside of a room.
func (s *Service) Occupants(room xmpp.JID) int {
	a := s.host.InUse(room)
	if a == nil {
		return 0
	}
	pl := s.places.Peek(a)
	if pl == nil {
		return 0
	}
	pl.mu.Lock()
	r := pl.room
	pl.mu.Unlock()
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.occupants)
}

// Domain is the domain of accounts whose users may make rooms at a service; empty if there is no such service.
func (s *Service) Domain(service string) string { return s.opts.Rooms[service] }
