package main

import (
	"net/http"
	"time"

	"wtvgate/bridge/admin"
	"wtvgate/bridge/metrics"
)

// surface is what admin.listen answers.
func (g *gateway) surface() http.Handler {
	g.metrics.Read(metrics.Sources{Hub: g.hub, Messenger: g.messenger.Stats, WTVP: g.wtvp.Stats, Now: time.Now})
	return admin.Surface{Operator: g.operator(), Token: string(g.cfg.Admin.Token), Metrics: g.metrics.Handler(), Log: g.log}.Handler()
}
