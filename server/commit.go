package server

import "palabre/xmpp"

// A Write is one change to the store that a stanza carries. Its concrete type belongs to the module that attaches it;
// the store knows how to carry each out, and may set results in it before it reports the commit.
type Write interface {
	// Owner is the account or room whose data it changes.
	Owner() xmpp.JID
}

// A Noted write learns of its commit before anybody is told of it, in the order of commits. It is called on the store's writer: it must not
// block, nor call into modules.
type Noted interface {
	Write
	Committed()
}

func noteAll(writes []Write) {
	for _, w := range writes {
		if n, ok := w.(Noted); ok {
			n.Committed()
		}
	}
}

// A Committer is the store as the kernel sees it.
type Committer interface {
	// Commit appends the writes of one passage: all become durable, or none. Passages are committed in the order in which Commit
	// was called. done is called once, from the writer's goroutine, and must not block; its error tells that nothing was written.
	Commit(writes []Write, done func(error))
}
