package discord

import (
	"testing"

	"wtvgate/bridge/store/storetest"
)

// TestEverySchemaShipped: an update of the gateway keeps what is in our tables.
func TestEverySchemaShipped(t *testing.T) { storetest.EverySchema(t, "discord_", upgrade) }
