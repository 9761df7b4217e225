package matrix

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/appservice"
	mid "maunium.net/go/mautrix/id"
)

// server.go: the HTTP side that the homeserver calls.

const (
	// maxTransaction bounds a push. Homeservers send at most about 100 events of
	// at most 64 KiB each; the rest is room for what they add to each.
	maxTransaction = 16 << 20
	// readTimeout bounds reading one request; the homeserver is near.
	readTimeout = time.Minute
	// idleTimeout ends kept connections of a homeserver that is gone.
	idleTimeout = 2 * time.Minute
	// stopTimeout bounds waiting for running requests at the end: serve has 10 s.
	stopTimeout = 3 * time.Second
)

// Listen opens the port for the homeserver, so that a port in use is found
// before anything starts. Run calls it if nobody did.
func (n *Network) Listen() error {
	if n.ln != nil {
		return nil
	}
	ln, err := net.Listen("tcp", n.o.Listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("matrix.appservice.listen: address %s is in use by another program: stop it or choose another port", n.o.Listen)
	} else if err != nil {
		return fmt.Errorf("matrix.appservice.listen: %w", err)
	}
	n.ln = ln
	return nil
}

// Addr is where the network listens; nil before Listen.
func (n *Network) Addr() net.Addr {
	if n.ln == nil {
		return nil
	}
	return n.ln.Addr()
}

// handler serves the application service API. Transactions are ours; the
// library answers the rest.
func (n *Network) handler(l *live) http.Handler {
	l.as.QueryHandler = query{n}
	mux := http.NewServeMux()
	put := func(w http.ResponseWriter, r *http.Request) { n.transaction(w, r, l.reg) }
	mux.HandleFunc("PUT /_matrix/app/v1/transactions/{txnID}", put)
	mux.HandleFunc("PUT /transactions/{txnID}", put) // before application service API v1
	mux.HandleFunc("GET /users/{userID}", l.as.GetUser)
	mux.HandleFunc("GET /rooms/{roomAlias}", l.as.GetRoom)
	mux.Handle("/", l.as.Router)
	return mux
}

// newServer bounds what a caller can make us wait for.
func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: readTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
}

// query answers whether one of our users exists.
type query struct{ n *Network }

// QueryAlias is asked for rooms; we have none.
func (query) QueryAlias(mid.RoomAlias) bool { return false }

// QueryUser is asked for ghosts. Accounts that the core has not told us of yet
// are found at their first invitation.
func (q query) QueryUser(user mid.UserID) bool {
	_, ok := q.n.ghosts.byUser(user)
	return ok
}

// transaction stores what the homeserver pushes and answers; nothing else. The
// homeserver repeats what we do not answer with 200, for ever.
func (n *Network) transaction(w http.ResponseWriter, r *http.Request, reg *appservice.Registration) {
	if !authorized(r, reg.ServerToken) {
		mautrix.RespError{ErrCode: "M_FORBIDDEN", Err: "wrong hs_token", StatusCode: http.StatusForbidden}.Write(w)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxTransaction))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		n.log.Error("the homeserver sent too much at once", "limit", maxTransaction)
		mautrix.MTooLarge.WithMessage("transaction over %d bytes", maxTransaction).Write(w)
		return
	} else if err != nil {
		mautrix.MNotJSON.WithMessage("body not read").Write(w)
		return
	}
	var txn struct {
		Events       []json.RawMessage `json:"events"`
		Ephemeral    []json.RawMessage `json:"ephemeral"`
		OldEphemeral []json.RawMessage `json:"de.sorunome.msc2409.ephemeral"` // Synapse sends the same under both names
	}
	if err := json.Unmarshal(body, &txn); err != nil {
		n.log.Error("the homeserver sent no JSON", "err", err)
		mautrix.MBadJSON.WithMessage("no transaction").Write(w)
		return
	}
	if err := n.take(r, txn.Events); err != nil {
		n.log.Error("cannot store what the homeserver sent", "err", err)
		mautrix.MUnknown.WithMessage("not stored, try again").Write(w)
		return
	}
	if len(txn.Ephemeral) == 0 {
		txn.Ephemeral = txn.OldEphemeral
	}
	n.ephemera.take(txn.Ephemeral)
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, "{}") // a lost answer is asked for again
}

// take puts events into the inbox and wakes the workers.
func (n *Network) take(r *http.Request, raw []json.RawMessage) error {
	var events []pushed
	var rooms []mid.RoomID
	for _, e := range raw {
		p, ok := readPushed(e)
		if !ok {
			n.log.Warn("the homeserver sent something that is no room event", "txn", r.PathValue("txnID"))
			continue
		}
		events = append(events, p)
		rooms = append(rooms, p.Room)
	}
	if len(events) == 0 {
		return nil
	}
	if err := n.inbox.put(r.Context(), events); err != nil {
		return err
	}
	n.inbox.add(rooms...)
	return nil
}

// authorized compares the bearer token, or the query parameter that older
// homeservers use, in constant time.
func authorized(r *http.Request, token string) bool {
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		given = r.URL.Query().Get("access_token")
	}
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
