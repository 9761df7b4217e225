package helper

import (
	"sync"
	"time"

	"wtvgate/bridge/id"
)

const (
	// window is the time over which answers are counted.
	window = time.Minute
	// maxAnswers is how many an account gets in it: more than anybody types on a
	// remote control.
	maxAnswers = 20
	// maxUnknown is how many texts in a row that are no command are answered. Then
	// it is likely a machine that answers us, such as a client's "I am away".
	maxUnknown = 3
	// forget is after which silence an account's count begins anew.
	forget = 10 * time.Minute
	// maxVisits bounds the accounts that are remembered; the sweep of those that were
	// silent long enough happens when it is reached.
	maxVisits = 1000
)

// verdict says how a text is to be answered.
type verdict int

const (
	speak  verdict = iota
	quiet          // the last word to a text that is no command
	slow           // the last word to too many
	silent         // not at all
)

// visit is how an account has used the helper lately.
type visit struct {
	begun   time.Time // of the window
	last    time.Time
	answers int
	unknown int // in a row
}

// pace keeps the helper from talking too much.
type pace struct {
	mu       sync.Mutex
	accounts map[id.Account]*visit
}

// verdict counts a text and says how to answer it. known: it is a command.
func (p *pace) verdict(a id.Account, known bool, now time.Time) verdict {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := p.visit(a, now)
	if now.Sub(v.begun) >= window {
		v.begun, v.answers = now, 0
	}
	v.last = now
	if v.answers++; v.answers > maxAnswers {
		if v.answers == maxAnswers+1 {
			return slow
		}
		return silent
	}
	if known {
		v.unknown = 0
		return speak
	}
	switch v.unknown++; {
	case v.unknown < maxUnknown:
		return speak
	case v.unknown == maxUnknown:
		return quiet
	}
	return silent
}

func (p *pace) visit(a id.Account, now time.Time) *visit {
	if v := p.accounts[a]; v != nil && now.Sub(v.last) < forget {
		return v
	}
	if len(p.accounts) >= maxVisits {
		for other, v := range p.accounts {
			if now.Sub(v.last) >= forget || len(p.accounts) >= 2*maxVisits {
				delete(p.accounts, other)
			}
		}
	}
	v := &visit{begun: now}
	p.accounts[a] = v
	return v
}
