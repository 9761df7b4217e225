package matrix

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	mid "maunium.net/go/mautrix/id"

	"wtvgate/bridge/id"
)

// avatar.go: the pictures of ghosts. An account's own is a file in Options.Avatars
// named by its address; without one the ghost has a TV set in a colour of its own.

const (
	// maxAvatar bounds a picture in bytes: clients show it as large as a thumb.
	maxAvatar = 1 << 20
	// drawnAvatar is the mark of the drawn picture; another number draws all anew.
	drawnAvatar = "drawn-1"
	// avatarSize is the drawn picture's width and height in pixels: 16 cells of 8.
	avatarSize, avatarCell = 128, 8
)

// avatarKinds are the files that are looked for, in this order.
var avatarKinds = [...]string{".png", ".jpg", ".gif"}

// avatar is a picture: mark tells whether it is another than before.
type avatar struct {
	mark, kind string
	data       []byte
}

// avatarOf finds an account's picture; the zero value for none at all.
func (n *Network) avatarOf(a id.Account) (avatar, error) {
	if n.o.Avatars == "" {
		return avatar{}, nil
	}
	for _, ext := range avatarKinds {
		if strings.ContainsAny(string(a), `/\`) { // no address may leave the folder
			break
		}
		data, err := readAvatar(filepath.Join(n.o.Avatars, string(a)+ext))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return avatar{}, err
		}
		sum := sha256.Sum256(data)
		return avatar{hex.EncodeToString(sum[:]), http.DetectContentType(data), data}, nil
	}
	return avatar{mark: drawnAvatar, kind: "image/png"}, nil
}

func readAvatar(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxAvatar+1))
	if err != nil {
		return nil, fmt.Errorf("matrix: read %s: %w", file, err)
	}
	if len(data) > maxAvatar {
		return nil, fmt.Errorf("matrix: %s has more than %d bytes", file, maxAvatar)
	}
	switch http.DetectContentType(data) {
	case "image/png", "image/jpeg", "image/gif":
		return data, nil
	}
	return nil, fmt.Errorf("matrix: %s is no PNG, JPEG or GIF picture", file)
}

// ensureAvatar gives a ghost its picture, as far as the homeserver does not have it.
func (n *Network) ensureAvatar(ctx context.Context, a id.Account) error {
	row, err := n.ghostRow(ctx, a)
	if err != nil {
		return err
	}
	pic, err := n.avatarOf(a)
	if err != nil {
		n.log.Warn("an account's picture cannot be used", "account", a, "err", err)
		return nil
	}
	if pic.mark == row.picture || pic.mark == "" {
		return nil
	}
	if pic.data == nil {
		if pic.data, err = drawAvatar(a); err != nil {
			return err
		}
	}
	_, c, err := n.ghost(a)
	if err != nil {
		return err
	}
	up, err := c.UploadBytes(ctx, pic.data, pic.kind)
	if err == nil {
		err = c.SetAvatarURL(ctx, mid.ContentURI(up.ContentURI))
	}
	if err := n.judge(err, textRefused); permanent(err) {
		n.log.Warn("the homeserver does not take a ghost's picture", "account", a, "err", err)
		return nil // it has no other
	} else if err != nil {
		return err
	}
	return n.exec(ctx, "store ghost", `UPDATE matrix_ghosts SET picture = ? WHERE account = ?`, pic.mark, a)
}

// tvSet is the drawn picture: b is the backdrop, # the case, s the screen, l the
// light on it, k a knob.
const tvSet = `
bbbbbbbbbbbbbbbb
bbbb##bbbb##bbbb
bbbbb##bb##bbbbb
bbbbbb####bbbbbb
bb############bb
b##############b
b#ssssssssss###b
b#sllsssssss#k#b
b#sllsssssss###b
b#ssssssssss#k#b
b#ssssssssss###b
b#ssssssssss#k#b
b##############b
bb############bb
bbb##bbbbbb##bbb
bbbbbbbbbbbbbbbb
`

// drawAvatar draws a TV set on a colour that follows from the account's address.
func drawAvatar(a id.Account) ([]byte, error) {
	sum := sha256.Sum256([]byte(a))
	bright := func(b byte) uint8 { return 96 + b%128 } // never near the black of the case
	palette := color.Palette{
		color.RGBA{bright(sum[0]), bright(sum[1]), bright(sum[2]), 255},
		color.RGBA{40, 36, 34, 255}, color.RGBA{70, 120, 110, 255}, color.RGBA{220, 240, 230, 255}, color.RGBA{200, 180, 90, 255},
	}
	img := image.NewPaletted(image.Rect(0, 0, avatarSize, avatarSize), palette)
	for y, line := range strings.Fields(tvSet) {
		for x, cell := range []byte(line) {
			index := uint8(strings.IndexByte("b#slk", cell))
			for i := range avatarCell * avatarCell {
				img.SetColorIndex(x*avatarCell+i%avatarCell, y*avatarCell+i/avatarCell, index)
			}
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		return nil, fmt.Errorf("matrix: draw a picture: %w", err)
	}
	return out.Bytes(), nil
}
