package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// surface.go: what monitoring and operators' programs ask over HTTP, on
// admin.listen.

// Surface are the settings of the HTTP surface.
type Surface struct {
	Operator *Operator
	// Token is admin.token_file's. With one, all but /healthz needs it; without,
	// what only looks at the gateway as a whole is open, and the rest is refused:
	// any program on the machine, and any page in a browser on it, reaches
	// loopback.
	Token   string
	Metrics http.Handler
	Log     *slog.Logger
}

// maxNoticeBody bounds the request of a notice; the hub's own limit is lower.
const maxNoticeBody = 16 << 10

// Handler answers
//
//	GET    /healthz             the program works
//	GET    /readyz              each network's state; 503 if one is not up or nothing can be stored
//	GET    /metrics             in Prometheus' form
//	GET    /sessions            who is signed in
//	DELETE /sessions/{address}  ends a session
//	POST   /notice              {"text": "..."} to everyone who is signed in
//	GET    /trace/{id}          a message's hops
func (s Surface) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte("ok\n")) // a failed write is the asker's loss
	})
	mux.Handle("GET /readyz", s.look(s.ready))
	mux.Handle("GET /metrics", s.look(s.Metrics.ServeHTTP))
	mux.Handle("GET /sessions", s.act(s.sessions))
	mux.Handle("DELETE /sessions/{address}", s.act(s.kick))
	mux.Handle("POST /notice", s.act(s.notice))
	mux.Handle("GET /trace/{id}", s.act(s.trace))
	if s.Token == "" {
		return byOwnName(mux)
	}
	return mux
}

// byOwnName refuses who asks for this machine under a name that is not its own: a page
// in a browser here, whose name on the net was made to mean this machine, would read
// the answers as those of its own server. Without a token nothing else keeps it out.
func byOwnName(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
		if host != "" && !strings.EqualFold(host, "localhost") && (err != nil || !ip.Unmap().IsLoopback()) {
			problem(w, http.StatusForbidden, errors.New("ask for localhost or 127.0.0.1, or set admin.token_file"))
			return
		}
		h.ServeHTTP(w, r)
	})
}

// look guards what tells of the gateway as a whole.
func (s Surface) look(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.Token != "" && !s.knows(r) {
			s.refuse(w)
			return
		}
		h(w, r)
	})
}

// act guards what tells of people or changes something.
func (s Surface) act(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case s.Token == "":
			problem(w, http.StatusForbidden, errors.New("set admin.token_file to use this"))
		case !s.knows(r):
			s.refuse(w)
		default:
			h(w, r)
		}
	})
}

// knows compares the bearer token in constant time.
func (s Surface) knows(r *http.Request) bool {
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(s.Token))
	return ok && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

func (s Surface) refuse(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", "Bearer")
	problem(w, http.StatusUnauthorized, errors.New("the token of admin.token_file is wanted"))
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a failed write is the asker's loss
}

func problem(w http.ResponseWriter, status int, err error) {
	reply(w, status, map[string]string{"error": err.Error()})
}

// ready says it in JSON, or in lines with ?format=text.
func (s Surface) ready(w http.ResponseWriter, r *http.Request) {
	answer := struct {
		Ready    bool                  `json:"ready"`
		Networks []bridge.NetworkState `json:"networks"`
		Store    *bridge.StoreTrouble  `json:"store,omitempty"` // why nothing can be stored
	}{Ready: true, Networks: s.Operator.Hub.States()}
	if t := s.Operator.Hub.Trouble(r.Context()); t.Text != "" {
		answer.Ready, answer.Store = false, &t
	}
	for _, n := range answer.Networks {
		answer.Ready = answer.Ready && n.Up
	}
	status := http.StatusOK
	if !answer.Ready {
		status = http.StatusServiceUnavailable
	}
	if r.FormValue("format") != "text" {
		reply(w, status, answer)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	if t := answer.Store; t != nil {
		fmt.Fprintf(w, "store down since %s %s\n", t.Since.UTC().Format(time.RFC3339), t.Text)
	}
	for _, n := range answer.Networks {
		fmt.Fprintf(w, "%s %s since %s %s\n", n.Name, map[bool]string{true: "up", false: "down"}[n.Up], n.Since.UTC().Format(time.RFC3339), n.Text)
	}
}

func (s Surface) sessions(w http.ResponseWriter, _ *http.Request) {
	all := s.Operator.Hub.Sessions()
	if all == nil {
		all = []bridge.Session{}
	}
	reply(w, http.StatusOK, map[string]any{"sessions": all})
}

func (s Surface) kick(w http.ResponseWriter, r *http.Request) {
	a, err := s.Operator.Hub.ParseAccount(r.PathValue("address"))
	if err != nil {
		problem(w, http.StatusBadRequest, err)
		return
	}
	if err := s.Operator.Hub.Kick(a); err != nil {
		problem(w, http.StatusNotFound, err)
		return
	}
	s.Log.Info("operator", "verb", string(SessionKick), "account", string(a))
	w.WriteHeader(http.StatusNoContent)
}

func (s Surface) notice(w http.ResponseWriter, r *http.Request) {
	var n struct {
		Text string `json:"text"`
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxNoticeBody))
	d.DisallowUnknownFields()
	if err := d.Decode(&n); err != nil {
		problem(w, http.StatusBadRequest, errors.New(`the request is {"text": "..."}`))
		return
	}
	told, err := s.Operator.Hub.Broadcast(r.Context(), n.Text)
	if err != nil {
		problem(w, http.StatusBadRequest, err)
		return
	}
	s.Log.Info("operator", "verb", string(Notice), "told", told)
	reply(w, http.StatusOK, map[string]int{"told": told})
}

// hop is bridge.Step as programs read it.
type hop struct {
	ID        string           `json:"id"`
	Direction bridge.Direction `json:"direction"`
	Account   id.Account       `json:"account"`
	Peer      id.Address       `json:"peer"`
	Network   id.Network       `json:"network"`
	Kind      string           `json:"kind"`
	Event     id.Event         `json:"event,omitempty"`
	State     string           `json:"state"`
	Reason    string           `json:"reason,omitempty"`
	Sent      *time.Time       `json:"sent,omitempty"`
	Stored    time.Time        `json:"stored"`
	Changed   time.Time        `json:"changed"`
}

func (s Surface) trace(w http.ResponseWriter, r *http.Request) {
	steps, err := s.Operator.Hub.Steps(r.Context(), r.PathValue("id"))
	switch {
	case err != nil:
		problem(w, http.StatusInternalServerError, err)
		return
	case len(steps) == 0:
		problem(w, http.StatusNotFound, errors.New("no such message"))
		return
	}
	hops := make([]hop, len(steps))
	for i, x := range steps {
		h := hop{ID: fmt.Sprintf("in-%d", x.Number), Direction: bridge.ToBox, Account: x.Account, Peer: x.Peer, Network: x.Network, Kind: x.Kind,
			Event: x.Event, State: string(x.State), Reason: x.Reason, Stored: x.Stored, Changed: x.Changed}
		if x.Out {
			h.ID, h.Direction = string(s.Operator.Hub.MessageID(x.Number)), bridge.ToFriend
		}
		if !x.Sent.IsZero() {
			h.Sent = &x.Sent
		}
		hops[i] = h
	}
	reply(w, http.StatusOK, map[string]any{"hops": hops})
}
