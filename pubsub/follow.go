package pubsub

import "context"

// noticed notes that a client has changed a node that something else follows; id is that of an item that was published, or empty.
func (b *batch) noticed(node, id string) {
	switch {
	case (node == nodeMetadata || node == nodeData && id == "") && b.m.opts.Cards != nil: // data alone are not shown yet
		b.following = (*batch).toCard
	case node == nodeBookmarks:
		b.following = (*batch).toStorage
	case node == nodeStorage && id != "": // that the older node goes does not mean that the bookmarks do
		b.following = (*batch).toNative
	}
}

// follow changes what follows the nodes that a client has changed. It is part of the same commit.
func (b *batch) follow(ctx context.Context) error {
	if b.following == nil {
		return nil
	}
	return b.following(b, ctx)
}
