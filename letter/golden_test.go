package letter_test

import (
	"bytes"
	"context"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"palabre/letter"
	"palabre/xmpp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares a text with what was looked at and found good.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what is written; if it should be, look at it and run the test with -update. Written:\n%s", file, got)
	}
}

// written is what writes to a buffer.
func written(t testing.TB, write func(context.Context, io.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const (
	juliet = "juliet@example.org"
	romeo  = "romeo@example.org"
	nurse  = "nurse@example.org"
	leila  = "leila@example.org"
)

// tell has a garden full of people say all that a room can hold.
func (p *past) tell() {
	p.say(juliet, "Juliet", "s1", "<subject>Garden party: who brings what? https://party.example.org/</subject>")
	p.after(time.Minute)
	p.say(juliet, "Juliet", "m1", body("Good morning! The programme is at https://party.example.org/programme?day=1&lang=en, please read it (all of it)."))
	p.say(juliet, "Juliet", "m2", body("Two things:\n\n  1. food\n  2. music\n\nWho can help?"))
	p.after(2 * time.Minute)
	name, _ := p.say(romeo, "Roméo", "m3", body("I bring the lute, and *twenty* songs."))
	p.after(time.Minute)
	p.say(nurse, "Nurse", "m4", "<reply xmlns='urn:xmpp:reply:0' id='"+name+"'/><fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='56'/></fallback>"+
		body("> Roméo wrote:\n> I bring the lute, and *twenty* songs.\nTwenty? 😱 Make it ten."))
	p.after(time.Minute)
	p.say(romeo, "Roméo", "m5", body("/me tunes the lute 🎶"))
	p.say(romeo, "Roméo", "m6", body("I bring the lute, and *ten* songs.")+"<replace xmlns='urn:xmpp:message-correct:0' id='m3'/>")
	p.after(time.Hour)
	p.say(leila, "ليلى", "m7", body("مرحبا بالجميع! أحضر الحلويات.\nSweets, that is: ١٢ kg"))
	p.after(time.Minute)
	p.say(juliet, "Juliet", "m8", "<x xmlns='jabber:x:oob'><url>https://upload.example.org/9f2c/rose%20garden.jpg</url></x>"+body("https://upload.example.org/9f2c/rose%20garden.jpg"))
	p.say(juliet, "Juliet", "m9", "<file-sharing xmlns='urn:xmpp:sfs:0'><file xmlns='urn:xmpp:file:metadata:0'><name>seating plan.pdf</name><size>3032449</size></file>"+
		"<sources><url-data xmlns='http://jabber.org/protocol/url-data' target='https://upload.example.org/77aa/plan.pdf'/></sources></file-sharing>")
	p.after(time.Minute)
	_, taken := p.say(romeo, "Roméo", "m10", body("The secret is 12345."))
	p.after(time.Minute)
	_, removed := p.say(romeo, "Roméo", "m11", body("Buy cheap swords at https://swords.example.com/"))
	p.after(time.Minute)
	p.takeBack(taken, "m12", "")
	p.takeBack(removed, "m13", "Nurse")
	p.say(nurse, "Nurse", "m14", "<encrypted xmlns='eu.siacs.conversations.axolotl'><header/></encrypted>"+body("I sent you an OMEMO encrypted message but your client doesn’t seem to support that."))
	p.after(30 * time.Hour)
	p.say(juliet, "Juliet", "m15", "<reactions xmlns='urn:xmpp:reactions:0' id='"+name+"'><reaction>👍</reaction><reaction>🎻</reaction></reactions>")
	p.after(time.Minute)
	p.say(nurse, "Nurse", "m16", body("漢字と仮名のとても長い行です。空白がないので、七十二桁のところで折り返されなければなりません。最後まで読めますか。"))
	p.say(nurse, "Nurse", "m17", body("Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaftsmitgliedsausweis"))
	p.after(time.Minute)
	p.say(romeo, "Roméo", "s2", "<subject/>")
}

// takeBack leaves a tombstone of a message, as rooms do, and says who has taken it back.
func (p *past) takeBack(number int64, id, moderator string) {
	p.t.Helper()
	rows, err := p.RoomRows(p.t.Context(), room, everything(number))
	if err != nil || len(rows) != 1 {
		p.t.Fatalf("%v: %v", rows, err)
	}
	by, tombstone, inside := "", "<retracted xmlns='urn:xmpp:message-retract:1' id='"+id+"'/>", "<retract xmlns='urn:xmpp:message-retract:1' id='"+p.Name(number)+"'>"
	account, nick := rows[0].Sender.String(), rows[0].Stanza.From.Resource()
	if moderator != "" {
		by = "<moderated xmlns='urn:xmpp:message-moderate:1' by='" + room.String() + "/" + moderator + "'/>"
		tombstone = "<retracted xmlns='urn:xmpp:message-retract:1'>" + by + "</retracted>"
		account, nick = room.String(), ""
	}
	p.commit(p.Bury(room, rows[0], tombstone))
	p.say(account, nick, id, inside+by+"</retract>"+body("/me retracted a previous message, but it's unsupported by your client."))
}

func TestGoldenRoom(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	p.tell()
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range []string{"en", "fr", "sv"} {
		l := p.ask(func(q *letter.Query) { q.Language, q.Zone, q.Title = lang, paris, "Capulet’s garden" })
		golden(t, "room."+lang+".txt", append([]byte("Subject: "+l.Subject+"\n\n"), written(t, l.WriteText)...))
		golden(t, "room."+lang+".html", written(t, l.WriteHTML))
		if l.Count != 13 || l.Long() {
			t.Errorf("%d messages", l.Count)
		}
		var cover bytes.Buffer
		if err := l.WriteCoverText(&cover); err != nil {
			t.Fatal(err)
		}
		golden(t, "cover."+lang+".txt", cover.Bytes())
	}
}

// between has somebody send something to the other one, into the archive of Juliet's.
func (p *past) between(from, to, id, inside string) {
	p.t.Helper()
	p.archive(from, to, id, "chat", inside)
}

func TestGoldenConversation(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	p.converse()
	l := p.ask(func(q *letter.Query) {
		q.Archive, q.With, q.Title = xmpp.MustParseJID(juliet), xmpp.MustParseJID(romeo), "Romeo Montague"
		q.Name = func(account xmpp.JID, _ string) string {
			return map[string]string{juliet: "Juliet Capulet", romeo: "Romeo Montague"}[account.String()]
		}
	})
	golden(t, "conversation.en.txt", append([]byte("Subject: "+l.Subject+"\n\n"), written(t, l.WriteText)...))
	golden(t, "conversation.en.html", written(t, l.WriteHTML))
}

// converse has two people say all that two can.
func (p *past) converse() {
	p.between(juliet, romeo, "1", body("O Romeo, Romeo!"))
	p.after(time.Minute)
	p.between(romeo, juliet, "2", body("Shall I hear more, or shall I speak at this?"))
	p.between(juliet, romeo, "3", "<received xmlns='urn:xmpp:receipts' id='2'/>")
	p.between(romeo, juliet, "4", "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>")
	p.hidden(romeo, juliet, "5", body("That was kept for a client that was away."))
	p.after(time.Minute)
	p.between(romeo, juliet, "6", body("Call me but bread."))
	p.between(romeo, juliet, "7", "<replace xmlns='urn:xmpp:message-correct:0' id='6'/>"+body("Call me but love."))
	p.between(juliet, romeo, "8", "<replace xmlns='urn:xmpp:message-correct:0' id='6'/>"+body("It was not Romeo who wrote this."))
	p.between(juliet, romeo, "9", "<retract xmlns='urn:xmpp:message-retract:1' id='2'/>"+body("/me retracted a previous message"))
	p.after(time.Minute)
	p.between(romeo, juliet, "10", body("By the moon!"))
	p.between(juliet, romeo, "11", "<reply xmlns='urn:xmpp:reply:0' id='10'/>"+body("> By the moon!\nO, swear not by the moon."))
	p.between(romeo, juliet, "12", "<retract xmlns='urn:xmpp:message-retract:1' id='10'/>"+body("/me retracted a previous message"))
	p.after(time.Minute)
	p.between(juliet, romeo, "13", body("Good night, good night!"))
	p.archive(romeo, juliet, "13", "error", "<error type='wait'><resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"+body("Good night, good night!"))
	p.between(romeo, juliet, "14", "<x xmlns='jabber:x:conference' jid='garden@rooms.example.org'/>")
	p.between(romeo, juliet, "15", "<propose xmlns='urn:xmpp:jingle-message:0' id='c1'/>")
	p.between(romeo, juliet, "16", "<retract xmlns='urn:xmpp:jingle-message:0' id='c1'/>")
	p.archive(romeo, juliet, "17", "", "<subject>A poem</subject>"+body("With love's light wings"))
}
