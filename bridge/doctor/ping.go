package doctor

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"wtvgate/bridge/matrix"
)

// ping has the homeserver call us: at the running gateway, or at a listener of
// our own for a moment.
func (m Matrix) ping(ctx context.Context, reg matrix.Registered) Finding {
	const what = "way back"
	var door *door
	if !m.Serving {
		var err error
		if door, err = openDoor(ctx, m.Options.Listen, reg.ServerToken); err != nil {
			return fail(what, "free matrix.appservice.listen first", "cannot be tried: cannot listen on %s: %v", m.Options.Listen, err)
		}
		defer door.close()
	}
	r, err := m.caller(reg).call(ctx, http.MethodPost, m.Options.HomeserverURL+"/_matrix/client/v1/appservice/"+url.PathEscape(reg.ID)+"/ping",
		map[string]string{"transaction_id": "doctor-" + rand.Text()}, nil)
	switch {
	case err != nil:
		return fail(what, wayBack(m.Options), "the homeserver was asked to call us: %v", err)
	case r.Status == http.StatusOK && door != nil && !door.rang.Load():
		return fail(what, wayBack(m.Options), "the homeserver called somebody else at %s", reg.URL)
	case r.Status == http.StatusOK:
		return good(what, "the homeserver reaches the gateway at %s", reg.URL)
	case r.Status == http.StatusNotFound:
		return m.query(ctx, reg, door)
	}
	return m.unreached(reg, door, r)
}

// unreached reads the homeserver's words for a call that went wrong.
func (m Matrix) unreached(reg matrix.Registered, door *door, r reply) Finding {
	const what = "way back"
	var said struct {
		Error  string `json:"error"`
		Status int    `json:"status"`
	}
	_ = json.Unmarshal(r.Body, &said) // no JSON, no words
	if door != nil && door.wrong.Load() || said.Status == http.StatusForbidden || said.Status == http.StatusUnauthorized {
		return fail(what, again, "the homeserver calls with another token than the registration's: it has an older version of the file")
	}
	return fail(what, wayBack(m.Options), "the homeserver cannot reach %s: %s %s", reg.URL, or(r.errcode(), http.StatusText(r.Status)), said.Error)
}

func wayBack(o matrix.Options) string {
	return "make matrix.appservice.url (" + o.URL + ") an address that leads from the homeserver's machine to matrix.appservice.listen (" + o.Listen +
		"), then " + again
}

// query is for homeservers without ping (Dendrite, matrix.md 2): asked for the
// profile of a ghost that does not exist, they ask us whether it does.
func (m Matrix) query(ctx context.Context, reg matrix.Registered, door *door) Finding {
	const what = "way back"
	if door == nil {
		return warn(what, "stop the gateway and run this again, or invite a ghost and see that it answers",
			"this homeserver has no ping, so it cannot be tried while the gateway runs")
	}
	ghost := "@" + m.Options.GhostPrefix + "doctor-" + strings.ToLower(rand.Text()) + ":" + m.Options.Domain
	_, err := m.caller(reg).call(ctx, http.MethodGet, m.Options.HomeserverURL+"/_matrix/client/v3/profile/"+url.PathEscape(ghost), nil, nil)
	switch {
	case door.rang.Load():
		return good(what, "the homeserver reaches the gateway at %s", reg.URL)
	case door.wrong.Load():
		return fail(what, again, "the homeserver calls with another token than the registration's: it has an older version of the file")
	case err != nil:
		return fail(what, wayBack(m.Options), "the homeserver was asked for a ghost: %v", err)
	}
	return fail(what, wayBack(m.Options), "the homeserver did not call %s", reg.URL)
}

// door is a listener in the gateway's place. It takes nothing that the gateway
// would have to keep: the homeserver brings it again.
type door struct {
	srv         *http.Server
	address     string
	rang, wrong atomic.Bool
}

func openDoor(ctx context.Context, listen, token string) (*door, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return nil, cause(err)
	}
	d := &door{address: ln.Addr().String()}
	mux := http.NewServeMux()
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
			if !ok {
				given = r.URL.Query().Get("access_token")
			}
			w.Header().Set("Content-Type", "application/json")
			if subtle.ConstantTimeCompare([]byte(given), []byte(token)) != 1 {
				d.wrong.Store(true)
				http.Error(w, `{"errcode":"M_FORBIDDEN","error":"wrong hs_token"}`, http.StatusForbidden)
				return
			}
			d.rang.Store(true)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body)) // who asked for it misses it
		}
	}
	gone := answer(http.StatusNotFound, `{"errcode":"M_NOT_FOUND","error":"no such user"}`)
	mux.HandleFunc("POST /_matrix/app/v1/ping", answer(http.StatusOK, "{}"))
	mux.HandleFunc("GET /_matrix/app/v1/users/{user}", gone)
	mux.HandleFunc("GET /users/{user}", gone)
	mux.HandleFunc("/", answer(http.StatusServiceUnavailable, `{"errcode":"M_UNKNOWN","error":"the gateway does not run"}`))
	d.srv = &http.Server{Handler: mux, ReadTimeout: callTime, WriteTimeout: callTime, MaxHeaderBytes: 16 << 10,
		ErrorLog: log.New(io.Discard, "", 0)}
	go func() {
		if err := d.srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			ln.Close()
		}
	}()
	return d, nil
}

func (d *door) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if d.srv.Shutdown(ctx) != nil {
		_ = d.srv.Close() // what it was at is brought again
	}
}
