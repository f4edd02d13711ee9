package chaos

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

const accounts = 4

// ideal is a history in which every promise is kept: some messages are refused, of some nothing is known, and some of both are stored.
func ideal(seed uint64) *History {
	rng := rand.New(rand.NewPCG(seed, 0))
	h := &History{Sends: make([][]Send, accounts), Archives: make([][]Sighting, accounts)}
	for account := range accounts {
		h.Readings = append(h.Readings, Reading{Account: account, Whole: true})
	}
	for id := 1; id <= 400; id++ {
		sender := rng.IntN(accounts)
		k := Key{sender, len(h.Sends[sender])}
		s := Send{To: (sender + 1 + rng.IntN(accounts-1)) % accounts, Tries: 1, Copies: 1, Outcome: Acknowledged}
		stored := true
		if rng.IntN(10) == 0 {
			s.Outcome = []Outcome{Unknown, Refused}[rng.IntN(2)]
			stored = rng.IntN(2) == 0
		}
		if s.Outcome == Refused {
			s.Errors = 1
		}
		h.Sends[sender] = append(h.Sends[sender], s)
		if !stored {
			continue
		}
		d := Delivery{Sighting{Key: k, To: s.To, ID: fmt.Sprint(id)}, Way(rng.IntN(int(ways))), id / 100}
		for _, account := range []int{sender, s.To} {
			h.Archives[account] = append(h.Archives[account], d.Sighting)
		}
		h.Readings[s.To].Log = append(h.Readings[s.To].Log, d)
	}
	return h
}

func TestCheckGreen(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		h := ideal(seed)
		v := Check(h)
		if !v.OK() {
			t.Fatalf("seed %d: %v", seed, v)
		}
		if v.Sent != 400 || v.Acknowledged+v.Refused+v.Unknown != 400 || v.Rows < 700 || v.StoredAnyway == 0 {
			t.Errorf("seed %d: the figures can't be right: %v", seed, v)
		}
	}
}

// acknowledged finds the place of the nth row whose message was acknowledged.
func acknowledged(h *History, rows []Sighting, nth int) int {
	for i, r := range rows {
		if h.Sends[r.Sender][r.Number].Outcome == Acknowledged {
			if nth--; nth < 0 {
				return i
			}
		}
	}
	return -1
}

// ofOneSender finds two rows of the same sender that were both acknowledged.
func ofOneSender(h *History, rows []Sighting) (i, j int) {
	i = acknowledged(h, rows, 5)
	for j = i + 1; rows[j].Sender != rows[i].Sender || h.Sends[rows[j].Sender][rows[j].Number].Outcome != Acknowledged; j++ {
	}
	return i, j
}

func sightings(log []Delivery) (rows []Sighting) {
	for _, d := range log {
		rows = append(rows, d.Sighting)
	}
	return rows
}

// Each way to break a promise turns the verdict red, and says which promise it was.
func TestCheckRed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(h *History)
		want  Fault
		says  string
	}{
		"lost from an archive": {func(h *History) {
			i := acknowledged(h, h.Archives[1], 7)
			h.Archives[1] = slices.Delete(h.Archives[1], i, i+1)
		}, Missing, "the archive of u1"},
		"the last is lost": {func(h *History) {
			for account, rows := range h.Archives {
				i := acknowledged(h, rows, 0)
				h.Archives[account] = rows[:i]
			}
		}, Missing, "was acknowledged after 1 tries"},
		"an archive is empty": {func(h *History) { h.Archives[2] = []Sighting{} }, Missing, "the archive of u2"},
		"twice in an archive": {func(h *History) {
			r := h.Archives[1][acknowledged(h, h.Archives[1], 7)]
			r.ID = "another"
			h.Archives[1] = append(h.Archives[1], r)
		}, Doubled, "is there 2 times"},
		"what nobody knows of is there twice": {func(h *History) {
			rows := h.Archives[1]
			i := slices.IndexFunc(rows, func(r Sighting) bool { return h.Sends[r.Sender][r.Number].Outcome == Unknown })
			r := rows[i]
			r.ID = "another"
			h.Archives[1] = append(rows, r)
		}, Doubled, "is there 2 times"},
		"two rows with one id": {func(h *History) { h.Archives[1][5].ID = h.Archives[1][6].ID }, Doubled, "have the same id"},
		"out of order in an archive": {func(h *History) {
			i, j := ofOneSender(h, h.Archives[1])
			h.Archives[1][i], h.Archives[1][j] = h.Archives[1][j], h.Archives[1][i]
		}, Reordered, "the archive of u1"},
		"never sent": {func(h *History) {
			h.Archives[1] = append(h.Archives[1], Sighting{Key: Key{1, 1_000_000}, ID: "another"})
		}, Invented, "never sent"},
		"from nobody": {func(h *History) {
			h.Archives[1] = append(h.Archives[1], Sighting{Key: Key{accounts, 0}, ID: "another", To: 1})
		}, Invented, "never sent"},
		"altered": {func(h *History) { h.Archives[1][3].Foreign = "its text was changed" }, Invented, "its text was changed"},
		"in the wrong archive": {func(h *History) {
			i := slices.IndexFunc(h.Archives[0], func(r Sighting) bool { return r.Sender != 1 && r.To != 1 })
			r := h.Archives[0][i]
			r.ID = "another"
			h.Archives[1] = append(h.Archives[1], r)
		}, Invented, "none of theirs"},
		"readdressed": {func(h *History) { h.Archives[1][3].To = accounts }, Invented, "is addressed to"},
		"a reader lacks one": {func(h *History) {
			log := h.Readings[1].Log
			i := acknowledged(h, sightings(log), 7)
			h.Readings[1].Log = slices.Delete(log, i, i+1)
		}, Missing, "a reader of u1"},
		"a reader gets one twice": {func(h *History) {
			log := h.Readings[1].Log
			h.Readings[1].Log = append(log, log[len(log)-1])
		}, Doubled, "a reader of u1"},
		"a reader gets one twice in one session": {func(h *History) {
			log := h.Readings[1].Log
			d := log[len(log)-1]
			d.Way = Offline
			h.Readings[1].Log = append(log, d)
		}, Doubled, "a reader of u1"},
		"a reader gets one again on resumption": {func(h *History) {
			log := h.Readings[1].Log
			d := log[3]
			d.Way = Resumed
			h.Readings[1].Log = append(log, d)
		}, Doubled, "a reader of u1"},
		"a reader gets two in the wrong order": {func(h *History) {
			log := h.Readings[1].Log
			i, j := ofOneSender(h, sightings(log))
			log[i], log[j] = log[j], log[i]
		}, Reordered, "a reader of u1"},
		"a reader is told what is not stored": {func(h *History) {
			i := slices.IndexFunc(h.Sends[0], func(s Send) bool { return s.Outcome == Unknown })
			k, to := Key{0, i}, h.Sends[0][i].To
			for _, account := range []int{0, to} {
				h.Archives[account] = slices.DeleteFunc(h.Archives[account], func(r Sighting) bool { return r.Key == k })
			}
			h.Readings[to].Log = slices.DeleteFunc(h.Readings[to].Log, func(d Delivery) bool { return d.Key == k })
			h.Readings[to].Log = append(h.Readings[to].Log, Delivery{Sighting: Sighting{Key: k, To: to, ID: "another"}})
			h.Sends[0][i].Errors = 1 // so that its place in the log does not matter
		}, Missing, "which is not in the archive"},
		"a reader is told another id": {func(h *History) {
			log := h.Readings[1].Log
			log[3].ID = log[4].ID
		}, Misnamed, "which is that of"},
		"a reader is told no id": {func(h *History) { h.Readings[1].Log[3].ID = "" }, Misnamed, "without a stanza-id"},
		"a reader gets another's": {func(h *History) {
			h.Readings[1].Log = append(h.Readings[1].Log, h.Readings[2].Log[0])
		}, Invented, "is for u2"},
		"a breach": {func(h *History) { h.Breaches = []string{"h went back"} }, Broken, "h went back"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := ideal(7)
			test.spoil(h)
			v := Check(h)
			if v.Counts[test.want] == 0 || !strings.Contains(v.String(), test.says) {
				t.Errorf("want %v, saying %q; got %v", test.want, test.says, v)
			}
		})
	}
}

// What may be, may be: each of these looks like a broken promise and is none.
func TestCheckAllowed(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(h *History){
		"an archive that was not read": func(h *History) { h.Archives[1] = nil },
		"a reader who went":            func(h *History) { h.Readings[1].Log, h.Readings[1].Whole = h.Readings[1].Log[:10], false },
		"offline delivery of what an earlier session was sent": func(h *History) {
			d := h.Readings[1].Log[0]
			d.Way, d.Session = Offline, 9
			h.Readings[1].Log = append(h.Readings[1].Log, d)
		},
		"offline delivery that breaks and goes on": func(h *History) {
			d := h.Readings[1].Log[0]
			d.Way, d.Session = Resumed, 9
			h.Readings[1].Log = append(h.Readings[1].Log, d)
		},
		"sent again on the same stream after a refusal": func(h *History) {
			r := h.Archives[1][4]
			s := &h.Sends[r.Sender][r.Number]
			s.Errors, s.Copies = 1, 2
			r.ID = "another"
			for _, account := range []int{r.Sender, r.To} {
				h.Archives[account] = append(h.Archives[account], r)
			}
			h.Readings[r.To].Log = append(h.Readings[r.To].Log, Delivery{Sighting: r, Session: 9})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := ideal(7)
			spoil(h)
			if v := Check(h); !v.OK() {
				t.Error(v)
			}
		})
	}
}

// A message is recognised by its body and by nothing else, and whatever is not as it was sent is noted.
func TestSight(t *testing.T) {
	t.Parallel()
	const run = tag("7-x")
	k := Key{3, 12}
	whole := carried{"u3", "u1", run.id(k), run.body(k)}
	if got := run.sight(whole, "9"); got != (Sighting{Key: k, To: 1, ID: "9"}) {
		t.Errorf("got %+v", got)
	}
	for name, change := range map[string]func(c *carried){
		"another's words": func(c *carried) { c.body = "hello" },
		"another run":     func(c *carried) { c.body = tag("8-x").body(k) },
		"longer":          func(c *carried) { c.body += " and more" },
		"no number":       func(c *carried) { c.body = mark + " 7-x 3 :" },
		"from another":    func(c *carried) { c.from = "u4" },
		"under another id": func(c *carried) {
			c.id = "5"
		},
		"to nobody": func(c *carried) { c.to = "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := whole
			change(&c)
			if got := run.sight(c, "9"); got.Foreign == "" {
				t.Errorf("%+v is taken for %+v", c, got)
			}
		})
	}
	if n, ok := run.number(run.id(k), 3); n != 12 || !ok {
		t.Errorf("number: %d, %v", n, ok)
	}
	if _, ok := run.number(run.id(k), 1); ok {
		t.Error("an id of another sender's is taken for this one's")
	}
}
