package main

import (
	"encoding/json"
	"net/http"

	"wtvgate/bridge"
)

// adminHandler answers /healthz (the program works) and /readyz (every network
// is up; else 503 and why).
func adminHandler(h *bridge.Hub) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte("ok\n")) // a failed write is the asker's loss
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		answer := struct {
			Ready    bool                  `json:"ready"`
			Networks []bridge.NetworkState `json:"networks"`
		}{Ready: true, Networks: h.States()}
		for _, n := range answer.Networks {
			answer.Ready = answer.Ready && n.Up
		}
		w.Header().Set("Content-Type", "application/json")
		if !answer.Ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		json.NewEncoder(w).Encode(answer) // as above
	})
	return mux
}
