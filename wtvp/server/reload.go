package server

import (
	"net/netip"
	"slices"
)

// SetAllowed changes the networks that boxes may come from; empty allows any.
// Connections that are there stay.
func (s *Server) SetAllowed(networks []netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opts.Allowed = slices.Clone(networks)
}
