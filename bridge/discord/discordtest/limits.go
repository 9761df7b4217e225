package discordtest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Limit is how many requests a bucket takes in a time.
type Limit struct {
	Requests int
	Per      time.Duration
}

// Limits of all requests (reference 5).
const (
	globalRequests = 50
	globalPer      = time.Second
	maxInvalid     = 10_000 // 401, 403 and 429 in invalidPer, then an edge ban
	invalidPer     = 10 * time.Minute
	// limitSlack: the headers are in milliseconds, and discordgo cuts them down to
	// the next lower one; a client that waits as told must not be refused for that.
	limitSlack     = 2 * time.Millisecond
	hookPerChannel = 30 // webhook posts in one channel in a minute
)

// DefaultLimits are Discord's, as far as the reference knows them: 5 messages in
// 5 s for a channel, 5 in 2 s for a webhook. "" is every other route.
func DefaultLimits() map[string]Limit {
	return map[string]Limit{
		"":                                  {50, time.Second},
		"POST /channels/{channel}/messages": {5, 5 * time.Second},
		"POST /webhooks/{webhook}/{token}":  {5, 2 * time.Second},
	}
}

// Loose are limits that no test reaches; the global ones are off too.
func Loose() map[string]Limit {
	return map[string]Limit{"": {1_000_000, time.Second}}
}

type bucket struct {
	used  int
	reset time.Time
}

// take counts one request, and says how long to wait if there is no room.
func (b *bucket) take(l Limit, now time.Time) time.Duration {
	if !now.Before(b.reset.Add(-limitSlack)) {
		b.used, b.reset = 0, now.Add(l.Per)
	}
	if b.used >= l.Requests {
		return b.reset.Sub(now)
	}
	b.used++
	return 0
}

// limit counts the request into its bucket and the global one and writes the
// headers; true: it was answered 429. mu is held.
func (s *Server) limit(c *call, rt *route, a *reply) bool {
	now := s.o.Now()
	l, special := s.o.Limits[rt.name]
	if !special {
		l = s.o.Limits[""]
	}
	if l.Requests == 0 {
		l = Limit{globalRequests, globalPer}
	}
	if !rt.free && l.Requests <= globalRequests {
		if wait := s.global.take(Limit{globalRequests, globalPer}, now); wait > 0 {
			a.tooMany(wait, "global")
			return true
		}
	}
	key := rt.name + " " + c.param[rt.majorKey]
	if rt.open {
		key += c.param["token"]
	}
	b := s.buckets[key]
	if b == nil {
		if len(s.buckets) >= maxMessages {
			clear(s.buckets)
		}
		b = &bucket{}
		s.buckets[key] = b
	}
	wait := b.take(l, now)
	s.headers(a, rt.name, l, b, now)
	if wait > 0 {
		a.tooMany(wait, "user")
		return true
	}
	return special && rt.name == "POST /webhooks/{webhook}/{token}" && s.hookLimit(c, a, now)
}

// hookLimit keeps the second limit of webhooks: 30 in a minute in one channel.
func (s *Server) hookLimit(c *call, a *reply, now time.Time) bool {
	h := s.webhooks[c.param["webhook"]]
	if h == nil {
		return false
	}
	key := "hook channel " + h.ch.id
	if s.buckets[key] == nil {
		s.buckets[key] = &bucket{}
	}
	if wait := s.buckets[key].take(Limit{hookPerChannel, time.Minute}, now); wait > 0 {
		a.tooMany(wait, "shared")
		return true
	}
	return false
}

// headers writes the five X-RateLimit headers of every answer.
func (s *Server) headers(a *reply, name string, l Limit, b *bucket, now time.Time) {
	sum := sha256.Sum256([]byte(name))
	h := a.header
	h.Set("X-RateLimit-Limit", strconv.Itoa(l.Requests))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(l.Requests-b.used))
	h.Set("X-RateLimit-Reset", fmt.Sprintf("%.3f", float64(b.reset.UnixMilli())/1000))
	h.Set("X-RateLimit-Reset-After", fmt.Sprintf("%.3f", max(b.reset.Sub(now), 0).Seconds()))
	h.Set("X-RateLimit-Bucket", hex.EncodeToString(sum[:])[:32])
}

// tooMany makes the answer a 429 of a scope: user with Reset-After, shared with
// room left in the bucket, global without Reset-After (reference 5 and 8.1).
func (a *reply) tooMany(wait time.Duration, scope string) {
	a.status = 429
	h := a.header
	h.Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	h.Set("X-RateLimit-Scope", scope)
	switch scope {
	case "global":
		h.Set("X-RateLimit-Global", "true")
		h.Del("X-RateLimit-Reset-After")
		h.Del("X-RateLimit-Reset")
	case "user":
		h.Set("X-RateLimit-Remaining", "0")
		h.Set("X-RateLimit-Reset-After", fmt.Sprintf("%.3f", wait.Seconds()))
	}
	body := obj{"message": "You are being rate limited.", "retry_after": wait.Seconds(), "global": scope == "global"}
	if a.code != 0 {
		body["code"] = a.code
	}
	a.body = body
}

// ban makes it the answer of an edge that has had enough: HTML.
func (a *reply) ban(wait time.Duration) *reply {
	a.status = 429
	a.header.Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	a.html = "<!doctype html><html><head><title>Access denied</title></head><body>You are being rate limited (1015).</body></html>"
	return a
}

// invalidAnswer counts what leads to an edge ban. mu is held.
func (s *Server) invalidAnswer(status int) {
	if status != 401 && status != 403 && status != 429 {
		return
	}
	now := s.o.Now()
	if wait := s.invalid.take(Limit{maxInvalid, invalidPer}, now); wait > 0 {
		s.banned = now.Add(wait)
		s.violation("more than %d invalid requests in %v: banned", maxInvalid, invalidPer)
	}
}
