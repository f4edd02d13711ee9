package pubsub_test

import (
	"strings"
	"testing"

	"palabre/server/servertest"
	"palabre/xmpp"
)

// The form of a node's configuration comes back as it was given, but for what a client changes: this is how Dino makes keys public (XEP-0384), and how Gajim and
// Conversations go on where their options are not met.
func TestFormComesBackWhole(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	d, x := login(t, s, "romeo@example.org/pc"), login(t, s, "tybalt@example.org/pc")
	const node = "eu.siacs.conversations.axolotl.bundles:7"
	read := entity("<items node='" + node + "'/>")
	if got := outcome(d.ask("set", "", publish(node, "1", "<bundle xmlns='eu.siacs.conversations.axolotl'/>"))); got != "ok" {
		t.Fatal(got)
	}
	if got := outcome(x.ask("get", romeo.String(), read)); got != "service-unavailable" {
		t.Errorf("a stranger reads what is for contacts: %s", got)
	}
	whole := func() xmpp.Element {
		answer := d.ask("get", "", owner("<configure node='"+node+"'/>"))
		p, _ := answer.Child(nsPubsub+"#owner", "pubsub")
		c, _ := p.Child(nsPubsub+"#owner", "configure")
		form, ok := c.Child(xmpp.NSData, "x")
		if !ok {
			t.Fatalf("no form: %s", answer)
		}
		return form
	}
	before := whole().String()
	submitted := strings.Replace(before, "type='form'", "type='submit'", 1)
	for _, form := range []string{submitted, strings.Replace(submitted, "<value>presence</value>", "<value>open</value>", 1)} {
		if got := outcome(d.ask("set", "", owner("<configure node='"+node+"'>"+form+"</configure>"))); got != "ok" {
			t.Fatalf("%s: %s", form, got)
		}
		after := whole().String()
		if want := strings.Replace(form, "type='submit'", "type='form'", 1); after != want {
			t.Errorf("the form is now\n%s\nnot\n%s", after, want)
		}
	}
	if got := outcome(x.ask("get", romeo.String(), read)); got != "ok" {
		t.Errorf("a stranger reads what is for everybody: %s", got)
	}
}

// Bookmarks that were kept before there was anywhere else are found by clients that look elsewhere, and stay when one of those is the first to change them.
func TestOldBookmarks(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]string{
		"reading": entity("<items node='urn:xmpp:bookmarks:1'/>"), "reading all": entity("<items node='storage:bookmarks'/>"),
		"waiting": "<query xmlns='http://jabber.org/protocol/disco#items'/>",
		"adding":  configured("urn:xmpp:bookmarks:1", "new@conference.example.org", "<conference xmlns='urn:xmpp:bookmarks:1'/>", "max_items", "max", "access_model", "whitelist"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := servertest.Start(t)
			d := login(t, s, "romeo@example.org/pc")
			err := s.Store.SetData(t.Context(), romeo, "private", map[string]string{
				"storage:bookmarks storage": "<storage xmlns='storage:bookmarks'><conference jid='old@conference.example.org' name='Old'/></storage>"})
			if err != nil {
				t.Fatal(err)
			}
			if name == "waiting" { // as older Conversations does
				d.wants("storage:bookmarks")
				d.next(func(e xmpp.Element) bool { _, what := heard(e); return what == "current" })
			}
			typ := "get"
			if name == "adding" {
				typ = "set"
			}
			if got := outcome(d.ask(typ, "", request)); got != "ok" {
				t.Fatal(got)
			}
			for _, way := range []string{entity("<items node='urn:xmpp:bookmarks:1'/>"), entity("<items node='storage:bookmarks'/>"),
				"<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'/></query>"} {
				got := d.ask("get", "", way).String()
				if !strings.Contains(got, "old@conference.example.org") || strings.Contains(got, "new@") != (name == "adding") {
					t.Errorf("%s: %s", way, got)
				}
			}
		})
	}
}

// What Conversations publishes: keys for everybody, what has been displayed for its own devices alone (XEP-0490), an avatar. A second device finds it as it left it.
func TestDisplayed(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	befriend(t, s, romeo, juliet)
	d, x := login(t, s, "romeo@example.org/phone"), login(t, s, "juliet@example.org/pc")
	const node = "urn:xmpp:mds:displayed:0"
	other := login(t, s, "romeo@example.org/tablet")
	other.wants(node)
	x.wants(node)
	for _, chat := range []string{"juliet@example.org", "room@conference.example.org", "juliet@example.org"} {
		payload := "<displayed xmlns='" + node + "'><stanza-id xmlns='urn:xmpp:sid:0' by='romeo@example.org' id='" + chat + "'/></displayed>"
		got := outcome(d.ask("set", "", configured(node, chat, payload, "persist_items", "true", "access_model", "whitelist", "send_last_published_item", "never",
			"max_items", "max", "notify_delete", "true", "notify_retract", "true")))
		if got != "ok" {
			t.Fatal(got)
		}
		if _, what := heard(other.next(func(e xmpp.Element) bool { return e.Name.Local == "message" })); what != chat {
			t.Errorf("heard %q of %s", what, chat)
		}
	}
	answer := other.ask("get", "", entity("<items node='"+node+"'/>"))
	if items := answer.Elements()[0].Elements()[0].Elements(); len(items) != 2 || items[1].Attr("id") != "juliet@example.org" {
		t.Errorf("kept: %s", answer)
	}
	if got := outcome(x.ask("get", romeo.String(), entity("<items node='"+node+"'/>"))); got != "not-allowed closed-node" {
		t.Errorf("a contact reads it: %s", got)
	}
	late := login(t, s, "romeo@example.org/late")
	late.wants(node)
	late.send("<iq type='get' id='fence' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>")
	late.next(func(e xmpp.Element) bool {
		if of, _ := heard(e); of == node { // send_last_published_item is never
			t.Errorf("shown: %s", e)
		}
		return e.Attr("id") == "fence"
	})
}
