// Package metrics counts what the gateway does, in Prometheus' form. Names and
// units are Prometheus' conventions; nothing is counted by account, contact or
// address, so that the numbers tell nothing about a person and do not grow with
// them.
//
// Metrics is safe from any goroutine. What other packages count themselves is
// read when somebody asks.
package metrics

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"wtvgate/bridge"
	"wtvgate/bridge/box"
	"wtvgate/bridge/id"
	"wtvgate/msnp/wire"
)

// namespace begins every name of ours.
const namespace = "wtvgate"

// Metrics are the counters that others feed. It implements bridge.Watcher.
type Metrics struct {
	reg      *prometheus.Registry
	messages *prometheus.CounterVec
	delivery *prometheus.HistogramVec
	signIns  *prometheus.CounterVec
	logged   *prometheus.CounterVec
	panics   prometheus.Counter
}

var _ bridge.Watcher = (*Metrics)(nil)

// deliveryBuckets are the seconds from storing a message to handing it on: a
// quick network, a slow one, a box that has to be rung, one that is off for the
// evening, for days.
func deliveryBuckets() []float64 {
	return []float64{.01, .05, .1, .5, 1, 5, 15, 60, 300, 3600, 6 * 3600, 86400, 7 * 86400}
}

// New makes the counters, of which all that can be named exist from the start,
// so that a rate is right from the first event on.
func New(version string) *Metrics {
	m := &Metrics{
		reg: prometheus.NewRegistry(),
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: "messages_total",
			Help: "Messages of people, by direction, network and how far they came."}, []string{"direction", "network", "outcome"}),
		delivery: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: "delivery_seconds", Buckets: deliveryBuckets(),
			Help: "Time from storing a message to its network's or its box's taking it."}, []string{"direction", "network"}),
		signIns: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: "sign_ins_total",
			Help: "Attempts to sign in to Messenger, by dialect and result."}, []string{"dialect", "result"}),
		logged: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: "log_records_total",
			Help: "Lines of the log, by level."}, []string{"level"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: "panics_total",
			Help: "Faults of the program that were contained: each has a stack in the log and should be reported."}),
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: "build_info", Help: "Always 1; the version is its label.",
		ConstLabels: prometheus.Labels{"version": version}})
	info.Set(1)
	m.reg.MustRegister(m.messages, m.delivery, m.signIns, m.logged, m.panics, info, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for d := wire.MSNP2; d <= wire.MSNP8; d++ {
		for _, r := range []box.SignIn{box.SignInOK, box.SignInRefused, box.SignInError} {
			m.signIns.WithLabelValues(d.String(), string(r))
		}
	}
	for _, l := range []string{"warn", "error"} {
		m.logged.WithLabelValues(l)
	}
	return m
}

// Message implements bridge.Watcher.
func (m *Metrics) Message(d bridge.Direction, n id.Network, o bridge.Outcome, took time.Duration) {
	m.messages.WithLabelValues(string(d), string(n), string(o)).Inc()
	if o == bridge.SentOn || o == bridge.WrittenToBox {
		m.delivery.WithLabelValues(string(d), string(n)).Observe(took.Seconds())
	}
}

// SignIn is for box.Options.OnSignIn.
func (m *Metrics) SignIn(d wire.Dialect, r box.SignIn) {
	m.signIns.WithLabelValues(d.String(), string(r)).Inc()
}

// scrapeTime bounds reading what others count; Prometheus itself waits ten
// seconds.
const scrapeTime = 5 * time.Second

// Handler answers /metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.reg, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 2, Timeout: 2 * scrapeTime})
}

// Read has the gateway's own counters read at each scrape. It is called once.
func (m *Metrics) Read(s Sources) { m.reg.MustRegister(&reader{s: s}) }

// scrape is the context of one reading.
func scrape() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), scrapeTime)
}
