package letter_test

import (
	"os"
	"testing"

	"palabre/history"
	"palabre/letter"
	"palabre/server/servertest"
	"palabre/xmpp"
)

// What real rooms and accounts keep is read as they mean it: corrections, retractions, moderation, subjects, carbons.
func TestLive(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	transcript, err := os.ReadFile("testdata/live.txt")
	if err != nil {
		t.Fatal(err)
	}
	servertest.Play(t, s, "../muc/testdata/live.txt", string(transcript)) // where it finds the scenes that rooms begin with
	key, err := s.Store.Secret(t.Context(), "archive-ids")
	if err != nil {
		t.Fatal(err)
	}
	p := &past{t: t, store: s.Store}
	if p.Module, err = history.New(history.Options{Store: s.Store, Key: key}); err != nil {
		t.Fatal(err)
	}
	text, _, _ := p.write(t, func(q *letter.Query) { q.Archive = xmpp.MustParseJID("coven@conference.example.org") })
	const want = "*** firstwitch changed the subject to: Fire burn|firstwitch: Double, double [corrected]|secondwitch: [in reply to firstwitch, TIME] toil and trouble|" +
		"firstwitch: [This message was taken back.]|thirdwitch: [This message was removed by secondwitch.]"
	if got := heard(timeless(text)); got != want {
		t.Errorf("heard %s\nnot   %s", got, want)
	}
	text, _, _ = p.write(t, func(q *letter.Query) {
		q.Archive, q.With = xmpp.MustParseJID("crone1@example.org"), xmpp.MustParseJID("hag66@example.org")
		q.Name = func(account xmpp.JID, _ string) string { return account.Local() }
	})
	if got, want := heard(text), "crone1: once|hag66: twice [corrected]|crone1: [This message was taken back.]"; got != want {
		t.Errorf("heard %s\nnot   %s", got, want)
	}
}
