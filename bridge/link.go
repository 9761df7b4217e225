package bridge

import (
	"sync"
	"time"
)

// maxTyping is how many typing calls to one network may be under way: a slow
// homeserver must not collect goroutines.
const maxTyping = 16

// link is a registered network with its optional powers, found out once.
type link struct {
	Network
	inviter   Inviter
	leaver    Leaver
	reader    Reader
	typer     Typer
	waiter    Waiter
	portrayer Portrayer
	presencer Presencer
	ghosts    Ghostwriter
	fetcher   Fetcher
	attendant Attendant

	typing chan struct{} // holds a token for each typing call under way

	mu sync.Mutex
	st NetworkState
	// up is closed and made anew each time the network comes up, so that
	// conversations that wait for their next try go on at once.
	up chan struct{}
}

func newLink(n Network) *link {
	l := &link{Network: n, up: make(chan struct{}), typing: make(chan struct{}, maxTyping)}
	l.inviter, _ = n.(Inviter)
	l.leaver, _ = n.(Leaver)
	l.reader, _ = n.(Reader)
	l.typer, _ = n.(Typer)
	if w, ok := n.(Waiter); ok && w.TellsWaiting() {
		l.waiter = w
	}
	l.portrayer, _ = n.(Portrayer)
	l.presencer, _ = n.(Presencer)
	l.ghosts, _ = n.(Ghostwriter)
	l.fetcher, _ = n.(Fetcher)
	l.attendant, _ = n.(Attendant)
	l.st = NetworkState{Name: n.Name(), Text: "starting"}
	return l
}

// set notes a state and tells whether it is news.
func (l *link) set(up bool, text string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.st.Up == up && l.st.Text == text {
		return false
	}
	if up && !l.st.Up {
		close(l.up)
		l.up = make(chan struct{})
	}
	l.st = NetworkState{Name: l.st.Name, Up: up, Text: text, Since: now}
	return true
}

func (l *link) state() NetworkState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.st
}

// comesUp is closed when the network comes up the next time.
func (l *link) comesUp() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.up
}
