package history_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"palabre/history"
	"palabre/xmpp"
)

// Nothing tells an id that may not be seen from one that there never was.
func TestRoomHidesIDs(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	all, ids, others := h.fill(t, 10)
	h.see(history.Span{Since: ids[2], Until: ids[5]}, history.Span{Since: ids[7], Until: ids[9]})
	romeo := h.enter(t, "romeo@example.org/laptop")
	asks := []string{
		"<set xmlns='" + nsRSM + "'><after>%s</after></set>",
		"<set xmlns='" + nsRSM + "'><before>%s</before></set>",
		"<set xmlns='" + nsRSM + "'><max>0</max><before>%s</before></set>",
		submission("after-id", "%s"), submission("before-id", "%s"), submission("ids", "%s"),
		strings.Replace(submission("ids", "%s"), "<value>%s", "<value>"+all[3].id+"</value><value>%s", 1),
	}
	ask := func(form, id string) string {
		rows, answer := romeo.query(fmt.Sprintf(form, id))
		answer.Attrs = nil
		return fmt.Sprint(len(rows), answer)
	}
	for _, form := range asks {
		never := ask(form, "00000000000000000000000000")
		if !strings.Contains(never, "<item-not-found") {
			t.Errorf("%s for nothing: %s", form, never)
		}
		hidden := append([]string{"x", h.past.Name(ids[3] + 1), h.past.Name(math.MaxInt64)}, others...)
		for _, i := range []int{0, 1, 2, 5, 6, 7, 9} {
			hidden = append(hidden, all[i].id)
		}
		for _, id := range hidden {
			if got := ask(form, id); got != never {
				t.Errorf("%s for %s: %s, not %s", form, id, got, never)
			}
		}
		for _, i := range []int{3, 4, 8} {
			if got := ask(form, all[i].id); got == never {
				t.Errorf("%s for %s, which may be seen: %s", form, all[i].id, got)
			}
		}
	}
	if got, want := romeo.metadata(), edges(all[3], all[8]); got != want {
		t.Errorf("the archive says of itself %s, not %s", got, want)
	}
}

// metadata asks for the edges of the archive.
func (d *device) metadata() string {
	d.t.Helper()
	d.send("<iq type='get' id='edges' to='" + d.at + "'><metadata xmlns='" + nsMAM + "'/></iq>")
	for p := range d.got {
		if p.Stanza.ID == "edges" {
			return p.Stanza.Inner
		}
	}
	return ""
}

func edges(first, last line) string {
	return "<metadata xmlns='" + nsMAM + "'><start id='" + first.id + "' timestamp='" + first.stamp + "'/><end id='" + last.id + "' timestamp='" + last.stamp + "'/></metadata>"
}

// submission is a form with one field.
func submission(name, value string) string {
	return "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>" + nsMAM + "</value></field>" +
		"<field var='" + name + "'><value>" + value + "</value></field></x>"
}

// Who is put out while their query waits does not see what was said after, and somebody without a span sees nothing.
func TestRoomPutOut(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	all, ids, _ := h.fill(t, 10)
	romeo := h.enter(t, "romeo@example.org/laptop")
	asked := 0
	h.view.Store(&history.View{Within: func() []history.Span {
		if asked++; asked%4 == 1 { // the first time of each request
			return []history.Span{{}}
		}
		return []history.Span{{Until: ids[3]}}
	}})
	if rows, answer := romeo.query(""); len(rows) != 3 || rows[2].id != all[2].id || !strings.Contains(answer.String(), "complete='true'") {
		t.Errorf("%d rows, %s", len(rows), answer)
	}
	asked = 0
	if got, want := romeo.metadata(), edges(all[0], all[2]); got != want {
		t.Errorf("the archive says of itself %s, not %s", got, want)
	}
	h.see()
	if rows, answer := romeo.query(""); len(rows) != 0 || !strings.Contains(answer.String(), "complete='true'") {
		t.Errorf("without spans: %d rows, %s", len(rows), answer)
	}
	if rows, answer := romeo.query("<set xmlns='" + nsRSM + "'><max>0</max></set>"); len(rows) != 0 || !strings.Contains(answer.String(), "<count>0</count>") {
		t.Errorf("without spans: %d rows, %s", len(rows), answer)
	}
	if got := romeo.metadata(); got != "<metadata xmlns='"+nsMAM+"'/>" {
		t.Errorf("without spans: %s", got)
	}
}

// XEP-0313 §4.1.1: whose messages one may ask for.
func TestRoomWith(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	h.fill(t, 12)
	romeo := h.enter(t, "romeo@example.org/laptop")
	for _, c := range []struct {
		with    string
		senders bool
		want    string
	}{
		{"romeo@example.org", false, "4"}, // oneself
		{"juliet@example.org", false, "<forbidden"},
		{"tybalt@example.org", false, "<forbidden"}, // who may never have been here
		{"juliet@example.org/balcony", false, "<forbidden"},
		{"juliet@example.org", true, "4"},
		{"tybalt@example.org", true, "0"},
		{"juliet@example.org/balcony", true, "<feature-not-implemented"},
		{"romeo@example.org/laptop", false, "<feature-not-implemented"},
		{garden.String(), false, "12"},
		{garden.String() + "/romeo", false, "3"},
		{garden.String() + "/Romeo", false, "3"},
		{garden.String() + "/tybalt", false, "0"},
		{"cellar@" + service + "/romeo", true, "<feature-not-implemented"},
		{"cellar@" + service, true, "0"},
	} {
		h.view.Store(&history.View{Within: func() []history.Span { return []history.Span{{}} }, Senders: c.senders})
		rows, answer := romeo.query(submission("with", c.with))
		if strings.HasPrefix(c.want, "<") && (len(rows) > 0 || !strings.Contains(answer.String(), c.want)) || c.want[0] != '<' && fmt.Sprint(len(rows)) != c.want {
			t.Errorf("%s, %v: %d rows and %s, not %s", c.with, c.senders, len(rows), answer, c.want)
		}
		if rows, answer := romeo.query(submission("with", c.with) + "<set xmlns='" + nsRSM + "'><max>0</max></set>"); len(rows) > 0 ||
			!strings.Contains(answer.String(), c.want) || c.want[0] != '<' && !strings.Contains(answer.String(), "<count>"+c.want+"</count>") {
			t.Errorf("%s, %v is counted as %s, not %s", c.with, c.senders, answer, c.want)
		}
	}
}

// XEP-0313 §6.1.2: what a row looks like, and which filters there are.
func TestRoomAnswers(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	romeo := h.enter(t, "romeo@example.org/laptop")
	id := h.say(t, garden, "juliet@example.org/balcony", "j > 'u'", "hi").ID()
	romeo.send("<iq type='set' id='1' to='" + garden.String() + "'><query xmlns='" + nsMAM + "' queryid='f27'/></iq>")
	p := <-romeo.got
	want := "<message to='romeo@example.org/laptop' from='" + garden.String() + "'><result xmlns='" + nsMAM + "' queryid='f27' id='" + h.past.Name(id) + "'>" +
		"<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='" + history.TimeOf(id).Format("2006-01-02T15:04:05.000Z") + "'/>" +
		"<message xmlns='jabber:client' type='groupchat' id='mhi' from='" + garden.String() + "/j &gt; &apos;u&apos;'><body>hi</body></message></forwarded></result></message>"
	if got := string(p.AppendTo(nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	<-romeo.got
	for ask, want := range map[string]string{
		"<iq type='get' id='1' to='%s'><query xmlns='" + nsMAM + "'/></iq>":                                                       "var='ids'",
		"<iq type='set' id='1' to='%s'><metadata xmlns='" + nsMAM + "'/></iq>":                                                    "<bad-request",
		"<iq type='get' id='1' to='%s'><prefs xmlns='" + nsMAM + "'/></iq>":                                                       "<service-unavailable",
		"<iq type='set' id='1' to='%s'><query xmlns='" + nsMAM + "' node='x'/></iq>":                                              "<feature-not-implemented",
		"<iq type='set' id='1' to='%s'><query xmlns='" + nsMAM + "'><x/></query></iq>":                                            "<bad-request",
		"<iq type='set' id='1' to='%s'><query xmlns='" + nsMAM + "'>" + submission("include-groupchat", "true") + "</query></iq>": "<feature-not-implemented",
	} {
		romeo.send(fmt.Sprintf(ask, garden))
		p := <-romeo.got
		got := string(p.AppendTo(nil))
		if !strings.Contains(got, want) || strings.Contains(got, "groupchat'/>") {
			t.Errorf("%s is answered by %s", ask, got)
		}
	}
}

// XEP-0313 §6.1.2: who has sent something is told to those who may know.
func TestRoomSenders(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	romeo := h.enter(t, "romeo@example.org/laptop")
	const who = "<x xmlns='http://jabber.org/protocol/muc#user'><item jid='juliet@example.org/balcony'/></x>"
	forged := "<x xmlns='urn:x'>" + who + "</x><body>x</body>"
	sent, err := xmpp.ParseStanza("<message type='groupchat' id='1' from='juliet@example.org/balcony'>" + forged + "</message>")
	if err != nil {
		t.Fatal(err)
	}
	st := *sent
	st.From, st.Inner = xmpp.MustParseJID(garden.String()+"/juliet"), forged+"<occupant-id/>"+who
	s := h.past.Say(garden, &st, sent, "1")
	if err := h.host.Append(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	shownSender(t, h, romeo, forged+"<occupant-id/>", who)
	got, err := h.past.RoomRows(t.Context(), garden, history.RoomQuery{Within: []history.Span{{}}, Last: 1})
	if err != nil || len(got) != 1 || got[0].Stanza.Inner != forged+"<occupant-id/>" || got[0].Who != who || got[0].Sender.String() != "juliet@example.org" {
		t.Fatalf("%+v, %v", got, err)
	}
	if err := h.host.Append(t.Context(), h.past.Bury(garden, got[0], "<retracted/>")); err != nil {
		t.Fatal(err)
	}
	shownSender(t, h, romeo, "<retracted/>", who)
}

// shownSender checks what is shown of the only message of the garden.
func shownSender(t *testing.T, h *hall, d *device, inner, who string) {
	t.Helper()
	for _, senders := range []bool{true, false} {
		h.view.Store(&history.View{Within: func() []history.Span { return []history.Span{{}} }, Senders: senders})
		rows, _ := d.query("")
		want := inner
		if senders {
			want += who
		}
		if got := rows[0].message.String(); !strings.HasSuffix(got, ">"+want+"</message>") {
			t.Errorf("%v: %s", senders, got)
		}
	}
}

// RoomRows are what a room itself reads: the last ones, some of them, or those since a time; with who sent them.
func TestRoomRows(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	_, ids, _ := h.fill(t, 100)
	romeo := xmpp.MustParseJID("romeo@example.org")
	for name, c := range map[string]struct {
		q    history.RoomQuery
		want []int
	}{
		"nothing may be seen": {history.RoomQuery{Last: 5}, nil},
		"none":                {history.RoomQuery{Within: []history.Span{{}}}, nil},
		"the last":            {history.RoomQuery{Within: []history.Span{{}}, Last: 2}, []int{98, 99}},
		"across a gap":        {history.RoomQuery{Within: []history.Span{{0, ids[3]}, {ids[97], 0}}, Last: 3}, []int{2, 98, 99}},
		"some":                {history.RoomQuery{Within: []history.Span{{ids[3], 0}}, IDs: []int64{ids[3], ids[70], ids[4], ids[4], 77}}, []int{4, 70}},
		"the last of some":    {history.RoomQuery{Within: []history.Span{{ids[3], 0}}, IDs: []int64{ids[3], ids[70], ids[4]}, Last: 1}, []int{70}},
		"none of none":        {history.RoomQuery{Within: []history.Span{{}}, IDs: []int64{}, Last: 5}, nil},
		"since too late":      {history.RoomQuery{Within: []history.Span{{}}, Last: 5, Since: history.TimeOf(ids[99]).Add(1e9)}, nil},
		"since ever":          {history.RoomQuery{Within: []history.Span{{}}, Last: 2, Since: history.TimeOf(0)}, []int{98, 99}},
	} {
		rows, err := h.past.RoomRows(t.Context(), garden, c.q)
		var got []int
		for _, r := range rows {
			i, _ := slices.BinarySearch(ids, r.ID)
			got = append(got, i)
			if body, _ := r.Stanza.Child(xmpp.NSClient, "body"); body.Content() != fmt.Sprint(i) || r.Tombstone || !r.Stanza.To.IsZero() || (r.Sender == romeo) != (i%3 == 0) {
				t.Errorf("%s: %+v, %s", name, r, r.Stanza)
			}
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v, not %v", name, got, err, c.want)
		}
	}
	at := history.TimeOf(ids[50])
	rows, err := h.past.RoomRows(t.Context(), garden, history.RoomQuery{Within: []history.Span{{}}, Last: 1000, Since: at})
	if err != nil || len(rows) == 0 || history.TimeOf(rows[0].ID).Before(at) || len(rows) != 100-slices.IndexFunc(ids, func(id int64) bool { return !history.TimeOf(id).Before(at) }) {
		t.Errorf("since %v: %d rows, %v", at, len(rows), err)
	}
}

// What is said again on a later stream is there once, whatever the nick has become since; also when it has been buried.
func TestRoomResend(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	say := func(nick, id, body, stream string) *history.Said {
		sent, err := xmpp.ParseStanza(fmt.Sprintf("<message type='groupchat' id='%s' from='romeo@example.org/x%s' to='%s'><body>%s</body></message>", id, stream, garden, body))
		if err != nil {
			t.Fatal(err)
		}
		st := *sent.Plus(xmpp.New("urn:xmpp:occupant-id:0", "occupant-id").With("id", nick))
		st.From = xmpp.MustParseJID(garden.String() + "/" + nick)
		s := h.past.Say(garden, &st, sent, stream)
		if err := h.host.Append(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	first := say("romeo", "1", "hi", "s1")
	for _, c := range []struct {
		nick, id, body, stream string
		resent                 bool
	}{
		{"romeo", "1", "hi", "s2", true},
		{"montague", "1", "hi", "s3", true},
		{"romeo", "1", "hi", "s1", false},
		{"romeo", "1", "ho", "s2", false},
		{"romeo", "2", "hi", "s2", false},
		{"romeo", "", "hi", "s2", false},
		{"romeo", "", "hi", "s3", false},
		{"romeo", "2", "hi", "", false},
	} {
		if got := say(c.nick, c.id, c.body, c.stream); got.Resent() != c.resent || (got.ID() == first.ID()) != c.resent {
			t.Errorf("%+v: resent %v, id %d, the first is %d", c, got.Resent(), got.ID(), first.ID())
		}
	}
	rows, err := h.past.RoomRows(t.Context(), garden, history.RoomQuery{Within: []history.Span{{}}, IDs: []int64{first.ID()}})
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	const inner = "<retracted xmlns='urn:xmpp:message-retract:1' id='r'/>"
	if err := h.host.Append(t.Context(), h.past.Bury(garden, rows[0], inner)); err != nil {
		t.Fatal(err)
	}
	if s := say("romeo", "1", "hi", "s9"); !s.Resent() || s.ID() != first.ID() {
		t.Error("what was buried is said again")
	}
	rows, err = h.past.RoomRows(t.Context(), garden, history.RoomQuery{Within: []history.Span{{}}, IDs: []int64{first.ID()}})
	if err != nil || len(rows) != 1 || !rows[0].Tombstone || rows[0].Stanza.Inner != inner || rows[0].Stanza.ID != "1" ||
		rows[0].Stanza.From.Resource() != "romeo" || rows[0].Sender.String() != "romeo@example.org" {
		t.Errorf("left is %+v, %v", rows, err)
	}
}

// Queries of one session are answered one after the other, whosever archives they are about; beyond what may be under way it is told to wait.
func TestRoomTurns(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	h.fill(t, 30)
	romeo := h.enter(t, "romeo@example.org/laptop")
	const most = 40
	for i := range most {
		to := []string{garden.String(), "cellar@" + service}[i%2]
		romeo.send(fmt.Sprintf("<iq type='set' id='%d' to='%s'><query xmlns='%s' queryid='%d'/></iq>", i, to, nsMAM, i))
	}
	answered, waits, rows, from := 0, 0, 0, ""
	for answered+waits < most {
		p := <-romeo.got
		switch st := p.Stanza; {
		case st.Type == xmpp.TypeError:
			if waits++; !strings.Contains(st.Inner, "<resource-constraint") {
				t.Errorf("got %s", p.AppendTo(nil))
			}
		case st.Kind == xmpp.IQ:
			if rows != 30 || from != st.From.String() {
				t.Errorf("%d rows of %s before %s", rows, from, p.AppendTo(nil))
			}
			answered, rows = answered+1, 0
		default:
			if rows > 0 && from != st.From.String() {
				t.Errorf("a row of %s among those of %s", st.From, from)
			}
			rows, from = rows+1, st.From.String()
		}
	}
	if answered < 2 {
		t.Errorf("%d queries were answered", answered)
	}
}
