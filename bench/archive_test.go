package bench

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"palabre/xmpp"
)

// An archive is filled once; the next run finds it full, and adds one message to know the newest.
func TestArchive(t *testing.T) {
	t.Parallel()
	r := newRelay(t, false, faithful)
	for i, filled := range []uint64{2 * 120, 2} {
		c := r.config(t, "archive", 5) // the fifth has nobody to write to
		c.Fill = 120
		report, err := Do(context.Background(), c)
		if err != nil || report.Archive == nil {
			t.Fatalf("%v; report %+v", err, report)
		}
		want := ArchiveReport{Page: 50, Least: 120 + i, Filled: filled}
		if *report.Archive != want || report.Users != 4 || report.Units < 200 || report.P50 <= 0 {
			t.Errorf("%+v, of which %+v; want %+v", report, *report.Archive, want)
		}
	}
}

func u1(owner xmpp.JID) bool { return owner.Local() == "u1" }

// A page that is not what was sent fails the run.
func TestArchiveThatIsWrong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		archive relayArchive
		says    string
	}{
		"off": {relayArchive{off: true}, "is the archive on?"},
		"lost": {relayArchive{keep: func(owner xmpp.JID, rows []relayRow, next relayRow) []relayRow {
			if rows = append(rows, next); u1(owner) && len(rows) == 60 {
				rows = append(slices.Delete(rows, 40, 41), rows[10])
			}
			return rows
		}}, "is due"},
		"newest is not last": {relayArchive{keep: func(owner xmpp.JID, rows []relayRow, next relayRow) []relayRow {
			if rows = append(rows, next); u1(owner) && len(rows) == 60 {
				slices.Reverse(rows[30:])
			}
			return rows
		}}, "is due"},
		"an id twice at the end": {relayArchive{keep: func(owner xmpp.JID, rows []relayRow, next relayRow) []relayRow {
			if rows = append(rows, next); u1(owner) && len(rows) == 60 {
				rows = append(rows, relayRow{next.id, xmpp.NewStanza(xmpp.Message, xmpp.TypeChat, xmpp.New(xmpp.NSClient, "body", xmpp.Text("of another kind")))})
			}
			return rows
		}}, "does not end with the newest"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRelay(t, false, faithful)
			r.archive = c.archive
			config := r.config(t, "archive", 2)
			config.Fill = 60
			if _, err := Do(context.Background(), config); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v; want an error that says %q", err, c.says)
			}
		})
	}
}

// A reader that follows the archive finds what is missing there, doubled or out of order, though it was delivered well.
func TestFollow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keep func(rows []relayRow, next relayRow) []relayRow
		want Faults
	}{
		"faithful": {func(rows []relayRow, next relayRow) []relayRow { return append(rows, next) }, Faults{}},
		"loses one": {func(rows []relayRow, next relayRow) []relayRow {
			if strings.Contains(next.st.Inner, " 1 2 ") {
				return rows
			}
			return append(rows, next)
		}, Faults{Lost: 1}},
		"keeps one twice": {func(rows []relayRow, next relayRow) []relayRow {
			if strings.Contains(next.st.Inner, " 1 2 ") {
				rows = append(rows, relayRow{"again", next.st})
			}
			return append(rows, next)
		}, Faults{Duplicated: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRelay(t, false, faithful)
			r.archive.keep = func(_ xmpp.JID, rows []relayRow, next relayRow) []relayRow { return c.keep(rows, next) }
			report, err := Do(context.Background(), r.config(t, "follow", 4))
			if errors.Is(err, ErrFaults) != c.want.Any() || (err != nil) != c.want.Any() || report.Follow == nil || report.Follow.Faults != c.want {
				t.Fatalf("%v; report %+v, followed %+v", err, report, report.Follow)
			}
			f := report.Follow
			if f.Read < report.Units || f.Pages <= f.Empty || f.Empty == 0 || f.Latency.Count != uint64(f.Pages) {
				t.Errorf("followed %+v", f)
			}
		})
	}
}

// A message that becomes visible behind what the reader has seen already is missed by it, as by a client.
func TestFollowMissesWhatComesLate(t *testing.T) {
	t.Parallel()
	r := newRelay(t, false, faithful)
	var held *relayRow
	var after int
	r.archive.keep = func(owner xmpp.JID, rows []relayRow, next relayRow) []relayRow {
		switch {
		case owner.Local() != "u0":
		case held == nil && after == 0 && strings.Contains(next.st.Inner, " 0 20 "):
			held = &next
			return rows
		case held != nil:
			if after++; after == 100 {
				rows = append([]relayRow{*held}, rows...) // its id is from before
				held = nil
			}
		}
		return append(rows, next)
	}
	report, err := Do(context.Background(), r.config(t, "follow", 3))
	late := Faults{Reordered: report.Faults.Reordered} // a reader that begins after that finds it in front of those that were sent before it
	if !errors.Is(err, ErrFaults) || report.Faults != (Faults{Lost: 1}) && (late.Reordered == 0 || report.Faults != late) {
		t.Errorf("%v; followed %+v", err, report.Follow)
	}
}

func TestBodyOf(t *testing.T) {
	t.Parallel()
	for xml, want := range map[string]string{
		"<forwarded><message id='1'><body>r 1 2 3 ..</body></message></forwarded>": "r 1 2 3 ..",
		"<message><body xml:lang='en'>a</body><body xml:lang='fr'>b</body>":        "a",
		"<message><body/></message>": "", "<message/>": "", "<body": "", "": "",
	} {
		if got := bodyOf(xml); got != want {
			t.Errorf("the body of %s is %q, want %q", xml, got, want)
		}
	}
}
