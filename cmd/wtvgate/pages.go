package main

import (
	"wtvgate/bridge/box"
	"wtvgate/bridge/config"
	"wtvgate/wtvp/sec"
	"wtvgate/wtvp/service"
	"wtvgate/wtvp/service/pages"
	wtvpwire "wtvgate/wtvp/wire"
)

// pages are Messenger's pages on the TV. Beside another WebTV server a plain
// request is believed with a ticket of that server's key; our own boxes ask
// encrypted.
func (g *gateway) pages() boxService {
	o := pages.Options{Backend: g.boxes.Pages(), Latin: box.Latin,
		MessengerServer: g.cfg.Messenger.Advertise, DiscordDomain: g.cfg.Discord.AddressDomain}
	if k := g.cfg.WTVP.InitialSharedKey; k != nil && g.cfg.WTVP.Mode == config.Companion {
		key := sec.Key(k)
		o.InitialKey = &key
	}
	root := pages.Name + ":/"
	return boxService{name: pages.Name, handler: pages.New(o), connections: 2,
		login: wtvpwire.Header{{Name: "wtv-addresses-url", Value: root + "addresslist"}},
		links: []service.Link{{Title: "Messenger: friends and settings", URL: root}}}
}
