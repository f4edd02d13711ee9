package server_test

import (
	"testing"

	"palabre/server/servertest"
	"palabre/xmpp"
)

// Two clients with one resource, each of which comes back whenever the other has ousted it.
func TestContestedResource(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	romeo := xmpp.MustParseJID("romeo@example.org")
	var clients []*servertest.Client
	for range 4 {
		c, err := s.Login(t, romeo, "laptop")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Drop)
		clients = append(clients, c)
	}
	for i, c := range clients[:3] {
		if c.JID.Resource() != "laptop" {
			t.Errorf("client %d was given the resource %q", i, c.JID.Resource())
		}
	}
	if got := clients[3].JID.Resource(); got == "laptop" {
		t.Error("a resource that changes hands all the time was taken over once more")
	}
	for i, c := range clients {
		if err := c.Fence(); (err == nil) != (i >= 2) {
			t.Errorf("client %d: %v", i, err)
		}
	}
}
