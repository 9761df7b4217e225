package discord

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func headers(bucket string, left int, reset float64) *answer {
	h := http.Header{}
	h.Set("X-RateLimit-Bucket", bucket)
	h.Set("X-RateLimit-Remaining", fmt.Sprint(left))
	h.Set("X-RateLimit-Reset-After", fmt.Sprint(reset))
	return &answer{status: 200, header: h}
}

// TestLimits: a bucket is Discord's hash and the top-level id, shared by routes; a
// short wait is waited for, a long one is told; a global stop holds all but answers
// to interactions.
func TestLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimits(time.Now)
		take := func(route, major string, free bool) (time.Duration, error) {
			began := time.Now()
			err := l.take(t.Context(), route, major, free)
			return time.Since(began), err
		}
		l.learn("A", "1", headers("h", 0, 1))
		l.learn("B", "2", headers("h", 5, 1))
		if took, err := take("A", "2", false); took != 0 || err != nil {
			t.Errorf("another channel: %v, %v", took, err)
		}
		if took, err := take("B", "1", false); took != time.Second || err != nil {
			t.Errorf("another route of the bucket: %v, %v", took, err)
		}
		l.learn("A", "1", &answer{status: 429, after: time.Minute, header: http.Header{"X-Ratelimit-Bucket": {"h"}}})
		var limited errLimited
		if took, err := take("A", "1", false); !errors.As(err, &limited) || limited.after != time.Minute || took != 0 {
			t.Errorf("a long wait: %v, %v", took, err)
		}
		l.stop(10 * time.Second)
		if _, err := take("C", "3", false); !errors.As(err, &limited) || limited.after != 10*time.Second {
			t.Errorf("global: %v", err)
		}
		if took, err := take("C", "3", true); took != 0 || err != nil {
			t.Errorf("an answer to an interaction: %v, %v", took, err)
		}
		<-time.After(time.Minute) // of the bubble
		for range maxPerSecond {
			if took, err := take("D", "4", false); took != 0 || err != nil {
				t.Fatalf("%v, %v", took, err)
			}
		}
		if took, err := take("D", "4", false); took != time.Second || err != nil {
			t.Errorf("more than a second allows: %v, %v", took, err)
		}
		for i := range 3 * maxBuckets {
			l.learn("E", fmt.Sprint(i), headers("e", 5, 0.001))
			<-time.After(2 * time.Millisecond)
		}
		if len(l.buckets) > maxBuckets+1 {
			t.Errorf("%d buckets", len(l.buckets))
		}
	})
}
