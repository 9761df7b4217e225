package metrics

import (
	"context"
	"log/slog"
	"strings"
)

// Log counts the lines that go through to a handler. Faults that were contained
// are logged with their stack everywhere, which is what they are known by.
func (m *Metrics) Log(to slog.Handler) slog.Handler { return &counting{m: m, Handler: to} }

type counting struct {
	m *Metrics
	slog.Handler
}

// Handle implements slog.Handler.
func (c *counting) Handle(ctx context.Context, r slog.Record) error {
	c.m.logged.WithLabelValues(strings.ToLower(r.Level.String())).Inc()
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "stack" {
			c.m.panics.Inc()
			return false
		}
		return true
	})
	return c.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (c *counting) WithAttrs(as []slog.Attr) slog.Handler {
	return &counting{c.m, c.Handler.WithAttrs(as)}
}

// WithGroup implements slog.Handler.
func (c *counting) WithGroup(name string) slog.Handler {
	return &counting{c.m, c.Handler.WithGroup(name)}
}
