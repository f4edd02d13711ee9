package daemon

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"palabre/store"
	"palabre/xmpp"
)

// serveMetrics answers GET /metrics in the format of Prometheus.
func (d *Daemon) serveMetrics(ln net.Listener) error {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collector{d})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	err := s.Serve(ln)
	if errors.Is(err, net.ErrClosed) {
		return errors.Join(s.Close(), nil)
	}
	return errors.Join(err, s.Close())
}

// A collector reads the counters of the server's parts when it is asked. Its labels are closed sets.
type collector struct{ d *Daemon }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("palabre_"+name, help, labels, nil)
}

var (
	sessionsDesc    = desc("sessions", "Sessions that are bound.")
	waitDesc        = desc("sessions_waiting", "Sessions whose clients have lost their connection and may come back.")
	resumedDesc     = desc("resumed_total", "Sessions that went on with another connection.")
	notResumedDesc  = desc("resumption_refused_total", "Times that a client asked for a session that it could not have.")
	savedDesc       = desc("sessions_restored", "Sessions that were brought back from before the server's last start.")
	stanzasDesc     = desc("stanzas_total", "Stanzas from clients (in) and to them (out).", "kind", "direction")
	connectionsDesc = desc("c2s_connections", "Connections of clients, logged in or not.")
	acceptedDesc    = desc("c2s_accepted_total", "Connections that clients have made.")
	evictedDesc     = desc("c2s_evicted_total", "Connections that gave way to newer ones before they had logged in.")
	handshakesDesc  = desc("c2s_handshake_failures_total", "TLS handshakes that failed.")
	panicsDesc      = desc("c2s_panics_total", "Connections that ended by an error of the server's own: please report it.")
	queueDesc       = desc("c2s_queue_bytes", "Bytes that wait to be sent to clients.")
	loginsDesc      = desc("logins_total", "Tries to log in, by how they ended.", "mechanism", "result")
	commitsDesc     = desc("store_commit_seconds", "How long transactions took.")
	batchesDesc     = desc("store_batch_passages", "How many stanzas' writes a transaction carried.")
	refusedDesc     = desc("store_refused_total", "Writes that were not stored.")
	waitingDesc     = desc("store_waiting", "Writes that wait.")
	awayDesc        = desc("store_away", "1 while the database can't be used.")
	mailWaitingDesc = desc("mail_waiting", "Mails in the outbox that are not sent yet.")
	mailQueuedDesc  = desc("mail_queued_total", "Mails that were put into the outbox.")
	mailSentDesc    = desc("mail_recipients_total", "Recipients of mail, by what became of it.", "result")
	mailPutOffDesc  = desc("mail_deferred_total", "Tries that put a mail off.")
	mailConnsDesc   = desc("mail_connections_total", "Connections that the mail relay has taken.")
	mailAwayDesc    = desc("mail_relay_away", "1 if the mail relay could not be used the last time.")
)

// Describe is part of prometheus.Collector; what is collected describes itself.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect is part of prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	c.kernel(ch)
	c.clients(ch)
	c.store(ch)
	c.mail(ch)
}

func (c collector) mail(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if n, err := c.d.Outbox.Waiting(ctx); err == nil { // without the database, it is not known
		gauge(ch, mailWaitingDesc, float64(n))
	}
	stats := &c.d.Outbox.Stats
	count(ch, mailQueuedDesc, float64(stats.Queued()))
	count(ch, mailSentDesc, float64(stats.Sent()), "sent")
	count(ch, mailSentDesc, float64(stats.Refused()), "failed")
	count(ch, mailPutOffDesc, float64(stats.Deferred()))
	count(ch, mailConnsDesc, float64(stats.Connections()))
	away := 0.0
	if stats.Away() {
		away = 1
	}
	gauge(ch, mailAwayDesc, away)
}

func gauge(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func count(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}

func (c collector) kernel(ch chan<- prometheus.Metric) {
	stats := &c.d.Host.Stats
	gauge(ch, sessionsDesc, float64(stats.Sessions()))
	resumption := &c.d.resumption.Stats
	gauge(ch, waitDesc, float64(resumption.Waiting()))
	count(ch, resumedDesc, float64(resumption.Resumed()))
	count(ch, notResumedDesc, float64(resumption.Refused()))
	gauge(ch, savedDesc, float64(resumption.Restored()))
	for _, k := range []xmpp.Kind{xmpp.Message, xmpp.Presence, xmpp.IQ} {
		in, out := stats.Stanzas(k)
		count(ch, stanzasDesc, float64(in), k.String(), "in")
		count(ch, stanzasDesc, float64(out), k.String(), "out")
	}
}

func (c collector) clients(ch chan<- prometheus.Metric) {
	stats := &c.d.C2S.Stats
	gauge(ch, connectionsDesc, float64(stats.Connections()))
	count(ch, acceptedDesc, float64(stats.Accepted()))
	count(ch, evictedDesc, float64(stats.Evicted()))
	count(ch, handshakesDesc, float64(stats.HandshakeFailures()))
	count(ch, panicsDesc, float64(stats.Panics()))
	gauge(ch, queueDesc, float64(c.d.C2S.QueuedBytes()))
	for l, n := range stats.Logins() {
		count(ch, loginsDesc, float64(n), l.Mechanism, l.Result)
	}
}

func (c collector) store(ch chan<- prometheus.Metric) {
	stats := c.d.Store.Stats()
	histogram(ch, commitsDesc, stats.Commits)
	histogram(ch, batchesDesc, stats.Batches)
	count(ch, refusedDesc, float64(stats.Refused))
	gauge(ch, waitingDesc, float64(stats.Waiting))
	away := 0.0
	if stats.Away {
		away = 1
	}
	gauge(ch, awayDesc, away)
}

// histogram shows one of the store's, whose counts are not cumulative.
func histogram(ch chan<- prometheus.Metric, d *prometheus.Desc, h store.Histogram) {
	buckets := make(map[float64]uint64, len(h.Bounds))
	total := uint64(0)
	for i, n := range h.Counts {
		total += n
		if i < len(h.Bounds) {
			buckets[h.Bounds[i]] = total
		}
	}
	ch <- prometheus.MustNewConstHistogram(d, total, h.Sum, buckets)
}
