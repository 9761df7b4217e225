package matrix

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"

	"github.com/rs/zerolog"
)

// libraryLog lets the library write to our log. All it says is for debugging:
// what matters comes back as an error and is logged where it is handled.
func libraryLog(log *slog.Logger) zerolog.Logger {
	if !log.Enabled(context.Background(), slog.LevelDebug) {
		return zerolog.Nop()
	}
	return zerolog.New(bridgeLog{log})
}

// bridgeLog turns zerolog's lines into slog records.
type bridgeLog struct{ log *slog.Logger }

// Write takes one line of JSON. Bodies are left out: they hold what people
// write.
func (b bridgeLog) Write(line []byte) (int, error) {
	var fields map[string]any
	if json.Unmarshal(line, &fields) != nil {
		return len(line), nil
	}
	message, _ := fields["message"].(string)
	var attrs []any
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		switch key {
		case "message", "level", "time", "req_body", "body", "content":
		case "error":
			attrs = append(attrs, "err", fields[key])
		default:
			attrs = append(attrs, key, fields[key])
		}
	}
	b.log.Debug("library: "+message, attrs...)
	return len(line), nil
}
