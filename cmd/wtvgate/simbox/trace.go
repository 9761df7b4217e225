package simbox

import (
	"strings"
	"sync/atomic"

	"wtvgate/msnp/wire"
)

// Tracer shows lines of the protocols, while it is on.
type Tracer struct {
	screen *Screen
	on     atomic.Bool
}

// NewTracer makes one.
func NewTracer(s *Screen, on bool) *Tracer {
	t := &Tracer{screen: s}
	t.on.Store(on)
	return t
}

// WTVP shows a line of the boxes' own protocol, which holds no secret.
func (t *Tracer) WTVP(dir byte, line string) {
	if t.on.Load() {
		t.screen.Line(arrow(dir) + Clean(line, maxText))
	}
}

// MSNP shows a line without the secrets in it.
func (t *Tracer) MSNP(dir byte, line string) {
	if !t.on.Load() {
		return
	}
	if code, _, _ := strings.Cut(line, " "); len(code) == 3 && wire.IsTrID(code) { // a refusal, which is no verb
		t.screen.Line(arrow(dir) + Clean(line, maxName))
		return
	}
	t.screen.Line(arrow(dir) + wire.RedactLine(line))
}

func arrow(dir byte) string {
	if dir == 'S' {
		return "    < "
	}
	return "  box > "
}
