// Package msnp puts the Messenger server together: the listener, the
// notification server and the switchboard.
package msnp

import (
	"wtvgate/msnp/ns"
	"wtvgate/msnp/sb"
	"wtvgate/msnp/server"
)

// New makes a server with notification server and switchboard from o, whose
// Boards and Services it fills in, and the exchange through which a gateway
// opens switchboards on its own (server.Switchboards).
func New(o server.Options) (*server.Server, *sb.Exchange) {
	x := sb.NewExchange(sb.Options{Logger: o.Logger, Now: o.Now})
	o.Boards = x
	o.Services = []server.Service{ns.Service(), x.Service()}
	return server.New(o), x
}
