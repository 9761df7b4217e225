package main

import (
	"context"

	"wtvgate/bridge"
	"wtvgate/bridge/config"
	"wtvgate/bridge/helper"
	"wtvgate/bridge/id"
)

// newHelper makes the contact that the gateway itself is.
func newHelper(cfg config.Config, hub *bridge.Hub) *helper.Network {
	o := helper.Options{Core: hub, Domain: cfg.Accounts.Domain, Settings: switches{hub}}
	if cfg.Discord.Enabled {
		o.Examples = append(o.Examples, "coolcat@"+cfg.Discord.AddressDomain)
		o.Room = "#general.fans@" + cfg.Discord.AddressDomain
	}
	if cfg.Matrix.Enabled {
		o.Examples = append(o.Examples, "bob@matrix.org")
	}
	return helper.New(o)
}

// switches are the accounts' settings as the helper shows and changes them.
type switches struct{ hub *bridge.Hub }

// Settings implements helper.Settings.
func (s switches) Settings(ctx context.Context, a id.Account) ([]helper.Setting, error) {
	now, err := s.hub.Settings(ctx, a)
	if err != nil {
		return nil, err
	}
	var all []helper.Setting
	for _, v := range now.List() {
		all = append(all, helper.Setting(v))
	}
	return all, nil
}

// Set implements helper.Settings.
func (s switches) Set(ctx context.Context, a id.Account, key, value string) error {
	return s.hub.SetSettings(ctx, a, func(now *bridge.Settings) error { return now.Set(key, value) })
}
