package main

import (
	"context"
	"net"
	"path/filepath"

	"wtvgate/bridge/box"
	"wtvgate/bridge/picture"
)

// picturesDir is where finished pictures are kept, in the data directory.
const picturesDir = "pictures"

// wirePictures opens the port and the folder of friends' pictures, if they are to
// be served: links need to know the port.
func (g *gateway) wirePictures() (err error) {
	cfg := g.cfg.Pictures
	if cfg.Listen == "" {
		return nil
	}
	if g.picturesPort, err = listen("pictures.listen", cfg.Listen); err != nil {
		return err
	}
	port := 0
	if a, ok := g.picturesPort.Addr().(*net.TCPAddr); ok {
		port = a.Port
	}
	g.pictures, err = picture.Open(picture.Options{Store: g.st, Hub: g.hub, Dir: filepath.Join(g.cfg.DataDir, picturesDir),
		Cache: int64(cfg.CacheMB) << 20, PublicURL: cfg.PublicURL, Port: port, Log: g.log})
	return err
}

// linker is who makes links to pictures; a nil interface when nobody does.
func (g *gateway) linker() box.Linker {
	if g.pictures == nil {
		return nil
	}
	return g.pictures
}

// stopPictures ends serving them.
func (g *gateway) stopPictures(ctx context.Context) error {
	if g.pictures == nil {
		return nil
	}
	return g.pictures.Shutdown(ctx)
}
