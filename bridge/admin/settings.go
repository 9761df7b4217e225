package admin

import (
	"context"
	"fmt"

	"wtvgate/bridge"
	"wtvgate/bridge/id"
)

// set changes one setting of an account.
func (o *Operator) set(ctx context.Context, a id.Account, r Request) (string, error) {
	err := o.Hub.SetSettings(ctx, a, func(s *bridge.Settings) error { return s.Set(r.Key, r.Value) })
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s of %s is %s\n", r.Key, a, r.Value), nil
}
