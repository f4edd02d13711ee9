package store

import (
	"fmt"
	"testing"
	"time"

	"palabre/muc"
	"palabre/server"
	"palabre/xmpp"
)

// BenchmarkLoadRoom loads a room whose members each have an interval.
func BenchmarkLoadRoom(b *testing.B) {
	for name, at := range engines {
		for _, n := range []int{10, 1000, 10_000} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				s := at(b).open(b)
				must(b, commit(s, save(feast, "group")))
				fillRoom(b, s, feast, n)
				for b.Loop() {
					kept, err := s.Room(b.Context(), feast)
					if err != nil || len(kept.Members) != n || len(kept.Members[n-1].Intervals) != 1 {
						b.Fatal(kept, err)
					}
				}
				b.ReportAllocs()
			})
		}
	}
}

// fillRoom has so many become members.
func fillRoom(b testing.TB, s *Store, room xmpp.JID, n int) {
	const inFlight = 400
	errs := make(chan error, inFlight)
	for range inFlight {
		errs <- nil
	}
	for i := range n {
		must(b, <-errs)
		account := xmpp.MustParseJID(fmt.Sprintf("user%d@example.org", i))
		s.Commit([]server.Write{affiliation(room, account, muc.Member), &muc.Begin{Room: room, Account: account}}, func(err error) { errs <- err })
	}
	for range inFlight {
		must(b, <-errs)
	}
}

// BenchmarkRooms has 100,000 rooms stored, one in ten of which is public, and one in a thousand has its time looked after.
func BenchmarkRooms(b *testing.B) {
	for name, at := range engines {
		b.Run(name, func(b *testing.B) {
			p := at(b)
			s := p.open(b)
			addRooms(b, s, 100_000)
			service := feast.Domain()
			each := func(name string, fn func(i int) (n int, err error)) {
				b.Run(name, func(b *testing.B) {
					i := 0
					for b.Loop() {
						if n, err := fn(i); err != nil || n == 0 {
							b.Fatal(n, err)
						}
						i++
					}
					b.ReportAllocs()
				})
			}
			rooms := func(q muc.RoomQuery) (int, error) {
				list, err := s.Rooms(b.Context(), service, q)
				return len(list), err
			}
			each("page", func(i int) (int, error) {
				return rooms(muc.RoomQuery{Public: true, Limit: 100, After: fmt.Sprintf("room%05d", i*7919%99_000)})
			})
			each("named", func(i int) (int, error) { return rooms(muc.RoomQuery{Public: true, Limit: 100, Name: "talk of 99"}) })
			each("named, all", func(i int) (int, error) { return rooms(muc.RoomQuery{Limit: 100, Name: "talk of 9999"}) })
			each("count", func(int) (int, error) { return s.CountRooms(b.Context(), service, true) })
			each("ending", func(int) (int, error) { list, err := s.Ending(b.Context()); return len(list), err })
			each("of one", func(i int) (int, error) {
				list, err := s.RoomsOf(b.Context(), xmpp.MustParseJID(fmt.Sprintf("user%d@example.org", i%1000)))
				return len(list), err
			})
			must(b, s.Close())
			each("start", func(int) (int, error) {
				s, err := Open(b.Context(), p.Options)
				if err == nil {
					err = s.Close()
				}
				return 1, err
			})
		})
	}
}

// addRooms makes rooms, each with one of 1,000 accounts as its owner.
func addRooms(b testing.TB, s *Store, n int) {
	const inFlight = 400
	errs := make(chan error, inFlight)
	for range inFlight {
		errs <- nil
	}
	for i := range n {
		must(b, <-errs)
		w := save(xmpp.MustParseJID(fmt.Sprintf("room%05d@conference.example.org", i)), "group")
		w.Config.Name = fmt.Sprintf("The talk of %d", i)
		w.Config.Policy.Public = i%10 == 0
		if i%1000 == 0 {
			w.Config.Policy.Vanish = time.Minute
		}
		account := xmpp.MustParseJID(fmt.Sprintf("user%d@example.org", i%1000))
		s.Commit([]server.Write{w, affiliation(w.Room, account, muc.Owner)}, func(err error) { errs <- err })
	}
	for range inFlight {
		must(b, <-errs)
	}
}

// BenchmarkSay puts messages into the archives of 1,000 rooms, 400 in flight. With places, one in five comes with somebody's leaving: it must not break
// the batches that messages are added in.
func BenchmarkSay(b *testing.B) {
	for name, at := range engines {
		for _, every := range []int{0, 5} {
			b.Run(fmt.Sprintf("%s/places=%v", name, every > 0), func(b *testing.B) {
				s := at(b).open(b)
				rooms := make([]xmpp.JID, 1000)
				for i := range rooms {
					rooms[i] = xmpp.MustParseJID(fmt.Sprintf("room%d@conference.example.org", i))
					must(b, commit(s, save(rooms[i], "group"), affiliation(rooms[i], romeo, muc.Owner)))
				}
				const inFlight = 400
				errs := make(chan error, inFlight)
				for range inFlight {
					errs <- nil
				}
				done := func(err error) { errs <- err }
				before := usage(b, s)
				b.ResetTimer()
				for i := range b.N {
					must(b, <-errs)
					room := rooms[i%len(rooms)]
					a := speech(room, benchText+benchText)
					a.Digest, a.Stream = int64(i+1)*0x9E3779B97F4A7C1, 1
					writes := []server.Write{a}
					if every > 0 && i%every == 0 {
						writes = append(writes, &muc.Part{Room: room, Account: romeo})
					}
					s.Commit(writes, done)
				}
				for range inFlight {
					must(b, <-errs)
				}
				b.StopTimer()
				usage(b, s).since(before).report(b)
			})
		}
	}
}
