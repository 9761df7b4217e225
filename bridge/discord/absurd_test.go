package discord

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"
)

// Times that make no sense hold nobody for years: one answer with a thousand million
// seconds stopped everything until a restart.
func TestAbsurdLimitsHoldNobodyForLong(t *testing.T) {
	for name, tt := range map[string]struct {
		body, header string
		want         time.Duration
	}{
		"sensible":    {`{"retry_after": 1.5}`, "", 1500 * time.Millisecond},
		"years":       {`{"retry_after": 1e9}`, "", maxHold},
		"overflow":    {`{"retry_after": 1e308}`, "", maxHold},
		"negative":    {`{"retry_after": -5}`, "", edgeBan},
		"a header":    {`{}`, "7", 7 * time.Second},
		"no number":   {`{}`, "NaN", edgeBan},
		"without end": {`{}`, "+Inf", maxHold},
		"a page":      {`<html>`, "1e300", maxHold},
	} {
		now := time.Unix(1000, 0)
		l := newLimits(func() time.Time { return now })
		a := &answer{status: http.StatusTooManyRequests, header: http.Header{}}
		resp := &http.Response{StatusCode: a.status, Header: http.Header{"Retry-After": {tt.header}}, Body: io.NopCloser(bytes.NewReader([]byte(tt.body)))}
		if err := (&transport{limits: l, now: l.now}).limited(resp, a); err != nil || a.after != tt.want {
			t.Errorf("%s: held for %v, %v, want %v", name, a.after, err, tt.want)
		}
		l.learn("GET /x", "1", a)
		if wait := l.try("GET /x", "1", false); wait != tt.want {
			t.Errorf("%s: the next request waits %v, want %v", name, wait, tt.want)
		}
	}
}

func TestAbsurdResetsHoldNobodyForLong(t *testing.T) {
	for reset, want := range map[string]time.Duration{"2.5": 2500 * time.Millisecond, "1e9": maxHold, "1e308": maxHold, "+Inf": maxHold, "-1e308": 0, "NaN": 0} {
		now := time.Unix(1000, 0)
		l := newLimits(func() time.Time { return now })
		l.learn("GET /x", "1", &answer{status: http.StatusOK, header: http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset-After": {reset}}})
		if wait := l.try("GET /x", "1", false); wait != want {
			t.Errorf("%s: the next request waits %v, want %v", reset, wait, want)
		}
	}
}
