package picture

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"testing"

	"golang.org/x/image/bmp"
)

// samples_test.go: pictures to try things with, and some that nobody should open.

// photo is a picture of soft colours, as a camera makes: red from left to right,
// green from top to bottom.
func photo(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			p := m.Pix[m.PixOffset(x, y):]
			p[0], p[1], p[2], p[3] = uint8(x*255/w), uint8(y*255/h), 60, 255
		}
	}
	return m
}

func noise(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	r := rand.New(rand.NewPCG(1, 2))
	for i := range m.Pix {
		m.Pix[i] = byte(r.Uint32())
		if i%4 == 3 {
			m.Pix[i] = 255
		}
	}
	return m
}

func asPNG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asJPG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asBMP(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := bmp.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// drawing is a picture of few colours.
func drawing(w, h int) *image.Paletted {
	m := image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{color.White, color.Black, color.RGBA{255, 0, 0, 255}})
	for i := range m.Pix {
		m.Pix[i] = uint8(i / 7 % 3)
	}
	return m
}

// film is an animation of n drawings.
func film(t testing.TB, w, h, n int) []byte {
	t.Helper()
	var g gif.GIF
	for i := range n {
		d := drawing(w, h)
		d.Pix[i%len(d.Pix)] = 2
		g.Image, g.Delay = append(g.Image, d), append(g.Delay, 10)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, &g); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unbase(s string) []byte {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// lossy is a WebP of one pixel.
func lossy() []byte { return unbase("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA") }

// lossless is a WebP of one colour; its size costs no bytes.
func lossless(w, h int) []byte {
	b := unbase("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
	bits := binary.LittleEndian.Uint32(b[21:])&^(1<<28-1) | uint32(w-1) | uint32(h-1)<<14
	binary.LittleEndian.PutUint32(b[21:], bits)
	return b
}

// liar is a WebP whose canvas has one pixel and whose picture is huge.
func liar() []byte {
	inner := lossless(16383, 16383)[12:]
	b := append([]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00"), make([]byte, 10)...)
	b = append(b, inner...)
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-8))
	return b
}

// pngBomb claims a size in a file of some hundred bytes.
func pngBomb(t testing.TB, w, h uint32) []byte {
	b := asPNG(t, photo(2, 2))
	binary.BigEndian.PutUint32(b[16:], w)
	binary.BigEndian.PutUint32(b[20:], h)
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

// jpegBomb claims a size.
func jpegBomb(t testing.TB, w, h uint16, progressive bool) []byte {
	b := asJPG(t, photo(16, 16))
	i := bytes.Index(b, []byte{0xFF, 0xC0})
	binary.BigEndian.PutUint16(b[i+5:], h)
	binary.BigEndian.PutUint16(b[i+7:], w)
	if progressive {
		b[i+1] = 0xC2
	}
	return b
}

// turned is a JPEG whose Exif data asks for a turn.
func turned(t testing.TB, m image.Image, turn byte, little bool) []byte {
	b := asJPG(t, m)
	tiff := []byte("MM\x00\x2A\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00" + string(turn) + "\x00\x00\x00\x00\x00\x00")
	if little {
		tiff = []byte("II\x2A\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00" + string(turn) + "\x00\x00\x00\x00\x00\x00\x00")
	}
	app := append([]byte("Exif\x00\x00"), tiff...)
	head := []byte{0xFF, 0xD8, 0xFF, 0xE1, 0, byte(len(app) + 2)}
	return append(append(head, app...), b[2:]...)
}
