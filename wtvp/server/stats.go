package server

import "maps"

// Answered is what answers are counted by.
type Answered struct {
	Service string // one that is served here; "" for all others and for what is no request
	Status  int    // 200, 400 or 500 and their like
}

// maxAnswered bounds the counters: services are few, but a handler may make up
// statuses.
const maxAnswered = 256

// Stats are the connections now, and the answers since the start.
type Stats struct {
	Connections int
	Answers     map[Answered]uint64
}

// Stats gives the counters.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Connections: len(s.conns), Answers: maps.Clone(s.answered)}
}

// count notes an answer. What a stranger calls a service is no name of a counter.
func (s *Server) count(service string, status int) {
	if s.services[service] == nil {
		service = ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answered == nil {
		s.answered = make(map[Answered]uint64)
	}
	a := Answered{service, status}
	if _, known := s.answered[a]; known || len(s.answered) < maxAnswered {
		s.answered[a]++
	}
}
