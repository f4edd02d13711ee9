package account_test

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"testing"
	"time"

	"palabre/account"
)

// A whole SCRAM exchange on the server's side, its query included.
func BenchmarkScram(b *testing.B) {
	r, _ := open(b)
	for _, mechanism := range []string{"SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		b.Run(mechanism, func(b *testing.B) {
			b.ReportAllocs()
			client := scramClient{mechanism: mechanism, name: "juliet", password: "x"}
			first := []byte(client.first())
			proof := []byte(",p=" + map[string]string{
				"SCRAM-SHA-1":   "AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
				"SCRAM-SHA-256": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
				"SCRAM-SHA-512": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
			}[mechanism])
			for b.Loop() {
				x, err := r.Begin(domain, mechanism, newPeer(r))
				must(b, err)
				step, err := x.Next(b.Context(), first)
				must(b, err)
				nonce := step.Data[2 : 2+len("client")+24]
				_, err = x.Next(b.Context(), append(append([]byte("c=biws,r="), nonce...), proof...))
				if err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}

func BenchmarkPlain(b *testing.B) {
	r, _ := open(b, func(o *account.Options) { o.Iterations = account.Iterations{} })
	for b.Loop() {
		if _, err := plainLogin(b.Context(), r, newPeer(r), "\x00juliet\x00R0m30"); err != nil {
			b.Fatal(err)
		}
	}
}

// How far an account that is there and one that is not can be told apart by the time of the first answer: the medians, and Welch's t
// over b.N pairs without the slowest tenth, which is other work of the machine. With go test -bench Unknown -benchtime 10000x, |t| above
// 2.6 would tell them apart; a network's noise comes on top.
func BenchmarkUnknownUser(b *testing.B) {
	for _, mechanism := range []string{"SCRAM-SHA-256", "PLAIN"} {
		b.Run(mechanism, func(b *testing.B) {
			r, _ := open(b, func(o *account.Options) { o.Off = true })
			var known, unknown sample
			once := func(s *sample, name string) {
				x, err := r.Begin(domain, mechanism, newPeer(r))
				must(b, err)
				message := []byte("n,,n=" + name + ",r=client")
				if mechanism == "PLAIN" {
					message = []byte("\x00" + name + "\x00wrong")
				}
				start := time.Now()
				x.Next(b.Context(), message)
				*s = append(*s, float64(time.Since(start)))
			}
			for i := 0; b.Loop(); i++ {
				if i%2 == 0 {
					once(&known, "juliet")
					once(&unknown, "nobody")
				} else {
					once(&unknown, "nobody")
					once(&known, "juliet")
				}
			}
			b.ReportMetric(known.median(), "known-ns")
			b.ReportMetric(unknown.median(), "unknown-ns")
			b.ReportMetric(known.median()/unknown.median(), "known/unknown")
			m, v := known.trimmed()
			n, w := unknown.trimmed()
			b.ReportMetric((m-n)/math.Sqrt((v+w)/(0.9*float64(len(known)))), "t")
		})
	}
}

// A sample is durations in nanoseconds.
type sample []float64

func (s sample) median() float64 {
	slices.Sort(s)
	return s[len(s)/2]
}

// trimmed gives mean and variance without the slowest tenth.
func (s sample) trimmed() (mean, variance float64) {
	slices.Sort(s)
	s = s[:max(2, len(s)*9/10)]
	for _, x := range s {
		mean += x / float64(len(s))
	}
	for _, x := range s {
		variance += (x - mean) * (x - mean) / float64(len(s)-1)
	}
	return mean, variance
}

// The import of b.N accounts, with the iterations that are the default.
func BenchmarkImport(b *testing.B) {
	r, _ := open(b, func(o *account.Options) { o.Iterations = account.Iterations{} })
	rows := func(n int) iter.Seq[account.Row] {
		return func(yield func(account.Row) bool) {
			for i := range n {
				if !yield(account.Row{Line: i + 1, JID: fmt.Sprintf("user%d@example.org", i), Password: "secret"}) {
					return
				}
			}
		}
	}
	b.ResetTimer()
	if _, err := r.Import(context.Background(), rows(b.N), func(account.Progress) {}); err != nil {
		b.Fatal(err)
	}
}
