package directory

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"

	"palabre/server"
	"palabre/xmpp"
)

// NS is the namespace of the queries that the web client makes while somebody types: docs/directory.md.
const NS = "urn:palabre:directory"

const (
	usuallyFound = 20
	mostMembers  = 1000
)

// find is <search/>.
func (m *Module) find(ctx context.Context, r *server.Request) (xmpp.Element, error) {
	domain, err := m.ask(r, 1)
	if err != nil {
		return xmpp.Element{}, err
	}
	q, err := queryOf(r.Payload)
	if err != nil {
		return xmpp.Element{}, err
	}
	found, more, err := m.look(ctx, domain, q)
	return entryList(found, more), err
}

// ask refuses who may not ask, and sets: nothing is changed here.
func (m *Module) ask(r *server.Request, cost int) (domain string, err error) {
	if r.IsSet() {
		return "", xmpp.ErrNotAllowed.With("The directory is changed by the administrator only.")
	}
	return m.admit(r, cost)
}

func queryOf(e xmpp.Element) (Query, error) {
	q := Query{Text: e.ContentOf(NS, "text"), Limit: usuallyFound}
	if s := e.Attr("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return q, xmpp.ErrBadRequest.With("The limit is a number, from 1 on.")
		}
		q.Limit = n
	}
	for _, c := range e.Elements() {
		if !c.Is(NS, "kind") {
			continue
		}
		k, ok := ParseKind(c.Content())
		if !ok || len(q.Kinds) == len(Kinds) {
			return q, xmpp.ErrBadRequest.With("The kinds are person, group and mailbox, each at most once.")
		}
		q.Kinds = append(q.Kinds, k)
	}
	return q, nil
}

// members is <members/>.
func (m *Module) members(ctx context.Context, r *server.Request) (xmpp.Element, error) {
	domain, err := m.ask(r, membersCost)
	if err != nil {
		return xmpp.Element{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	all, err := m.opts.Source.Members(ctx, domain, r.Payload.Attr("id"))
	switch {
	case errors.Is(err, ErrUnknown):
		return xmpp.Element{}, xmpp.ErrItemNotFound.With("There is no such group.")
	case err != nil:
		return xmpp.Element{}, fmt.Errorf("directory: members: %w", err)
	}
	return entryList(all[:min(len(all), mostMembers)], len(all) > mostMembers), nil
}

func entryList(found []Entry, more bool) xmpp.Element {
	out := xmpp.New(NS, "entries")
	if more {
		out = out.With("more", "true")
	}
	for i := range found {
		out = out.Add(found[i].element())
	}
	return out
}

func (e *Entry) element() xmpp.Element {
	out := xmpp.New(NS, "entry").With("id", e.ID).With("kind", e.Kind.String()).With("name", e.Name)
	for _, a := range []struct{ name, value string }{
		{"jid", e.Account.String()}, {"email", e.Email}, {"organisation", e.Organisation}, {"unit", e.Unit}, {"title", e.Title}, {"photo", e.Photo.SHA1},
	} {
		if a.value != "" {
			out = out.With(a.name, a.value)
		}
	}
	return out
}

// photo is <photo/>: those who have no account have no vCard either.
func (m *Module) photo(ctx context.Context, r *server.Request) (xmpp.Element, error) {
	domain, err := m.ask(r, 1)
	if err != nil {
		return xmpp.Element{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p, err := m.opts.Source.Photo(ctx, domain, r.Payload.Attr("id"))
	switch {
	case errors.Is(err, ErrUnknown):
		return xmpp.Element{}, xmpp.ErrItemNotFound.With("There is no such photo.")
	case err != nil:
		return xmpp.Element{}, fmt.Errorf("directory: photo: %w", err)
	}
	return xmpp.New(NS, "photo", xmpp.Text(base64.StdEncoding.EncodeToString(p.Data))).With("type", p.Type).With("sha1", p.SHA1), nil
}
