package discord

import (
	"math/rand/v2"
	"time"

	"wtvgate/bridge"
)

// Pace is the network's waiting times, which tests shorten.
type Pace struct {
	// Open is how long opening a connection may take before it is given up: Hello,
	// IDENTIFY and READY within (discord.md 6.4).
	Open time.Duration
	// Silence is how long nothing may come on an open connection: 2.4 heartbeats of
	// 41.25 s (discord.md 6.4).
	Silence time.Duration
	// RetryMin and RetryMax bound the pause between connections (discord.md 6.4).
	RetryMin, RetryMax time.Duration
	// Invalid is the least pause after op 9, and up to as much again is left to
	// chance (discord.md 6.3, fault 7).
	Invalid time.Duration
	// Echo is how long a webhook's message is awaited after an answer that was
	// lost (discord.md 4.1).
	Echo time.Duration
	// Clock is how long a friend's message may wait before it gets the clock
	// (discord.md 3.7).
	Clock time.Duration
	// Grace is how long after its clock a line is looked at again whose box seemed to
	// be on: that a box lost its line is not seen for bridge.WaitGrace.
	Grace time.Duration
	// Flap is how long a friend is still shown after going offline: phones come and
	// go (discord.md 3.6).
	Flap time.Duration
	// Absent is how long after READY whoever was not named is offline (discord.md 3.6).
	Absent time.Duration
	// History is the time between two requests for history: five a second
	// (discord.md 4.3).
	History time.Duration
	// Answer is how long an answer to a command may take; Discord takes none after
	// 3 s (discord.md 3.8).
	Answer time.Duration
	// Chore is how often questions that nobody answered, the opener and the bot's
	// status are looked at.
	Chore time.Duration
	// OpenGap is the least time between two new direct messages (discord.md 3.3).
	OpenGap time.Duration
}

// DefaultPace is what Discord's documentation and the measurements ask for.
func DefaultPace() Pace {
	return Pace{Open: 20 * time.Second, Silence: 100 * time.Second, RetryMin: time.Second, RetryMax: 60 * time.Second,
		Invalid: time.Second, Echo: 3 * time.Second, Clock: 5 * time.Second, Grace: bridge.WaitGrace, Flap: 30 * time.Second, Absent: 15 * time.Second,
		History: 200 * time.Millisecond, Answer: 2500 * time.Millisecond, Chore: 5 * time.Second, OpenGap: 30 * time.Second}
}

// backoff is the pause before the next of several tries: doubled each time, and
// up to a half of it left to chance.
func (p *Pace) backoff(tries int) time.Duration {
	d := p.RetryMin << min(tries, 16)
	if d > p.RetryMax || d <= 0 {
		d = p.RetryMax
	}
	return d/2 + rand.N(d/2+1)
}
