package daemon

import (
	"palabre/directory"
	"palabre/pubsub"
	"palabre/roster"
	"palabre/xep"
)

// published is what accounts publish, with the older places that are kept in step with it.
type published struct {
	cards   *xep.VCard
	private *xep.Private
	caps    *xep.Caps
	nodes   *pubsub.Module
}

func (d *Daemon) published(contacts *roster.Module, people *directory.Module) published {
	p := published{cards: &xep.VCard{Store: d.Store, Directory: people}, private: &xep.Private{Store: d.Store}, caps: &xep.Caps{}}
	p.nodes = pubsub.New(pubsub.Options{Store: d.Store, Contacts: contacts, Interests: p.caps, Cards: p.cards, Private: p.private, Directory: people})
	p.cards.Avatars, p.private.Bookmarks, d.nodes = p.nodes, p.nodes, p.nodes
	return p
}
