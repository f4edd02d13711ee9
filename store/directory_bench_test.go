package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"palabre/directory"
	"palabre/xep"
	"palabre/xmpp"
)

var (
	givens = strings.Fields(`Anna Alice Agnès Adam Anders Antoine Astrid Axel Béatrice Björn Camille Carl Claire Daniel David Élodie Elsa Emma Erik Eva
		Fanny François Frida Gabriel Gustav Hanna Hélène Henrik Hugo Ida Ingrid Isabelle Jakob Jean Johan Julie Karin Karl Lars Laura Léa Linnéa
		Louise Lucas Magnus Malin Marc Maria Marie Martin Mathilde Mikael Nathalie Nils Noé Olivia Oscar Pascal Patrik Paul Per Pierre Quentin Rebecka
		Romain Samuel Sara Sébastien Sofia Sophie Sven Thérèse Thomas Tove Ulla Valérie Vera Victor Viggo William Xavier Yann Yves Zoé`)
	families = strings.Fields(`Andersson Ahlström Arnaud Aubert Berg Bergström Bernard Blanc Bonnet Boyer Carlsson Chevalier Clément Dahl Danielsson David
		Dubois Dupont Durand Ek Ekström Eriksson Faure Fontaine Forsberg Fournier Garnier Gauthier Girard Gustafsson Hansson Henry Holm Håkansson Isaksson
		Jakobsson Jansson Johansson Karlsson Lambert Larsson Lefèvre Leroy Lind Lindberg Lundqvist Magnusson Martin Mattsson Mercier Moreau Nilsson
		Norberg Nyström Olofsson Olsson Öberg Persson Petit Pettersson Quist Renard Richard Robert Roux Rousseau Samuelsson Sandberg Simon Sjögren Söderberg
		Svensson Ström Thomas Vincent Wallin Wikström Åberg Åkesson`)
	units = strings.Fields(`Accounting Archives Bridges Claims Delivery Engineering Finance Housing Legal Logistics Markets Planning Research Sales Training`)
)

// crowdEntry is the nth of many: some names are much more common than others.
func crowdEntry(r *rand.Rand, n int) directory.Entry {
	some := func(words []string) string {
		x := r.Float64()
		return words[int(x*x*float64(len(words)))]
	}
	shuffled := func(words []string) []string {
		words = slices.Clone(words)
		rand.New(rand.NewPCG(7, 7)).Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
		return words
	}
	given, family := some(shuffled(givens)), some(shuffled(families))
	id := fmt.Sprintf("%s.%s%d", directory.Fold(given), directory.Fold(family), n)
	e := directory.Entry{Domain: verona, ID: id, Kind: directory.Person, Name: given + " " + family, Email: id + "@" + verona, Account: xmpp.MustParseJID(id + "@" + verona)}
	e.Details = directory.Details{Given: given, Family: family, Organisation: "Verona", Unit: some(units), Title: "Clerk", Phone: "+46 8 123 45 67", Locality: "Stockholm"}
	switch {
	case n%500 == 7:
		e.Kind, e.Account, e.Details = directory.Mailbox, xmpp.JID{}, directory.Details{}
	case n%100 == 3:
		e.Kind, e.Account, e.Details = directory.Group, xmpp.JID{}, directory.Details{}
	}
	return e
}

func fillDirectory(b testing.TB, s *Store, n int) {
	b.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	var edits []directory.Edit
	for i := range n {
		edits = append(edits, putEntry(crowdEntry(r, i)))
		if len(edits) == 100 || i == n-1 {
			out, err := s.Update(b.Context(), verona, edits, false)
			must(b, err)
			if bad := slices.IndexFunc(out, func(o directory.Outcome) bool { return o.Did != directory.Added }); bad >= 0 {
				b.Fatal(out[bad])
			}
			edits = edits[:0]
		}
	}
}

// BenchmarkSearch searches among 100,000 entries, as somebody types; it tells what half of the searches take at most, and 99 of 100.
func BenchmarkSearch(b *testing.B) {
	for name, at := range engines {
		b.Run(name, func(b *testing.B) {
			s := at(b).open(b)
			start := time.Now()
			fillDirectory(b, s, 100_000)
			b.Logf("filled in %v", time.Since(start))
			for _, c := range []struct{ name, texts string }{
				{"nothing", ""},
				{"one letter", "a|b|c|e|j|m|q|s|x|å"},
				{"two letters", "an|be|ma|sv|qu|öb|jo|xa|zo|li"},
				{"full name", "Anna Andersson|Martin David|zoe åkesson|Lind Karl|Quentin Quist|sven svensson|Élodie Lefèvre"},
				{"a q", "a q|q a|x q|a z|m s|z y|é å"},
				{"two and two", "ma sc|an be|jo ka|ma qu|zz an|qu qu|li li"},
				{"three words", "anna lind sales|a b c|m m m|sven l t|an an zz"},
				{"address", "anna.andersson7@example.org|zoe.berg1|sven.@|karl.lind9999@ex"},
				{"nobody", "xyzzy|aaaaaaa|martin zzz|a zzz"},
			} {
				for _, kinds := range [][]directory.Kind{nil, {directory.Group, directory.Mailbox}} {
					name := c.name
					if kinds != nil {
						name += ", no persons"
					}
					b.Run(name, func(b *testing.B) { searchFor(b, s, strings.Split(c.texts, "|"), kinds) })
				}
			}
		})
	}
}

// searchFor tells besides what the slowest of the texts takes half of the time: on a machine that does other things, too, that is what it costs.
func searchFor(b *testing.B, s *Store, texts []string, kinds []directory.Kind) {
	var all []time.Duration
	each := make([][]time.Duration, len(texts))
	for i := 0; b.Loop(); i++ {
		start := time.Now()
		_, err := s.Search(b.Context(), verona, directory.Query{Text: texts[i%len(texts)], Kinds: kinds})
		must(b, err)
		took := time.Since(start)
		all, each[i%len(texts)] = append(all, took), append(each[i%len(texts)], took)
	}
	slowest := time.Duration(0)
	for _, took := range each {
		slowest = max(slowest, percentile(took, 50))
	}
	for name, d := range map[string]time.Duration{"p50-µs": percentile(all, 50), "p99-µs": percentile(all, 99), "slowest-µs": slowest} {
		b.ReportMetric(float64(d.Microseconds()), name)
	}
}

func percentile(took []time.Duration, n int) time.Duration {
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[len(took)*n/100]
}

// BenchmarkUpdate adds 40 entries.
func BenchmarkUpdate(b *testing.B) {
	for name, at := range engines {
		b.Run(name, func(b *testing.B) {
			s := at(b).open(b)
			r := rand.New(rand.NewPCG(1, 2))
			n := 0
			for b.Loop() {
				var edits []directory.Edit
				for range 40 {
					edits = append(edits, putEntry(crowdEntry(r, n)))
					n++
				}
				_, err := s.Update(b.Context(), verona, edits, false)
				must(b, err)
			}
		})
	}
}

// BenchmarkCommitBesideImport tells how long others who write wait while a directory is imported.
func BenchmarkCommitBesideImport(b *testing.B) {
	for name, at := range engines {
		for _, step := range []int{0, 10, 20, 40} {
			b.Run(fmt.Sprintf("%s/%d", name, step), func(b *testing.B) {
				s := at(b).open(b)
				addAccounts(b, s, romeo)
				ctx, cancel := context.WithCancel(b.Context())
				var importer sync.WaitGroup
				if step > 0 {
					importer.Go(func() { importForEver(ctx, b, s, step) })
				}
				var took []time.Duration
				for i := 0; b.Loop(); i++ {
					start := time.Now()
					must(b, commit(s, &xep.DataChange{Account: romeo, Kind: "vcard", Texts: map[string]string{"": fmt.Sprint(i)}}))
					took = append(took, time.Since(start))
				}
				cancel()
				importer.Wait()
				b.ReportMetric(float64(percentile(took, 50).Microseconds()), "p50-µs")
				b.ReportMetric(float64(percentile(took, 99).Microseconds()), "p99-µs")
			})
		}
	}
}

func importForEver(ctx context.Context, b *testing.B, s *Store, step int) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := 0; ctx.Err() == nil; {
		var edits []directory.Edit
		for range step {
			edits = append(edits, putEntry(crowdEntry(r, n)))
			n++
		}
		if _, err := s.Update(ctx, verona, edits, false); err != nil && ctx.Err() == nil {
			b.Error(err)
			return
		}
	}
}
