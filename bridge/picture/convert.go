package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/bmp"
	scale "golang.org/x/image/draw"
	"golang.org/x/image/webp"
)

// convert.go: any picture as one that a box can show.

const (
	// Width and Height are what a box has room for (design.md 1: about 560x420, of
	// which the page's edges take some).
	Width, Height = 544, 372
	// maxSource is the largest file that is looked at, in bytes: a photograph of a
	// good camera.
	maxSource = 12 << 20
	// maxDecoded is how much memory the pixels of one picture may take, in bytes: a
	// usual JPEG of 44 million, a progressive one of 8, a PNG of 16 (interlaced: of 8). With converters
	// and fetchers it bounds the whole (design.md 8: 512 MB for all).
	maxDecoded = 64 << 20
	// maxSide is the longest side, in pixels: the format with the least has 16 bits.
	maxSide = 65535
	// maxOutput is how large a picture for a box may be, in bytes: 15 seconds on a
	// modem of 33,600 bits. Quality and then size give way to it.
	maxOutput = 48 << 10
)

// qualities are the JPEG qualities that are tried, best first: below the last a
// smaller picture looks better.
var qualities = [...]int{75, 60, 45}

// refusal is why a picture cannot be shown, in words for the person who asked for
// it. It stays so: another try is of no use.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return "picture: " + r.text }

// Picture is a file that a box can show.
type Picture struct {
	Type string // image/jpeg or image/gif
	Data []byte
}

// Convert makes a picture for a box: a baseline JPEG, or a GIF if it was small and
// of few colours, that fits Width and Height. What the sender said about it is
// not asked for. The error's text can be shown to a person. It takes seconds and
// up to maxDecoded bytes at worst.
func Convert(data []byte) (p Picture, err error) {
	defer func() {
		if recover() != nil { // a decoder's fault, on what a stranger sent
			p, err = Picture{}, errDamaged
		}
	}()
	kind, err := sniff(data)
	if err != nil {
		return Picture{}, err
	}
	size, cost, err := measure(kind, data)
	switch {
	case err != nil:
		return Picture{}, err
	case size.X <= 0 || size.Y <= 0:
		return Picture{}, errDamaged
	case size.X > maxSide || size.Y > maxSide || cost > maxDecoded:
		return Picture{}, &refusal{tooLarge, fmt.Sprintf("This picture has %d x %d pixels, which is too large to be shown here.", size.X, size.Y)}
	}
	if kind == kindGIF {
		if p, ok := animated(data); ok {
			return p, nil
		}
	}
	m, err := decode(kind, data)
	if err != nil {
		return Picture{}, errDamaged
	}
	if p, ok := asGIF(m); ok {
		return p, nil
	}
	turn := 1
	if kind == kindJPEG {
		turn = orientation(data)
	}
	return asJPEG(m, turn)
}

var errDamaged = &refusal{unusable, "This picture is damaged and cannot be shown."}

// measure reads the head alone: the size in pixels, and what decoding takes in
// bytes.
func measure(kind string, data []byte) (size image.Point, cost int64, err error) {
	var c image.Config
	r := bytes.NewReader(data)
	switch kind {
	case kindJPEG:
		if c, err = jpeg.DecodeConfig(r); err == nil {
			return image.Pt(c.Width, c.Height), jpegCost(data), nil
		}
	case kindPNG:
		if c, err = png.DecodeConfig(r); err == nil {
			return image.Pt(c.Width, c.Height), int64(c.Width) * int64(c.Height) * pngPixel(data, c.ColorModel), nil
		}
	case kindGIF:
		c, err = gif.DecodeConfig(r)
	case kindBMP:
		c, err = bmp.DecodeConfig(r)
	case kindWebP:
		if c, err = webp.DecodeConfig(r); err == nil {
			// The canvas is one thing and the picture in it another.
			if inner := webpSize(data); inner.X*inner.Y > c.Width*c.Height {
				c.Width, c.Height = inner.X, inner.Y
			}
			return image.Pt(c.Width, c.Height), int64(c.Width) * int64(c.Height) * webpPixel, nil
		}
	}
	if err != nil {
		return image.Point{}, 0, errDamaged
	}
	return image.Pt(c.Width, c.Height), int64(c.Width) * int64(c.Height) * pixel(c.ColorModel), nil
}

// webpPixel is what the decoder takes for a pixel, in bytes: four for the picture
// and as much for a step before, or for its transparency.
const webpPixel = 8

// pixel is how many bytes a decoded pixel takes.
func pixel(m color.Model) int64 {
	switch m {
	case color.GrayModel:
		return 1
	case color.Gray16Model:
		return 2
	case color.RGBA64Model, color.NRGBA64Model:
		return 8
	}
	if _, ok := m.(color.Palette); ok {
		return 1
	}
	return 4
}

// decode reads the whole picture, or the first of several.
func decode(kind string, data []byte) (image.Image, error) {
	r := bytes.NewReader(data)
	switch kind {
	case kindJPEG:
		return jpeg.Decode(r)
	case kindPNG:
		return png.Decode(r)
	case kindGIF:
		return gif.Decode(r)
	case kindBMP:
		return bmp.Decode(r)
	case kindWebP:
		return webp.Decode(r)
	}
	return nil, errors.New("picture: no decoder")
}

// asGIF keeps a drawing of few colours sharp, if it needs no scaling.
func asGIF(m image.Image) (Picture, bool) {
	p, ok := m.(*image.Paletted)
	if !ok || p.Rect.Dx() > Width || p.Rect.Dy() > Height {
		return Picture{}, false
	}
	var b bytes.Buffer
	if gif.Encode(&b, p, nil) != nil || b.Len() > maxOutput {
		return Picture{}, false
	}
	return Picture{"image/gif", b.Bytes()}, true
}

// asJPEG scales a picture, turns it upright and encodes it.
func asJPEG(m image.Image, turn int) (Picture, error) {
	size := m.Bounds().Size()
	room := image.Pt(Width, Height)
	if turn >= 5 { // it lies on its side
		room = image.Pt(Height, Width)
	}
	to := fit(size, room)
	flat := flatten(m, max(1, min(size.X/to.X, size.Y/to.Y)))
	for {
		out := flat
		if flat.Rect.Size() != to {
			out = image.NewRGBA(image.Rectangle{Max: to})
			scale.CatmullRom.Scale(out, out.Rect, flat, flat.Rect, draw.Src, nil)
		}
		out = upright(out, turn)
		for _, q := range qualities {
			var b bytes.Buffer
			if err := jpeg.Encode(&b, out, &jpeg.Options{Quality: q}); err != nil {
				return Picture{}, errDamaged
			}
			if b.Len() <= maxOutput {
				return Picture{"image/jpeg", b.Bytes()}, nil
			}
		}
		to = fit(size, to.Mul(3).Div(4)) // noise, perhaps
	}
}

// fit is the size of a picture that is no larger than the room, in its own
// proportions, and never larger than it was.
func fit(size, room image.Point) image.Point {
	if size.X <= room.X && size.Y <= room.Y {
		return size
	}
	to := image.Pt(room.X, size.Y*room.X/size.X)
	if to.Y > room.Y {
		to = image.Pt(size.X*room.Y/size.Y, room.Y)
	}
	return image.Pt(max(to.X, 1), max(to.Y, 1))
}

// background is what shines through a transparent picture.
var background = image.White

// flatten gives the picture without transparency, each k x k of its pixels as one
// of their average, strip by strip: a large one is never there a second time.
func flatten(m image.Image, k int) *image.RGBA {
	from := m.Bounds()
	out := image.NewRGBA(image.Rect(0, 0, max(from.Dx()/k, 1), max(from.Dy()/k, 1)))
	strip := image.NewRGBA(image.Rect(0, 0, from.Dx(), k))
	for y := range out.Rect.Dy() {
		draw.Draw(strip, strip.Rect, background, image.Point{}, draw.Src)
		draw.Draw(strip, strip.Rect, m, image.Pt(from.Min.X, from.Min.Y+y*k), draw.Over)
		row := out.Pix[y*out.Stride : (y+1)*out.Stride]
		if k == 1 {
			copy(row, strip.Pix)
			continue
		}
		average(row, strip, k)
	}
	return out
}

// average makes one row of a strip that is k rows high.
func average(row []byte, strip *image.RGBA, k int) {
	for x := range len(row) / 4 {
		var r, g, b int
		for j := range k {
			at := j*strip.Stride + x*k*4
			for _, p := 0, strip.Pix[at:at+k*4]; len(p) >= 4; p = p[4:] {
				r, g, b = r+int(p[0]), g+int(p[1]), b+int(p[2])
			}
		}
		n := k * k
		row[x*4], row[x*4+1], row[x*4+2], row[x*4+3] = byte(r/n), byte(g/n), byte(b/n), 0xFF
	}
}
