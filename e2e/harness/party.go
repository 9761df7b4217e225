package harness

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
)

// Invite calls another contact into the switchboard that is open with one.
func (b *Box) Invite(contact, another string) {
	b.t.Helper()
	ctx, cancel := b.context()
	defer cancel()
	b.mu.Lock()
	board := b.boards[contact]
	b.mu.Unlock()
	if board == nil {
		b.t.Fatalf("%s has no switchboard with %s", b.Address, contact)
	}
	if _, err := board.Call(ctx, another); err != nil {
		b.t.Fatalf("%s calls %s: %v", b.Address, another, err)
	}
}

// WaitAll waits until so many texts have come from anybody and gives them all, in
// order.
func (b *Box) WaitAll(count int) (all []Heard) {
	b.t.Helper()
	b.wait("texts", func() bool { all = append([]Heard(nil), b.heard...); return len(all) >= count })
	return all
}

// Log is what the running gateway has said lately.
func (g *Gateway) Log() string { return g.proc.log.String() }

// Try is Run for a verb that may fail: what it wrote all the same.
func (g *Gateway) Try(args ...string) string {
	cmd := exec.Command(g.bin, append([]string{"--config", "config.yaml"}, args...)...)
	cmd.Dir = g.dir
	out, _ := cmd.CombinedOutput() // the exit code is part of what was asked for
	return string(out)
}

// WaitNetworks waits until what the gateway says of its networks has a text in it.
func (g *Gateway) WaitNetworks(want string) {
	g.t.Helper()
	g.waitReadyz("the networks are otherwise", "/readyz?format=text", func(_ int, said string) bool { return strings.Contains(said, want) })
}

// waitReadyz waits until what the gateway answers there is as it should be.
func (g *Gateway) waitReadyz(what, path string, fits func(status int, said string) bool) {
	g.t.Helper()
	poll(g.t, what, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.admin+path, nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		said, err := io.ReadAll(resp.Body)
		if err == nil && !fits(resp.StatusCode, string(said)) {
			err = fmt.Errorf("%s: %s %s", path, resp.Status, said)
		}
		return err
	})
}
