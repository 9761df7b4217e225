package discord

import (
	"sync"
	"time"
)

// barredFor is how long a channel is left alone in which the bot may not write
// (discord.md 5: 50001, 50013): asking again for each line would only be counted
// against the bot.
const barredFor = 10 * time.Minute

// barred are the channels that are left alone, by id. There are as many as channels
// at most, and those whose time is over go with the next.
type barred struct {
	mu    sync.Mutex
	until map[string]time.Time
}

// note leaves a channel alone from now on; false: it was already.
func (b *barred) note(channel string, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c, until := range b.until {
		if !now.Before(until) {
			delete(b.until, c)
		}
	}
	if b.until == nil {
		b.until = make(map[string]time.Time)
	}
	_, was := b.until[channel]
	b.until[channel] = now.Add(barredFor)
	return !was
}

// is tells whether a channel is left alone.
func (b *barred) is(channel string, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return now.Before(b.until[channel])
}
