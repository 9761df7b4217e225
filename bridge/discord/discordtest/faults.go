package discordtest

import (
	"net/http"
	"slices"
	"time"
)

// Fault is what goes wrong with a request. Several of its fields may be set.
type Fault struct {
	Times   int                  // 0: once; negative: always
	Skip    int                  // let so many requests pass first
	After   bool                 // do the thing first, then spoil the answer
	Hold    <-chan struct{}      // wait until it is closed
	Drop    bool                 // no answer: the connection is reset
	Status  int                  // answer this instead, with Code and Message
	Code    int                  // Discord's error code
	Message string               // and its text
	Body    string               // instead of a JSON error
	Header  http.Header          // added to the answer instead
	Rewrite func(map[string]any) // change the true answer
	Cut     bool                 // send half of the true answer

	limited time.Duration
	scope   string
	html    bool
}

// Armed is a fault in wait.
type Armed struct {
	s     *Server
	route string
	f     Fault
	hits  int
	off   bool
}

// Fail arms a fault for the next requests of a route, or of any for "". Faults
// of one route are used in the order in which they were armed.
func (s *Server) Fail(route string, f Fault) *Armed {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Times == 0 {
		f.Times = 1
	}
	a := &Armed{s: s, route: route, f: f}
	s.faults = append(s.faults, a)
	return a
}

// Hits is how often it struck.
func (a *Armed) Hits() int {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	return a.hits
}

// Disarm ends it.
func (a *Armed) Disarm() {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.off = true
}

// Error is an error answer before anything is done: Error(403, 50007).
func Error(status, code int) Fault { return Fault{Status: status, Code: code, Message: "told to fail"} }

// RateLimited is a 429 of scope user, shared or global; the last has no
// Reset-After.
func RateLimited(after time.Duration, scope string) Fault {
	return Fault{Status: 429, limited: after, scope: scope}
}

// EdgeBan is a 429 with an HTML body, as the edge of Discord's network sends.
func EdgeBan(after time.Duration) Fault { return Fault{Status: 429, limited: after, html: true} }

// Reset loses the connection before anything is done.
func Reset() Fault { return Fault{Drop: true} }

// Lost loses the connection after it was done: the outcome is unknown.
func Lost() Fault { return Fault{Drop: true, After: true} }

// Held makes the request wait, before anything is done, until the channel is
// closed.
func Held(until <-chan struct{}) Fault { return Fault{Hold: until} }

// Truncated sends half of the JSON of the answer.
func Truncated() Fault { return Fault{Cut: true} }

// Garbled changes the answer: unknown and wrong fields.
func Garbled(change func(map[string]any)) Fault { return Fault{Rewrite: change} }

// instead tells whether the fault stands in for the true answer.
func (f *Fault) instead() bool { return f.Drop || f.Status != 0 || f.Body != "" }

// take uses up the fault that strikes a request of the route, if there is one.
func (s *Server) take(route string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, a := range s.faults {
		switch {
		case a.off || a.route != "" && a.route != route:
			continue
		case a.f.Skip > 0:
			a.f.Skip--
			continue
		}
		a.hits++
		if a.f.Times--; a.f.Times == 0 {
			s.faults = slices.Delete(s.faults, i, i+1)
		}
		f := a.f
		return &f
	}
	return nil
}

// hold waits as the fault says; false: the client left or the server ends.
func (s *Server) hold(f *Fault, r *http.Request) bool {
	if f.Hold == nil {
		return true
	}
	select {
	case <-f.Hold:
		return true
	case <-r.Context().Done():
	case <-s.done:
	}
	return false
}

// answerFault writes the wrong answer, or none.
func (s *Server) answerFault(w http.ResponseWriter, req *Request, f *Fault) {
	if f.Drop {
		s.finish(req, -1, 0)
		panic(http.ErrAbortHandler) // how net/http ends a connection without an answer
	}
	a := &reply{status: f.Status, code: f.Code, header: make(http.Header), body: obj{"message": f.Message, "code": f.Code}, html: f.Body}
	s.mu.Lock()
	s.headers(a, req.Route, Limit{globalRequests, globalPer}, &bucket{reset: s.o.Now()}, s.o.Now())
	switch {
	case f.html:
		a.ban(f.limited)
	case f.limited > 0:
		a.tooMany(f.limited, f.scope)
	}
	if f.scope != "shared" {
		s.invalidAnswer(a.status)
	}
	s.mu.Unlock()
	for k, v := range f.Header {
		a.header[k] = v
	}
	if a.status == 0 {
		a.status = http.StatusOK
	}
	a.send(w, nil)
	s.finish(req, a.status, a.code)
}
