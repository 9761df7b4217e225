package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"wtvgate/bridge"
	"wtvgate/bridge/store"
	msnpserver "wtvgate/msnp/server"
	wtvpserver "wtvgate/wtvp/server"
)

// Sources are where the gateway's own counters are; nil fields have none.
type Sources struct {
	Hub       *bridge.Hub
	Messenger func() msnpserver.Stats
	WTVP      func() wtvpserver.Stats
	Now       func() time.Time
}

// reader turns them into Prometheus' form when somebody asks.
type reader struct{ s Sources }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(namespace+"_"+name, help, labels, nil)
}

// The metrics that are read. They are values, made once and never changed.
var (
	signedIn     = desc("signed_in_accounts", "Accounts that are signed in to Messenger.")
	networkUp    = desc("network_up", "1 if the network is up.", "network")
	queueDepth   = desc("queue_messages", "Messages, receipts and invitations that wait, by direction and network.", "direction", "network")
	queueOldest  = desc("queue_oldest_seconds", "How long the oldest of them has waited.", "direction", "network")
	transactions = desc("store_transactions_total", "Transactions of the database, by result.", "result")

	connections = desc("connections", "Open connections, by protocol.", "protocol")
	accepted    = desc("messenger_connections_accepted_total", "Messenger connections that were accepted.")
	refused     = desc("messenger_connections_refused_total", "Messenger connections over a limit.")
	slow        = desc("messenger_slow_readers_total", "Messenger connections cut because they took nothing in.")
	commands    = desc("messenger_commands_total", "Messenger commands that came.")
	unknown     = desc("messenger_unknown_commands_total", "Messenger commands nobody knows; the log names them.")
	requests    = desc("wtvp_requests_total", "WTVP requests, by service and status; other: no service of ours.", "service", "status")
)

// Describe implements prometheus.Collector.
func (r *reader) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{signedIn, networkUp, queueDepth, queueOldest, transactions, connections, accepted, refused, slow, commands,
		unknown, requests} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (r *reader) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	if r.s.Hub != nil {
		r.hub(ch, gauge, counter)
	}
	if r.s.Messenger != nil {
		s := r.s.Messenger()
		gauge(connections, float64(s.Connections), "msnp")
		counter(accepted, s.Accepted)
		counter(refused, s.Refused)
		counter(slow, s.SlowReaders)
		counter(commands, s.Commands)
		var all uint64
		for _, n := range s.Unknown {
			all += n
		}
		counter(unknown, all)
	}
	if r.s.WTVP != nil {
		s := r.s.WTVP()
		gauge(connections, float64(s.Connections), "wtvp")
		for a, n := range s.Answers {
			service := a.Service
			if service == "" {
				service = "other"
			}
			counter(requests, n, service, strconv.Itoa(a.Status))
		}
	}
}

func (r *reader) hub(ch chan<- prometheus.Metric, gauge func(*prometheus.Desc, float64, ...string), counter func(*prometheus.Desc, uint64, ...string)) {
	gauge(signedIn, float64(r.s.Hub.SignedIn()))
	waiting := map[bridge.Direction]map[string]bool{bridge.ToFriend: {}, bridge.ToBox: {}}
	for _, n := range r.s.Hub.States() {
		up := 0.0
		if n.Up {
			up = 1
		}
		gauge(networkUp, up, string(n.Name))
		waiting[bridge.ToFriend][string(n.Name)], waiting[bridge.ToBox][string(n.Name)] = false, false
	}
	commits, rollbacks := r.s.Hub.Transactions()
	counter(transactions, commits, "committed")
	counter(transactions, rollbacks, "rolled_back")
	ctx, cancel := scrape()
	defer cancel()
	out, in, err := r.s.Hub.Queues(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(queueDepth, err)
		return
	}
	now := r.s.Now()
	for d, queues := range map[bridge.Direction][]store.Queue{bridge.ToFriend: out, bridge.ToBox: in} {
		for _, q := range queues {
			waiting[d][string(q.Network)] = true
			gauge(queueDepth, float64(q.Depth), string(d), string(q.Network))
			gauge(queueOldest, max(0, now.Sub(q.Oldest).Seconds()), string(d), string(q.Network))
		}
		for n, some := range waiting[d] {
			if !some {
				gauge(queueDepth, 0, string(d), n)
				gauge(queueOldest, 0, string(d), n)
			}
		}
	}
}
