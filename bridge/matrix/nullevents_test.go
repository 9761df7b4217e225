package matrix

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"maunium.net/go/mautrix"
)

// A homeserver, or a proxy before it, that puts a null among the events of a sync
// does not end the process.
func TestNullEventsEndNothing(t *testing.T) {
	for _, body := range []string{
		`{"presence":{"events":[null]}}`,
		`{"rooms":{"join":{"!r:example.org":{"timeline":{"events":[null]}}}}}`,
		`{"rooms":{"join":{"!r:example.org":null}}}`,
	} {
		var log strings.Builder
		n := &Network{log: slog.New(slog.NewTextHandler(&log, nil))}
		var resp mautrix.RespSync
		if err := json.Unmarshal([]byte(body), &resp); err != nil {
			t.Fatal(err)
		}
		n.fed(t.Context(), nil, &resp)
		if strings.Contains(body, "[null]") != strings.Contains(log.String(), "a part of a sync is skipped") {
			t.Errorf("%s: the log has %q", body, log.String())
		}
	}
}
