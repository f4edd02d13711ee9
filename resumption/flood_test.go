package resumption_test

import (
	"fmt"
	"strings"
	"testing"

	"palabre/daemon"
	"palabre/server/servertest"
	"palabre/xmpp"
)

// A megabyte of requests is answered by less than that, and by no more than there were; the answers end with the count as it is.
func TestManyRequests(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	d := manage(t, s, "romeo", "phone", "resume='true'")
	r := "<r xmlns='" + ns + "'/>"
	n := 1 << 20 / len(r)
	failed := make(chan error, 1)
	go func() {
		failed <- d.Send(strings.Repeat(r, n) + "<message to='" + d.JID.String() + "' id='last'/>" + r)
	}()
	answers := 0
	for {
		e := next(t, d.Client)
		if e.Is(ns, "a") {
			if answers++; e.Attr("h") == "1" {
				break
			}
		}
	}
	must(t, <-failed)
	if answers > n+1 {
		t.Errorf("%d answers to %d requests", answers, n)
	}
	t.Logf("%d requests, %d answers", n, answers)
	must(t, d.Fence())
	d.Drop()
}

// A megabyte of acknowledgements that tell nothing new brings nothing back, though there is something that the server waits for.
func TestManyAcknowledgements(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	d := manage(t, s, "romeo", "phone", "resume='true'")
	must(t, d.Send("<message to='"+d.JID.String()+"' id='1'/>"))
	if e := next(t, d.Client); e.Attr("id") != "1" {
		t.Fatalf("got %s", e)
	}
	a := "<a xmlns='" + ns + "' h='0'/>"
	must(t, d.Send(strings.Repeat(a, 1<<20/len(a))))
	must(t, d.Fence())
	if e := next(t, d.Client); !e.Is(ns, "r") { // of the message
		t.Errorf("got %s", e)
	}
	must(t, d.acknowledge())
	must(t, d.Fence())
	d.Drop()
}

// A client that never acknowledges may have a long conversation from the archive, and a short one that is in none; then its session ends, and what it has not
// acknowledged is as if it had never been sent.
func TestNeverAcknowledged(t *testing.T) {
	t.Parallel()
	for _, archive := range []bool{true, false} {
		t.Run(fmt.Sprint("archive ", archive), func(t *testing.T) {
			t.Parallel()
			s := servertest.StartWith(t, func(c *daemon.Config) { c.History.Enabled = archive })
			d := manage(t, s, "juliet", "phone", "resume='true'")
			romeo, err := s.Login(t, address("romeo"), "orchard")
			must(t, err)
			defer romeo.Drop()
			body := strings.Repeat("x", 40_000)
			var last xmpp.Element
			for i := 0; i < 40 && !last.Is(xmpp.NSStream, "error"); i++ {
				must(t, romeo.Send(fmt.Sprintf("<message to='%s' type='chat' id='%d'><body>%s</body></message>", d.JID, i, body)))
				for last = next(t, d.Client); last.Is(ns, "r"); {
					last = next(t, d.Client)
				}
			}
			if ended := hasFeature(last, xmpp.NSStreams, "policy-violation"); ended == archive {
				t.Errorf("at last there came %.200s", last)
			}
			d.Drop()
		})
	}
}
