package xep_test

import (
	"testing"

	"palabre/daemon"
	"palabre/server/servertest"
)

func TestContacts(t *testing.T) {
	t.Parallel()
	s := servertest.StartWith(t, func(c *daemon.Config) {
		c.Contact = daemon.Contact{Abuse: []string{"mailto:abuse@example.org", "xmpp:abuse@example.org"}, Status: []string{"https://status.example.org"}}
		c.Domain = map[string]daemon.DomainConfig{servertest.Other: {Contact: &daemon.Contact{Admin: []string{"mailto:root@example.net"}}}}
	})
	servertest.Play(t, s, "contacts", `
# XEP-0157 §3
romeo.laptop -> <iq type='get' id='d1' to='example.org'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>
romeo.laptop <~ <iq type='result' id='d1'><query xmlns='http://jabber.org/protocol/disco#info'><x xmlns='jabber:x:data' type='result'>
  <field var='FORM_TYPE' type='hidden'><value>http://jabber.org/network/serverinfo</value></field>
  <field var='abuse-addresses'><value>mailto:abuse@example.org</value><value>xmpp:abuse@example.org</value></field>
  <field var='status-addresses'><value>https://status.example.org</value></field></x></query></iq>

# Another domain has its own people
romeo.laptop -> <iq type='get' id='d2' to='example.net'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>
romeo.laptop <~ <iq type='result' id='d2'><query xmlns='http://jabber.org/protocol/disco#info'><x xmlns='jabber:x:data' type='result'>
  <field var='admin-addresses'><value>mailto:root@example.net</value></field></x></query></iq>
`)
}
