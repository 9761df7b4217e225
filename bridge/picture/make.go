package picture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"time"

	"wtvgate/bridge"
	"wtvgate/bridge/store"
)

// make.go: from a network's file to a finished picture, once for all who ask.

const (
	// fetchers is how many files are fetched at a time, and converters how many
	// pictures are converted: with maxSource and maxDecoded they bound the memory.
	fetchers   = 4
	converters = 2
	// maxFlights is how many pictures may be on their way; who asks for one more is
	// told to come back.
	maxFlights = 16
	// makeTimeout bounds all of it for one picture: boxes wait about a minute for a
	// page.
	makeTimeout = 45 * time.Second
	// maxRefused is how many refusals are remembered, so that a picture that cannot
	// be shown is not fetched again and again.
	maxRefused = 1000
)

// flight is a picture on its way. p and err are set when done is closed.
type flight struct {
	done chan struct{}
	p    Picture
	err  error
}

var (
	errBusy    = &refusal{http.StatusServiceUnavailable, "Too many pictures are being made. Please try again in a moment."}
	errNetwork = &refusal{http.StatusBadGateway, "This picture cannot be fetched right now. Please try again later."}
	errSlow    = &refusal{http.StatusGatewayTimeout, "Fetching this picture takes too long. Please try again later."}
	errSource  = &refusal{tooLarge, fmt.Sprintf("This picture has more than %d MB, which is too large to be shown here.", maxSource>>20)}
)

// picture gives the finished picture behind a link.
func (g *Gallery) picture(ctx context.Context, l store.PictureLink) (Picture, error) {
	if p, ok := g.cache.get(l.File); ok {
		return p, nil
	}
	f, err := g.flight(l)
	if err != nil {
		return Picture{}, err
	}
	select {
	case <-f.done:
		return f.p, f.err
	case <-ctx.Done():
		return Picture{}, ctx.Err()
	}
}

// flight joins the picture's flight or starts one.
func (g *Gallery) flight(l store.PictureLink) (*flight, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r := g.refused[l.File]; r != nil {
		return nil, r
	}
	if f := g.flights[l.File]; f != nil {
		return f, nil
	}
	if len(g.flights) >= maxFlights || g.ctx.Err() != nil {
		return nil, errBusy
	}
	f := &flight{done: make(chan struct{})}
	g.flights[l.File] = f
	g.making.Go(func() { g.fly(l, f) })
	return f, nil
}

// fly makes a picture and remembers it.
func (g *Gallery) fly(l store.PictureLink, f *flight) {
	ctx, cancel := context.WithTimeout(g.ctx, g.patient)
	defer cancel()
	f.err = errNetwork
	defer func() {
		if r := recover(); r != nil {
			g.log.Error("making a picture panicked", "network", l.Network, "panic", r, "stack", string(debug.Stack()))
			f.p, f.err = Picture{}, errNetwork
		}
		g.land(l, f)
	}()
	f.p, f.err = g.produce(ctx, l)
	if f.err != nil {
		return
	}
	if err := g.cache.put(l.File, f.p); err != nil {
		g.log.Warn("a picture cannot be kept", "err", err)
	}
}

// land ends a flight.
func (g *Gallery) land(l store.PictureLink, f *flight) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.flights, l.File)
	var r *refusal
	if errors.As(f.err, &r) && (r.status == unusable || r.status == tooLarge) {
		if len(g.refused) >= maxRefused {
			clear(g.refused)
		}
		g.refused[l.File] = r
	}
	close(f.done)
}

// produce fetches and converts. Every error is a refusal.
func (g *Gallery) produce(ctx context.Context, l store.PictureLink) (Picture, error) {
	if !enter(ctx, g.fetches) {
		return Picture{}, errSlow
	}
	defer func() { <-g.fetches }() // the file is in memory until it is converted
	data, err := g.fetch(ctx, l)
	var r *refusal
	switch {
	case errors.As(err, &r):
		return Picture{}, r
	case errors.Is(err, bridge.ErrNoMedia):
		return Picture{}, errGone
	case ctx.Err() != nil:
		return Picture{}, errSlow
	case err != nil:
		g.log.Warn("a picture cannot be fetched", "account", l.Account, "network", l.Network, "err", err)
		return Picture{}, errNetwork
	}
	if !enter(ctx, g.turns) {
		return Picture{}, errSlow
	}
	defer func() { <-g.turns }()
	p, err := Convert(data)
	if err != nil {
		g.log.Debug("a picture cannot be shown", "account", l.Account, "network", l.Network, "err", err)
	}
	return p, err
}

// enter waits for a place; false when there is no time left.
func enter(ctx context.Context, places chan struct{}) bool {
	select {
	case places <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// fetch reads a network's file, within the limits of size and of ctx.
func (g *Gallery) fetch(ctx context.Context, l store.PictureLink) (data []byte, err error) {
	m, err := g.o.Hub.OpenMedia(ctx, l.Network, l.Ref)
	if err != nil {
		return nil, err
	}
	defer func() {
		if cerr := m.Close(); cerr != nil && err == nil { // not what the friend sent
			g.log.Warn("a picture was changed on its way", "account", l.Account, "network", l.Network, "err", cerr)
			data, err = nil, errDamaged
		}
	}()
	if m.Size > maxSource {
		return nil, errSource
	}
	data, err = io.ReadAll(io.LimitReader(m, maxSource+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("picture: fetching: %w", err)
	case len(data) > maxSource:
		return nil, errSource
	}
	return data, nil
}
