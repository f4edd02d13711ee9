package xep

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"palabre/xmpp"
)

// A blockList is what an account holds of its list while it is in use: loaded when first asked for, forgotten when it changes.
type blockList struct {
	list atomic.Pointer[map[xmpp.JID]bool] // nil: not loaded; the map is not changed
	mu   sync.Mutex                        // tier 4
	gen  int                               // how often it was forgotten: what was read before does not count after
}

func (l *blockList) load(ctx context.Context, from Store, owner xmpp.JID) (map[xmpp.JID]bool, error) {
	if p := l.list.Load(); p != nil {
		return *p, nil
	}
	l.mu.Lock()
	gen := l.gen
	l.mu.Unlock()
	data, err := from.Data(ctx, owner, kindBlock)
	if err != nil {
		return nil, fmt.Errorf("xep: block list: %w", err)
	}
	var list map[xmpp.JID]bool
	for key := range data {
		j, err := xmpp.ParseJID(key)
		if err != nil {
			return nil, fmt.Errorf("xep: block list: %q: %w", key, err)
		}
		if list == nil {
			list = make(map[xmpp.JID]bool, len(data))
		}
		list[j] = true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gen == gen {
		l.list.Store(&list)
	}
	return list, nil
}

func (l *blockList) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gen++
	l.list.Store(nil)
}
