package daemon

import (
	"context"

	"palabre/history"
	"palabre/muc"
	"palabre/server"
	"palabre/xmpp"
)

// A roomArchive is the archive as rooms know it.
type roomArchive struct{ *history.Module }

var _ muc.Archive = roomArchive{}

// Worth is part of muc.Archive.
func (a roomArchive) Worth(st *xmpp.Stanza) bool { return a.WorthOfRoom(st) }

// Entry is part of muc.Archive.
func (a roomArchive) Entry(room xmpp.JID, st, sent *xmpp.Stanza, stream string) muc.Entry {
	return a.Say(room, st, sent, stream)
}

// Bury is part of muc.Archive.
func (a roomArchive) Bury(room xmpp.JID, row muc.Row, inner string) server.Write {
	return a.Module.Bury(room, history.RoomRow(row), inner)
}

// Name is part of muc.Archive. An id belongs to one archive anyway.
func (a roomArchive) Name(_ xmpp.JID, id int64) string { return a.Module.Name(id) }

// Number is part of muc.Archive.
func (a roomArchive) Number(_ xmpp.JID, name string) (id int64, ok bool) {
	return a.Module.Number(name)
}

// Rows is part of muc.Archive.
func (a roomArchive) Rows(ctx context.Context, room xmpp.JID, q muc.RowQuery) ([]muc.Row, error) {
	rows, err := a.RoomRows(ctx, room, history.RoomQuery{Within: spans(q.Within), Last: q.Last, IDs: q.IDs, Since: q.Since})
	return roomRows(rows), err
}

func roomRows(rows []history.RoomRow) []muc.Row {
	out := make([]muc.Row, len(rows))
	for i, r := range rows {
		out[i] = muc.Row(r)
	}
	return out
}

// Versions is part of muc.Archive.
func (a roomArchive) Versions(ctx context.Context, room xmpp.JID, row muc.Row) ([]muc.Row, error) {
	rows, err := a.Module.Versions(ctx, room, history.RoomRow(row))
	return roomRows(rows), err
}

// Serve is part of muc.Archive.
func (a roomArchive) Serve(ctx context.Context, r *server.Request, v muc.View) (xmpp.Element, error) {
	within := func() []history.Span { return spans(v.Within()) }
	return a.ServeRoom(ctx, r, history.View{Within: within, Senders: v.Senders})
}

// Features is part of muc.Archive.
func (roomArchive) Features() []string { return history.RoomFeatures() }

// roomServices are the domains of rooms, each with the domain of the accounts whose users may make rooms there.
func (c *Config) roomServices() map[string]string {
	of := map[string]string{}
	for _, domain := range c.Domains {
		of[c.RoomsOf(domain).Service] = domain
	}
	return of
}

func spans(intervals []muc.Interval) []history.Span {
	out := make([]history.Span, len(intervals))
	for i, iv := range intervals {
		out[i] = history.Span(iv)
	}
	return out
}

// withoutHistory are the domains whose accounts and rooms have no archives.
func (c *Config) withoutHistory() map[string]bool {
	out := map[string]bool{}
	for _, domain := range c.Domains {
		if !c.HistoryOf(domain).Enabled {
			out[domain], out[c.RoomsOf(domain).Service] = true, true
		}
	}
	return out
}
