package xep

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"palabre/server"
	"palabre/xmpp"
)

const (
	nsPrivate        = "jabber:iq:private"
	kindPrivate      = "private" // of Store: by namespace and name of the element
	mostPrivate      = 100
	mostPrivateBytes = 512 << 10
)

// Private keeps XML that clients leave for themselves, such as bookmarks and notes (XEP-0049): one element of each name, bounded in number and size.
type Private struct {
	Store     Store
	Bookmarks Bookmarks // nil: bookmarks are kept like the rest
}

// Bookmarks keeps those that clients store here in step with those that others publish (XEP-0402 §5.3). Package pubsub provides it.
type Bookmarks interface {
	// Storage gives an account's bookmarks as XEP-0048 has them; ok tells whether they are kept there, and not here.
	Storage(ctx context.Context, a *server.Account) (storage xmpp.Element, ok bool, err error)
	// SetStorage keeps them.
	SetStorage(ctx context.Context, a *server.Account, storage xmpp.Element) error
}

// bookmarks is the name of the element with bookmarks (XEP-0048 §2.2).
var bookmarks = xmpp.Name{Space: "storage:bookmarks", Local: "storage"}

// Info is part of server.Module.
func (v *Private) Info() server.Info {
	return server.Info{Name: "private", Specs: []server.Spec{{Name: "XEP-0049", Version: "1.2"}}}
}

// Register is part of server.Module.
func (v *Private) Register(h *server.Host) {
	h.Feature(server.ToDomain, nsPrivate)
	// §2.3 allows service-unavailable to others, which does not tell them that there is an account.
	h.HandleIQ(server.ToAccount, nsPrivate, "query", server.OwnOnly(func(ctx context.Context, r *server.Request) (xmpp.Element, error) {
		asked := r.Payload.Elements()
		for _, e := range asked {
			if e.Name.Space == "" || e.Name.Space == nsPrivate || e.Name.Space == xmpp.NSClient {
				return xmpp.Element{}, xmpp.ErrNotAcceptable.With("Private data needs a namespace of its own.")
			}
		}
		if len(asked) == 0 || len(asked) > 1 && !r.IsSet() {
			return xmpp.Element{}, xmpp.ErrNotAcceptable.With("Name one element.")
		}
		if r.IsSet() {
			return xmpp.Element{}, v.set(ctx, r.Account, asked)
		}
		if asked[0].Name == bookmarks && v.Bookmarks != nil {
			if storage, ok, err := v.Bookmarks.Storage(ctx, r.Account); ok || err != nil {
				return xmpp.New(nsPrivate, "query", storage), err
			}
		}
		return v.get(ctx, r.Account.JID, asked[0].Name)
	}))
}

// Kept gives what an account keeps here under a name; ok tells whether there is something.
func (v *Private) Kept(ctx context.Context, owner xmpp.JID, n xmpp.Name) (e xmpp.Element, ok bool, err error) {
	text, err := v.Store.Datum(ctx, owner, kindPrivate, privateKey(n))
	if err == nil && text != "" {
		e, err = xmpp.Parse(text, nsPrivate)
	}
	if err != nil {
		return e, false, fmt.Errorf("xep: private: %w", err)
	}
	return e, text != "", nil
}

func privateKey(n xmpp.Name) string { return n.Space + " " + n.Local }

// get gives what is kept under a name or, where nothing is, what else is kept in its namespace, which is all that XEP-0049 §2 goes by:
// Gajim 1.7 stores <roster xmlns='roster:delimiter'/> and asks for <storage xmlns='roster:delimiter'/>. Where nothing is kept
// at all it gives an empty element of that name: clients take it for "not set yet".
func (v *Private) get(ctx context.Context, owner xmpp.JID, n xmpp.Name) (xmpp.Element, error) {
	texts, err := v.texts(ctx, owner, n)
	if err != nil {
		return xmpp.Element{}, fmt.Errorf("xep: private: %w", err)
	}
	if len(texts) == 0 {
		return xmpp.New(nsPrivate, "query", xmpp.New(n.Space, n.Local)), nil
	}
	answer := xmpp.New(nsPrivate, "query")
	for _, text := range texts {
		kept, err := xmpp.Parse(text, nsPrivate)
		if err != nil {
			return xmpp.Element{}, fmt.Errorf("xep: private: %w", err)
		}
		answer = answer.Add(kept)
	}
	return answer, nil
}

// texts loads the element of a name or, without one, those of its namespace, by name.
func (v *Private) texts(ctx context.Context, owner xmpp.JID, n xmpp.Name) ([]string, error) {
	text, err := v.Store.Datum(ctx, owner, kindPrivate, privateKey(n))
	if err != nil {
		return nil, err
	}
	if text != "" {
		return []string{text}, nil
	}
	kept, err := v.Store.Data(ctx, owner, kindPrivate)
	if err != nil {
		return nil, err
	}
	var texts []string
	for _, key := range slices.Sorted(maps.Keys(kept)) {
		if local, ok := strings.CutPrefix(key, privateKey(xmpp.Name{Space: n.Space})); ok && !strings.Contains(local, " ") {
			texts = append(texts, kept[key])
		}
	}
	return texts, nil
}

func (v *Private) set(ctx context.Context, a *server.Account, elements []xmpp.Element) error {
	owner := a.JID
	if v.Bookmarks != nil {
		for i, e := range elements {
			if e.Name != bookmarks {
				continue
			}
			if err := v.Bookmarks.SetStorage(ctx, a, e); err != nil {
				return err
			}
			elements = slices.Delete(slices.Clone(elements), i, i+1)
			break
		}
	}
	if len(elements) == 0 {
		return nil
	}
	kept, err := v.Store.Data(ctx, owner, kindPrivate)
	if err != nil {
		return fmt.Errorf("xep: private: %w", err)
	}
	change := map[string]string{}
	for _, e := range elements {
		key := privateKey(e.Name)
		if len(key) > 1000 {
			return xmpp.ErrNotAcceptable.With("The name is too long.")
		}
		change[key] = ""
		if len(e.Children) > 0 || len(e.Attrs) > 0 {
			change[key] = e.String()
		}
	}
	if count, size := after(kept, change); count > mostPrivate || size > mostPrivateBytes {
		return xmpp.ErrPolicyViolation.With(fmt.Sprintf("The server keeps up to %d pieces of private data with %d KiB in all.", mostPrivate, mostPrivateBytes>>10))
	}
	if err := v.Store.SetData(ctx, owner, kindPrivate, change); err != nil {
		return fmt.Errorf("xep: private: %w", err)
	}
	return nil
}

// after tells how much there will be after a change.
func after(kept, change map[string]string) (count, size int) {
	for key, text := range kept {
		if _, replaced := change[key]; !replaced {
			count++
			size += len(key) + len(text)
		}
	}
	for key, text := range change {
		if text != "" {
			count++
			size += len(key) + len(text)
		}
	}
	return count, size
}
