package discordtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// Request is one REST request as it came, and what it was answered.
type Request struct {
	Method string
	Path   string // below /api/v9, as sent
	Route  string // as in the table: "POST /channels/{channel}/messages"; "" if there is none
	Query  url.Values
	Header http.Header
	Body   []byte         // of a multipart request, its payload_json
	JSON   map[string]any // nil if the body is no object
	Files  []Attachment
	Status int // 0 while it is not answered, -1 if the connection was dropped instead
	Code   int // Discord's error code
	At     time.Time
}

// call is a request on its way through a handler.
type call struct {
	*Request
	s     *Server
	route *route
	param map[string]string
	array []any // the body, if it is a list
}

// failure is an error answer. misuse: a well-made client never gets it.
type failure struct {
	status, code int
	message      string
	errors       obj
	misuse       bool
}

// agent is the form Discord requires (reference 8.1).
var agent = regexp.MustCompile(`^DiscordBot \(\S.*, \S.*\)`)

// serve is the whole server: websockets, files, REST.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", s.o.Now().UTC().Format(http.TimeFormat))
	switch {
	case websocket.IsWebSocketUpgrade(r):
		s.gateway(w, r)
	case strings.HasPrefix(r.URL.Path, "/attachments/"):
		s.serveFile(w, r)
	default:
		s.serveAPI(w, r)
	}
}

// serveFile serves an attachment as long as its link is good.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/attachments/"), "/")
	s.mu.Lock()
	var found *file
	if c := s.channels[parts[0]]; c != nil && len(parts) == 3 {
		for _, m := range c.messages {
			for i := range m.attachments {
				if m.attachments[i].id == parts[1] {
					found = &m.attachments[i]
				}
			}
		}
	}
	now := s.o.Now()
	s.mu.Unlock()
	var ex int64
	q := r.URL.Query()
	_, err := fmt.Sscanf(q.Get("ex"), "%x", &ex)
	if found == nil || err != nil || now.Unix() > ex || q.Get("hm") != signature(found.id, q.Get("ex")) {
		http.Error(w, "This content is no longer available.", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", found.ContentType)
	_, _ = w.Write(found.Data) // a client that left needs no file
}

// serveAPI answers one REST request.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	req, c := s.read(r)
	f := s.take(req.Route)
	if f != nil && !f.After && !s.hold(f, r) {
		s.finish(req, -1, 0)
		return
	}
	if f != nil && !f.After && f.instead() {
		s.answerFault(w, req, f)
		return
	}
	var waiting []event
	s.mu.Lock()
	answer := s.answer(c, &waiting)
	if s.o.Echo != EchoAfter {
		s.flush(waiting)
		waiting = nil
	}
	marks := s.marks()
	s.mu.Unlock()
	if s.o.Echo == EchoBefore {
		s.written(marks)
	}
	if f != nil && f.After && !s.hold(f, r) {
		s.later(waiting)
		s.finish(req, -1, 0)
		return
	}
	if f != nil && f.After && f.instead() {
		defer s.later(waiting)
		s.answerFault(w, req, f)
		return
	}
	answer.send(w, f)
	s.finish(req, answer.status, answer.code)
	if len(waiting) > 0 {
		_ = http.NewResponseController(w).Flush() // a client that left hears the gateway
		s.later(waiting)
	}
}

// later dispatches what waited for an answer.
func (s *Server) later(waiting []event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flush(waiting)
}

func (s *Server) flush(waiting []event) {
	for _, e := range waiting {
		s.dispatch(e)
	}
}

// marks is how far each queue must be written for an echo to be out.
func (s *Server) marks() map[*conn]int {
	m := make(map[*conn]int)
	for c := range s.gw.conns {
		m[c] = c.queued
	}
	return m
}

// written waits until the queues have come so far, or their connections ended.
func (s *Server) written(marks map[*conn]int) {
	deadline := time.NewTimer(writeWait)
	defer deadline.Stop()
	for {
		s.mu.Lock()
		changed, behind := s.changed, false
		for c, n := range marks {
			behind = behind || !c.killed && c.closeCode == 0 && c.written < n
		}
		s.mu.Unlock()
		if !behind {
			return
		}
		select {
		case <-changed:
		case <-deadline.C:
			return
		case <-s.done:
			return
		}
	}
}

// read takes the request in and records it.
func (s *Server) read(r *http.Request) (*Request, *call) {
	path := r.URL.EscapedPath()
	for _, prefix := range []string{"/api/v10", "/api/v9", "/api"} {
		if rest, ok := strings.CutPrefix(path, prefix+"/"); ok {
			path = "/" + rest
			break
		}
	}
	req := &Request{Method: r.Method, Path: path, Query: r.URL.Query(), Header: r.Header.Clone(), At: s.o.Now()}
	c := &call{Request: req, s: s}
	rt, param := match(s.table, r.Method, path)
	if rt != nil {
		req.Route, c.route, c.param = rt.name, rt, param
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err == nil {
		c.body(body, r.Header.Get("Content-Type"))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) < maxRequests {
		s.requests = append(s.requests, req)
	}
	s.notify()
	return req, c
}

// body reads JSON, or a form with payload_json and files[n].
func (c *call) body(b []byte, kind string) {
	c.Body = b
	media, par, err := mime.ParseMediaType(kind)
	if err == nil && media == "multipart/form-data" {
		c.Body = nil
		c.form(multipart.NewReader(bytes.NewReader(b), par["boundary"]))
	}
	var v any
	if json.Unmarshal(c.Body, &v) == nil {
		c.JSON, _ = v.(map[string]any)
		c.array, _ = v.([]any)
	}
}

func (c *call) form(r *multipart.Reader) {
	for {
		p, err := r.NextPart()
		if err != nil {
			return // the end, or a form that is cut: what is missing is noticed
		}
		data, err := io.ReadAll(io.LimitReader(p, maxBody))
		if err != nil {
			return
		}
		if p.FormName() == "payload_json" {
			c.Body = data
		} else if strings.HasPrefix(p.FormName(), "file") {
			c.Files = append(c.Files, Attachment{Filename: p.FileName(), ContentType: p.Header.Get("Content-Type"), Data: data})
		}
	}
}

// reply is an answer before it is written.
type reply struct {
	status, code int
	header       http.Header
	body         any
	html         string
}

// answer runs the handler, with everything Discord checks before it. mu is held.
func (s *Server) answer(c *call, waiting *[]event) *reply {
	a := &reply{header: make(http.Header)}
	rt := c.route
	if s.o.Now().Before(s.banned) {
		return a.ban(s.banned.Sub(s.o.Now()))
	}
	fail := s.admit(c, rt)
	if fail == nil {
		if stop := s.limit(c, rt, a); stop {
			s.invalidAnswer(429)
			return a
		}
		s.sink = waiting
		a.status, a.body, fail = rt.do(c)
		s.sink = nil
	}
	if fail != nil {
		a.refuse(fail)
		if fail.misuse {
			s.violation("%s %s: %d %d %s %v", c.Method, redact(c.Path), fail.status, fail.code, fail.message, fail.errors)
		}
		s.invalidAnswer(fail.status)
	}
	return a
}

func (a *reply) refuse(f *failure) {
	a.status, a.code = f.status, f.code
	o := obj{"message": f.message, "code": f.code}
	if f.errors != nil {
		o["errors"] = f.errors
	}
	a.body = o
}

// admit checks what every request needs: a known route, the bot's token where
// the path has none of its own, and a proper User-Agent.
func (s *Server) admit(c *call, rt *route) *failure {
	auth := c.Header.Get("Authorization")
	switch {
	case rt == nil:
		return &failure{404, 0, "404: Not Found", nil, true}
	case !agent.MatchString(c.Header.Get("User-Agent")):
		return &failure{403, 40333, "internal network error", nil, true}
	case rt.open:
	case auth == "":
		return &failure{401, 0, "401: Unauthorized", nil, true}
	case s.token == "" || auth != "Bot "+s.token:
		return &failure{401, 0, "401: Unauthorized", nil, false}
	}
	if len(c.Body) > 0 && c.JSON == nil && c.array == nil {
		return &failure{400, 50109, "The request body contains invalid JSON.", nil, true}
	}
	return nil
}

// redact takes the tokens out of a path, for violations.
func redact(path string) string {
	parts := strings.Split(path, "/")
	if len(parts) > 3 && (parts[1] == "webhooks" || parts[1] == "interactions") {
		parts[3] = "*"
	}
	return strings.Join(parts, "/")
}

// send writes the answer, spoilt by f.
func (a *reply) send(w http.ResponseWriter, f *Fault) {
	for k, v := range a.header {
		w.Header()[k] = v
	}
	if a.html != "" {
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.html) // a client that left needs no answer
		return
	}
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	b := marshalFrame(a.body)
	if f != nil && f.Rewrite != nil {
		var o map[string]any
		if json.Unmarshal(b, &o) == nil && o != nil {
			f.Rewrite(o)
			b = marshalFrame(o)
		}
	}
	if f != nil && f.Cut {
		b = b[:len(b)/2]
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_, _ = w.Write(b) // as above
}

// finish records how a request ended.
func (s *Server) finish(req *Request, status, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	req.Status, req.Code = status, code
	s.notify()
}

// Requests is every request of a route, as named in Request.Route, or all for "";
// in the order in which they came.
func (s *Server) Requests(route string) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Request
	for _, r := range s.requests {
		if route == "" || r.Route == route {
			c := *r
			c.Body, c.JSON, c.Files = slices.Clone(r.Body), clone(r.JSON), slices.Clone(r.Files)
			all = append(all, c)
		}
	}
	return all
}
