package stream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"palabre/xmpp"
)

// writes is a connection that keeps each write apart. It is slow: a write returns when the test lets it.
type writes struct {
	net.Conn
	got  chan string
	fail error
}

func (w *writes) Write(b []byte) (int, error) {
	if w.fail != nil {
		return 0, w.fail
	}
	w.got <- string(b)
	return len(b), nil
}

func (w *writes) SetWriteDeadline(time.Time) error { return nil }

func raw(s string) Packet { return Packet{Raw: s} }

func send(t *testing.T, q *Queue, s string) {
	t.Helper()
	if err := q.Send(raw(s)); err != nil {
		t.Fatal(err)
	}
}

// What waits while a write is under way goes out in one write.
func TestWritesAreCoalesced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := &writes{got: make(chan string)}
		q := NewQueue(conn)
		send(t, q, "1")
		synctest.Wait() // the drainer is in its write
		for i := 2; i < 100; i++ {
			send(t, q, fmt.Sprint(" ", i))
		}
		if got := <-conn.got; got != "1" {
			t.Errorf("the first write is %q", got)
		}
		var want strings.Builder
		for i := 2; i < 100; i++ {
			fmt.Fprint(&want, " ", i)
		}
		if got := <-conn.got; got != want.String() {
			t.Errorf("the second write is %q", got)
		}
		q.Wait()
		if q.Pending() != 0 || q.waiting != nil || q.draining {
			t.Errorf("an idle queue holds something: %+v", q.waiting)
		}
	})
}

func TestWritesAreOfASizeThatBuffersHave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := &writes{got: make(chan string)}
		q := NewQueue(conn)
		send(t, q, "first")
		synctest.Wait() // what follows waits together
		var want strings.Builder
		for i := range 20 {
			piece := strings.Repeat(string(rune('a'+i)), 10000)
			want.WriteString(piece)
			send(t, q, piece)
		}
		large := strings.Repeat("x", 3*largeBuffer)
		want.WriteString(large)
		send(t, q, large)
		go func() {
			q.Wait()
			close(conn.got)
		}()
		if got := <-conn.got; got != "first" {
			t.Fatal(got)
		}
		var got strings.Builder
		n := 0
		for piece := range conn.got {
			if len(piece) > largeBuffer && len(piece) != len(large) {
				t.Errorf("a write of %d bytes", len(piece))
			}
			n++
			got.WriteString(piece)
		}
		if got.String() != want.String() || n != 5 {
			t.Errorf("%d bytes in %d writes, want %d bytes in 5", got.Len(), n, want.Len())
		}
	})
}

func TestOverflowIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := net.Pipe() // nobody reads from client
		q := NewQueue(server)
		q.Max = 100
		var errs []error
		q.OnError = func(err error) { errs = append(errs, err) }
		send(t, q, strings.Repeat("a", 200)) // one packet always may wait
		synctest.Wait()
		if err := q.Send(raw("b")); err != ErrOverflow {
			t.Fatalf("beyond the bound: %v", err)
		}
		before := time.Now()
		q.Wait()
		if took := time.Since(before); took != 0 {
			t.Errorf("the drainer was stuck for %v", took)
		}
		for range 3 {
			if err := q.Send(raw("c")); err != ErrOverflow {
				t.Errorf("after the overflow: %v", err)
			}
		}
		q.Flush()
		q.Close([]byte("d"), nil)
		q.Wait()
		if !slices.Equal(errs, []error{ErrOverflow}) {
			t.Errorf("told %v", errs)
		}
		server.Close()
		if got, err := io.ReadAll(client); len(got) > 0 {
			t.Errorf("%q was written, error %v", got, err)
		}
	})
}

// What a queue took and could not send is there for stream management to save.
func TestUnsentPacketsAreThereAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := net.Pipe()
		q := NewQueue(server)
		q.Max = 10
		var seen []string
		q.OnWrite = func(batch []Packet) []Packet {
			for _, p := range batch {
				seen = append(seen, p.Raw)
			}
			return batch
		}
		send(t, q, "one")
		synctest.Wait()
		send(t, q, "two")
		send(t, q, "thre")
		if err := q.Send(raw("four")); err != ErrOverflow {
			t.Fatal(err)
		}
		q.Wait()
		var unsent []string
		for _, p := range q.Unsent() {
			unsent = append(unsent, p.Raw)
		}
		if !slices.Equal(seen, []string{"one"}) || !slices.Equal(unsent, []string{"two", "thre"}) {
			t.Errorf("seen %q, unsent %q", seen, unsent)
		}
		server.Close()
		client.Close()
	})
}

func TestAnErrorOfTheConnectionIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken pipe")
		q := NewQueue(&writes{fail: broken})
		var errs []error
		q.OnError = func(err error) { errs = append(errs, err) }
		send(t, q, "a")
		q.Wait()
		if err := q.Send(raw("b")); err != broken {
			t.Errorf("afterwards: %v", err)
		}
		closed := false
		q.Close(nil, func() { closed = true })
		q.Wait()
		if !slices.Equal(errs, []error{broken}) || !closed {
			t.Errorf("told %v, closed %v", errs, closed)
		}
	})
}

// X7: a peer that does not read.
func TestAWriteHasADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := net.Pipe()
		q := NewQueue(server)
		told := make(chan error, 1)
		q.OnError = func(err error) { told <- err }
		before := time.Now()
		send(t, q, "a")
		if err := <-told; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("told %v", err)
		}
		if took := time.Since(before); took != 20*time.Second {
			t.Errorf("after %v", took)
		}
		q.Wait()
		server.Close()
		client.Close()
	})
}

func TestCloseWritesWhatWaitsAndTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := net.Pipe()
		q := NewQueue(server)
		q.OnError = func(err error) { t.Errorf("told %v", err) }
		send(t, q, "<a/>")
		send(t, q, "<b/>")
		end := (&Error{Condition: SystemShutdown}).AppendXML(nil)
		q.Close(AppendClose(end), func() { server.Close() })
		if err := q.Send(raw("<c/>")); err != ErrClosed {
			t.Errorf("after Close: %v", err)
		}
		again := false
		q.Close([]byte("never"), func() { again = true })
		got, err := io.ReadAll(client)
		want := "<a/><b/><stream:error><system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"
		if string(got) != want || err != nil {
			t.Errorf("got %s, error %v", got, err)
		}
		q.Wait()
		if !again {
			t.Error("the second Close is not done")
		}
	})
}

func TestCloseIsBoundedInTime(t *testing.T) {
	for name, late := range map[string]time.Duration{"from the beginning": 0, "with a write under way": 15 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, client := net.Pipe()
				q := NewQueue(server)
				q.Timeout = 20 * time.Second
				q.OnError = func(err error) { t.Errorf("told %v", err) }
				send(t, q, strings.Repeat("a", 1000))
				// It reads, but a byte a second.
				var peer sync.WaitGroup
				peer.Go(func() {
					b := make([]byte, 1)
					for {
						if _, err := client.Read(b); err != nil {
							return
						}
						time.Sleep(time.Second)
					}
				})
				time.Sleep(late)
				before := time.Now()
				done := make(chan struct{})
				q.Close([]byte("</stream:stream>"), func() { close(done) })
				<-done
				if took := time.Since(before); took > q.Timeout {
					t.Errorf("closed after %v", took)
				}
				q.Wait()
				server.Close()
				peer.Wait()
			})
		})
	}
}

func TestOnWriteChangesWhatIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := &writes{got: make(chan string, 10)}
		q := NewQueue(conn)
		var held []Packet
		active := false
		q.OnWrite = func(batch []Packet) []Packet {
			if active {
				batch = append(held, batch...)
				held = nil
				return append(batch, raw("<r/>"))
			}
			out := batch[:0]
			for _, p := range batch {
				if strings.HasPrefix(p.Raw, "<presence") {
					held = append(held, p)
				} else {
					out = append(out, p)
				}
			}
			return out
		}
		send(t, q, "<presence/>")
		q.Wait()
		send(t, q, "<message/>")
		q.Wait()
		active = true
		q.Flush()
		q.Wait()
		if got := []string{<-conn.got, <-conn.got}; !slices.Equal(got, []string{"<message/>", "<presence/><r/>"}) || len(conn.got) > 0 {
			t.Errorf("written: %q", got)
		}
	})
}

// Calls come from the drainer, without a lock: they may use the queue.
func TestCallsMayUseTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(&writes{fail: errors.New("broken pipe")})
		calls := 0
		q.OnWrite = func(batch []Packet) []Packet {
			if calls++; calls == 1 {
				q.Send(raw("b"))
				q.Flush()
				q.Pending()
			}
			return batch
		}
		q.OnError = func(err error) {
			calls += 10
			if q.Send(raw("c")) != err {
				t.Error("a queue that has failed took a packet")
			}
			q.Close(nil, func() { calls += 100; q.Close(nil, func() { calls += 1000 }) })
		}
		send(t, q, "a")
		q.Wait()
		if calls != 1111 {
			t.Errorf("calls %d", calls)
		}
	})
}

func TestSetConnGoesOnElsewhere(t *testing.T) {
	t.Parallel()
	one, two := &writes{got: make(chan string, 1)}, &writes{got: make(chan string, 1)}
	q := NewQueue(one)
	send(t, q, "<proceed/>")
	q.Wait()
	q.SetConn(two)
	send(t, q, "<stream>")
	q.Wait()
	if a, b := <-one.got, <-two.got; a != "<proceed/>" || b != "<stream>" {
		t.Errorf("%q, %q", a, b)
	}
}

// Many senders, one peer: nothing is lost, nothing doubled, and each sender's order is kept.
func TestManySenders(t *testing.T) {
	t.Parallel()
	server, client := tcpPair(t)
	q := NewQueue(server)
	q.Max = 1 << 30
	const senders, each = 20, 500
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				if err := q.Send(raw(fmt.Sprintf("%d:%d\n", s, i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	go func() {
		wg.Wait()
		q.Close(nil, func() { server.Close() })
	}()
	got, err := io.ReadAll(client)
	if err != nil {
		t.Fatal(err)
	}
	q.Wait()
	var at [senders]int
	lines := bytes.Fields(got)
	for _, line := range lines {
		var s, i int
		if _, err := fmt.Sscanf(string(line), "%d:%d", &s, &i); err != nil || i != at[s] {
			t.Fatalf("%s, want %d of sender %d, error %v", line, at[s], s, err)
		}
		at[s]++
	}
	if len(lines) != senders*each {
		t.Errorf("%d packets of %d", len(lines), senders*each)
	}
}

func TestPackets(t *testing.T) {
	t.Parallel()
	st := xmpp.NewStanza(xmpp.Message, xmpp.TypeChat, xmpp.New(xmpp.NSClient, "body", xmpp.Text("a<b")))
	st.ID, st.From, st.To = "1'", xmpp.MustParseJID("a@b/c"), xmpp.MustParseJID("d@e")
	for _, c := range []struct {
		p    Packet
		want string
	}{
		{Packet{Stanza: st, To: xmpp.MustParseJID("x@y"), Tail: "<t xmlns='urn:t'/>"},
			`<message type='chat' id='1&apos;' to='x@y' from='a@b/c'><body>a&lt;b</body><t xmlns='urn:t'/></message>`},
		{Packet{Stanza: st}, `<message type='chat' id='1&apos;' from='a@b/c'><body>a&lt;b</body></message>`},
		{Packet{Stanza: xmpp.NewStanza(xmpp.IQ, xmpp.TypeResult)}, `<iq type='result'/>`},
		{Packet{Raw: "<r xmlns='urn:xmpp:sm:3'/>"}, `<r xmlns='urn:xmpp:sm:3'/>`},
	} {
		got := string(c.p.AppendTo([]byte("before")))
		if got != "before"+c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
		if c.p.Size() < len(c.want) {
			t.Errorf("%s has size %d", c.want, c.p.Size())
		}
	}
}

func TestErrorOnTheWire(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		e    Error
		want string
	}{
		{Error{Condition: HostUnknown}, `<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>`},
		{Error{Condition: PolicyViolation, Text: "a<b", App: xmpp.New("urn:app", "x")},
			`<stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>a&lt;b</text><x xmlns='urn:app'/></stream:error>`},
	} {
		if got := string(c.e.AppendXML(nil)); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
		if _, err := scan(opened(t, BeforeLogin), c.e.AppendXML(nil), whole); err != nil {
			t.Errorf("%s does not read back: %v", c.want, err)
		}
	}
}

// An armed conn remembers the write deadline that was set last.
type armed struct {
	net.Conn
	mu       sync.Mutex
	deadline time.Time
	writes   int
	set      int
}

func (a *armed) SetWriteDeadline(t time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.deadline = t
	a.set++
	return a.Conn.SetWriteDeadline(t)
}

func (a *armed) Write(b []byte) (int, error) {
	a.mu.Lock()
	a.writes++
	if a.deadline.IsZero() {
		a.mu.Unlock()
		return 0, errors.New("a write without a deadline")
	}
	a.mu.Unlock()
	return a.Conn.Write(b)
}

// A tls.Conn writes by itself when its peer changes keys: no deadline may pass while the queue writes nothing. Meanwhile one deadline does for many writes.
func TestNoDeadlinePasses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, client := net.Pipe()
		defer client.Close()
		go func() { _, _ = io.Copy(io.Discard, client) }()
		conn := &armed{Conn: server}
		defer server.Close()
		q := NewQueue(conn)
		look := func() (deadline time.Time, set int) {
			conn.mu.Lock()
			defer conn.mu.Unlock()
			return conn.deadline, conn.set
		}
		for range 90 { // a write each second, then nothing
			if err := q.Send(Packet{Raw: "x"}); err != nil {
				t.Fatal(err)
			}
			q.Wait()
			if d, _ := look(); !d.IsZero() && time.Until(d) < q.Timeout/4 {
				t.Fatalf("%v are left of a deadline", time.Until(d))
			}
			time.Sleep(time.Second)
		}
		time.Sleep(q.Timeout)
		deadline, set := look()
		if !deadline.IsZero() {
			t.Errorf("%v are left of a deadline", time.Until(deadline))
		}
		if conn.writes != 90 || set > 25 {
			t.Errorf("%d deadlines were set for %d writes", set, conn.writes)
		}
	})
}
