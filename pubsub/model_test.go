package pubsub_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"palabre/pubsub"
	"palabre/server/servertest"
)

// The model: a node is a list of ids. Whatever is asked for in whatever order, what is kept is what the model says, and what is counted is what is kept.
func TestModel(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	d := login(t, s, "romeo@example.org/pc")
	d.wants("urn:x:0", "urn:x:1", "urn:xmpp:bookmarks:1", "storage:bookmarks")
	type state struct {
		ids  []string
		most int
		full string
	}
	model := map[string]*state{}
	ids := []string{"a@x.example", "b@x.example", "c@x.example", "d@x.example", "é"}
	rapid.Check(t, func(r *rapid.T) {
		for range rapid.IntRange(1, 12).Draw(r, "steps") {
			node := rapid.SampledFrom([]string{"urn:x:0", "urn:x:1"}).Draw(r, "node")
			id := rapid.SampledFrom(ids).Draw(r, "id")
			m, want := model[node], "ok"
			var request string
			switch rapid.IntRange(0, 7).Draw(r, "what") {
			case 0, 1, 2, 3:
				payload := "<e xmlns='urn:x'>" + rapid.SampledFrom([]string{"", "x", "longer é"}).Draw(r, "payload") + "</e>"
				request = publish(node, id, payload)
				if m == nil {
					m = &state{most: 1, full: "discard-oldest"}
					model[node] = m
				}
				if m.full == "reject" && len(m.ids) >= m.most && !slices.Contains(m.ids, id) {
					want = "conflict node-full"
					break
				}
				m.ids = append(slices.DeleteFunc(m.ids, func(x string) bool { return x == id }), id)
				m.ids = m.ids[max(0, len(m.ids)-m.most):]
			case 4:
				request = entity("<retract node='" + node + "'><item id='" + id + "'/></retract>")
				if m == nil || !slices.Contains(m.ids, id) {
					want = "item-not-found"
					break
				}
				m.ids = slices.DeleteFunc(m.ids, func(x string) bool { return x == id })
			case 5:
				most, full := rapid.IntRange(1, 4).Draw(r, "most"), rapid.SampledFrom([]string{"discard-oldest", "retract-oldest", "reject"}).Draw(r, "full")
				request = owner("<configure node='" + node + "'>" + submit("node_config", "max_items", fmt.Sprint(most), "publish_node_full", full) + "</configure>")
				if m == nil {
					want = "item-not-found"
					break
				}
				m.most, m.full = most, full
				m.ids = m.ids[max(0, len(m.ids)-most):]
			case 6:
				request = owner("<purge node='" + node + "'/>")
				if m == nil {
					want = "item-not-found"
				} else {
					m.ids = nil
				}
			case 7:
				request = owner("<delete node='" + node + "'/>")
				if m == nil {
					want = "item-not-found"
				}
				delete(model, node)
			}
			if got := outcome(d.ask("set", "", request)); got != want {
				r.Fatalf("%s: %q, want %q; the model is %+v", request, got, want, m)
			}
		}
		for node, m := range model {
			if got := kept(r, s, node); !slices.Equal(got, m.ids) {
				r.Fatalf("%s keeps %q, not %q", node, got, m.ids)
			}
		}
		counted(r, s)
	})
}

// The three ways of keeping bookmarks, changed in whatever order by clients that know one of them, always say the same.
func TestBookmarkModel(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	d := login(t, s, "romeo@example.org/pc")
	d.wants("urn:xmpp:bookmarks:1", "storage:bookmarks")
	rooms := []string{"a@x.example", "b@x.example", "c@x.example"}
	model := map[string]string{} // the name by room
	rapid.Check(t, func(r *rapid.T) {
		for range rapid.IntRange(1, 6).Draw(r, "steps") {
			room, name := rapid.SampledFrom(rooms).Draw(r, "room"), rapid.SampledFrom([]string{"", "x", "é &amp; co"}).Draw(r, "name")
			storage, next := "<storage xmlns='storage:bookmarks'>", map[string]string{}
			for _, x := range rooms {
				if rapid.Bool().Draw(r, "in") {
					storage += "<conference jid='" + x + "' name='" + name + "'/>"
					next[x] = name
				}
			}
			storage += "</storage>"
			want := "ok"
			var request string
			switch rapid.IntRange(0, 4).Draw(r, "what") {
			case 0, 1:
				request = publish("urn:xmpp:bookmarks:1", room, "<conference xmlns='urn:xmpp:bookmarks:1' name='"+name+"'><extensions/></conference>")
				model[room] = name
			case 2:
				request = entity("<retract node='urn:xmpp:bookmarks:1'><item id='" + room + "'/></retract>")
				if _, is := model[room]; !is {
					want = "item-not-found"
				}
				delete(model, room)
			case 3:
				request = "<query xmlns='jabber:iq:private'>" + storage + "</query>"
				model = next
			case 4:
				request = publish("storage:bookmarks", "current", storage)
				model = next
			}
			if got := outcome(d.ask("set", "", request)); got != want {
				r.Fatalf("%s: %q, want %q", request, got, want)
			}
		}
		got := kept(r, s, "urn:xmpp:bookmarks:1")
		slices.Sort(got)
		answer := d.ask("get", "", "<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'/></query>")
		older := map[string]string{}
		for _, c := range answer.Elements()[0].Elements()[0].Elements() {
			older[c.Attr("jid")] = c.Attr("name")
		}
		if len(got) != len(model) || len(older) != len(model) {
			r.Fatalf("%q and %v, want %v", got, older, model)
		}
		for room, name := range model {
			if !slices.Contains(got, room) || older[room] != map[string]string{"": "", "x": "x", "é &amp; co": "é & co"}[name] {
				r.Fatalf("%q and %v, want %v", got, older, model)
			}
		}
		counted(r, s)
	})
}

func kept(r *rapid.T, s *servertest.Server, node string) (ids []string) {
	items, err := s.Store.Items(context.Background(), pubsub.Query{Owner: romeo, Node: node, Limit: 100})
	if err != nil {
		r.Fatal(err)
	}
	for _, it := range items {
		ids = append(ids, it.ID)
	}
	return ids
}

// counted checks what nodes say of their items.
func counted(r *rapid.T, s *servertest.Server) {
	nodes, err := s.Store.Nodes(context.Background(), romeo)
	if err != nil {
		r.Fatal(err)
	}
	all := 0
	for _, n := range nodes {
		items, err := s.Store.Items(context.Background(), pubsub.Query{Owner: romeo, Node: n.Name, Limit: 100})
		if err != nil {
			r.Fatal(err)
		}
		bytes, last := 200+len(n.Name), int64(0)
		for _, it := range items {
			bytes += len(it.ID) + len(it.Payload)
			last = it.Seq
		}
		all += bytes
		if n.Items != len(items) || n.Bytes != bytes || n.Last != last {
			r.Fatalf("%s: %d items with %d bytes, the last %d; it says %d, %d, %d", n.Name, len(items), bytes, last, n.Items, n.Bytes, n.Last)
		}
	}
	if sum, err := s.Store.Totals(context.Background(), romeo); err != nil || sum.Nodes != len(nodes) || sum.Bytes != all {
		r.Fatalf("totals are %+v, %v; want %d nodes, %d bytes", sum, err, len(nodes), all)
	}
}
