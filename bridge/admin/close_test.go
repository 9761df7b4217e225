package admin

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"
)

// TestCloseGivesUp: a command that would take minutes, as a backup may, is given up
// when the gateway stops, and its caller has an answer.
func TestCloseGivesUp(t *testing.T) {
	c, err := OpenControl(t.TempDir(), &Operator{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	begun := make(chan struct{})
	c.srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
		io.WriteString(w, "given up")
	})
	served := make(chan error, 1)
	go func() { served <- c.Serve() }()
	answered := make(chan string, 1)
	go func() {
		resp, err := http.Post("http://"+c.ln.Addr().String()+"/v1/do", "application/json", nil)
		if err != nil {
			answered <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		answered <- string(b)
	}()
	<-begun
	start := time.Now()
	if err := errors.Join(c.Close(t.Context()), <-served); err != nil {
		t.Error(err)
	}
	if got, took := <-answered, time.Since(start); got != "given up" || took < stopGrace || took > 10*stopGrace {
		t.Errorf("answered %q after %v", got, took)
	}
}
