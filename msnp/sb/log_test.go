package sb_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
)

// logLines keeps a log and lets a test wait for a line of it.
type logLines struct {
	mu   sync.Mutex
	b    bytes.Buffer
	more chan struct{} // closed and replaced at each line
}

func newLogLines() *logLines { return &logLines{more: make(chan struct{})} }

// Write implements io.Writer.
func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.more)
	l.more = make(chan struct{})
	return l.b.Write(p)
}

// await returns when the log holds s; the test's own time limit ends it.
func (l *logLines) await(s string) {
	for {
		l.mu.Lock()
		found, more := strings.Contains(l.b.String(), s), l.more
		l.mu.Unlock()
		if found {
			return
		}
		<-more
	}
}

func (l *logLines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }
