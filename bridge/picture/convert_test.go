package picture

import (
	"bytes"
	"errors"
	"image"
	"image/draw"
	"image/gif"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// wantFits decodes what a box would get and checks what every picture must be.
func wantFits(t testing.TB, p Picture) image.Image {
	t.Helper()
	m, kind, err := image.Decode(bytes.NewReader(p.Data))
	if err != nil || "image/"+kind != p.Type {
		t.Fatalf("a %s that decodes as %q, %v", p.Type, kind, err)
	}
	if s := m.Bounds().Size(); s.X > Width || s.Y > Height || s.X < 1 || s.Y < 1 {
		t.Errorf("%v does not fit", s)
	}
	if most := map[string]int{"image/jpeg": maxOutput, "image/gif": maxAnimated}[p.Type]; len(p.Data) > most {
		t.Errorf("%d bytes of %s", len(p.Data), p.Type)
	}
	if p.Type == "image/jpeg" && !(bytes.Contains(p.Data, []byte{0xFF, 0xC0}) && !bytes.Contains(p.Data, []byte{0xFF, 0xC2, 0, 17})) {
		t.Error("not a baseline JPEG")
	}
	return m
}

func TestConvert(t *testing.T) {
	clear := image.NewNRGBA(image.Rect(0, 0, 20, 20)) // nothing but transparency
	grey := image.NewGray(image.Rect(0, 0, 3000, 10))
	deep := image.NewNRGBA64(image.Rect(0, 0, 600, 600))
	draw.Draw(deep, deep.Rect, photo(600, 600), image.Point{}, draw.Src)
	for name, tt := range map[string]struct {
		data []byte
		mime string
		size image.Point
	}{
		"png":              {asPNG(t, photo(800, 600)), "image/jpeg", image.Pt(496, 372)},
		"png that fits":    {asPNG(t, photo(300, 200)), "image/jpeg", image.Pt(300, 200)},
		"png of a drawing": {asPNG(t, drawing(300, 200)), "image/gif", image.Pt(300, 200)},
		"large drawing":    {asPNG(t, drawing(800, 200)), "image/jpeg", image.Pt(544, 136)},
		"deep png":         {asPNG(t, deep), "image/jpeg", image.Pt(372, 372)},
		"transparent":      {asPNG(t, clear), "image/jpeg", image.Pt(20, 20)},
		"jpeg":             {asJPG(t, photo(2016, 1512)), "image/jpeg", image.Pt(496, 372)},
		"upright jpeg":     {asJPG(t, photo(150, 2000)), "image/jpeg", image.Pt(27, 372)},
		"grey strip":       {asPNG(t, grey), "image/jpeg", image.Pt(544, 1)},
		"one pixel":        {asJPG(t, photo(1, 1)), "image/jpeg", image.Pt(1, 1)},
		"bmp":              {asBMP(t, photo(640, 480)), "image/jpeg", image.Pt(496, 372)},
		"webp":             {lossy(), "image/jpeg", image.Pt(1, 1)},
		"lossless webp":    {lossless(800, 600), "image/jpeg", image.Pt(496, 372)},
		"still gif":        {film(t, 100, 80, 1), "image/gif", image.Pt(100, 80)},
		"film":             {film(t, 100, 80, 6), "image/gif", image.Pt(100, 80)},
		"wide film":        {film(t, 600, 80, 6), "image/jpeg", image.Pt(544, 72)},
		"long film":        {film(t, 20, 20, maxFrames+1), "image/gif", image.Pt(20, 20)},
		"turned":           {turned(t, photo(400, 200), 6, false), "image/jpeg", image.Pt(186, 372)},
		"turned, Intel":    {turned(t, photo(400, 200), 8, true), "image/jpeg", image.Pt(186, 372)},
		"upside down":      {turned(t, photo(400, 200), 3, true), "image/jpeg", image.Pt(400, 200)},
	} {
		p, err := Convert(tt.data)
		if err != nil || p.Type != tt.mime {
			t.Errorf("%s: %s, %v", name, p.Type, err)
			continue
		}
		if m := wantFits(t, p); m.Bounds().Size() != tt.size {
			t.Errorf("%s is %v, want %v", name, m.Bounds().Size(), tt.size)
		}
	}
}

// TestFramesOfAFilm: a small film stays one, others become their first picture.
func TestFramesOfAFilm(t *testing.T) {
	for n, want := range map[int]int{1: 1, 2: 2, maxFrames: maxFrames, maxFrames + 1: 1} {
		p, err := Convert(film(t, 20, 20, n))
		if err != nil {
			t.Fatal(err)
		}
		g, err := gif.DecodeAll(bytes.NewReader(p.Data))
		if err != nil || len(g.Image) != want {
			t.Errorf("%d frames: %d, %v", n, len(g.Image), err)
		}
	}
	if n, pixels, ok := frames(film(t, 30, 20, 5)); n != 5 || pixels != 3000 || !ok {
		t.Errorf("frames: %d of %d, %v", n, pixels, ok)
	}
}

// TestColours: scaling and turning keep what is where.
func TestColours(t *testing.T) {
	near := func(m image.Image, x, y int, r, g, b int) {
		t.Helper()
		R, G, B, _ := m.At(x, y).RGBA()
		for i, d := range []int{int(R>>8) - r, int(G>>8) - g, int(B>>8) - b} {
			if d < -24 || d > 24 {
				t.Errorf("at %d,%d: %d %d %d, want %d %d %d (%d)", x, y, R>>8, G>>8, B>>8, r, g, b, i)
				return
			}
		}
	}
	show := func(data []byte) image.Image {
		t.Helper()
		p, err := Convert(data)
		if err != nil {
			t.Fatal(err)
		}
		return wantFits(t, p)
	}
	m := show(asPNG(t, photo(1000, 500)))
	near(m, 5, 5, 0, 0, 60)
	near(m, 538, 5, 255, 0, 60)
	near(m, 5, 266, 0, 255, 60)
	m = show(asPNG(t, image.NewNRGBA(image.Rect(0, 0, 20, 20))))
	near(m, 10, 10, 255, 255, 255)
	// What each turn brings to the left upper corner, of (left upper, right upper,
	// right lower, left lower).
	corners := [4][3]int{{0, 0, 60}, {255, 0, 60}, {255, 255, 60}, {0, 255, 60}}
	for turn, from := range map[byte]int{1: 0, 2: 1, 3: 2, 4: 3, 5: 0, 6: 3, 7: 2, 8: 1} {
		m := show(turned(t, photo(200, 100), turn, turn%2 == 0))
		c := corners[from]
		near(m, 2, 2, c[0], c[1], c[2])
		if wide := m.Bounds().Dx() > m.Bounds().Dy(); wide != (turn < 5) {
			t.Errorf("turn %d: %v", turn, m.Bounds())
		}
	}
}

func TestNoiseIsMadeSmaller(t *testing.T) {
	p, err := Convert(asPNG(t, noise(600, 500)))
	if err != nil {
		t.Fatal(err)
	}
	wantFits(t, p)
}

func TestRefused(t *testing.T) {
	cut := func(b []byte) []byte { return b[:len(b)/2] }
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":          {nil, "This file is no picture that can be shown here."},
		"text":             {[]byte("hello"), "This file is no picture that can be shown here."},
		"heic":             {[]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), "This picture is in the HEIC format, which cannot be shown here."},
		"avif":             {[]byte("\x00\x00\x00\x1cftypavif\x00\x00\x00\x00avifmif1"), "This picture is in the AVIF format, which cannot be shown here."},
		"film":             {[]byte("\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00isom"), "This picture is in the MPEG-4 format, which cannot be shown here."},
		"svg":              {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), "This picture is in the SVG format, which cannot be shown here."},
		"svg with a head":  {[]byte("\xEF\xBB\xBF<?xml version=\"1.0\"?>\n<!-- x --><SVG/>"), "This picture is in the SVG format, which cannot be shown here."},
		"truncated png":    {cut(asPNG(t, photo(100, 100))), "This picture is damaged and cannot be shown."},
		"truncated gif":    {cut(film(t, 50, 50, 1)), "This picture is damaged and cannot be shown."},
		"truncated bmp":    {cut(asBMP(t, photo(100, 100))), "This picture is damaged and cannot be shown."},
		"truncated webp":   {cut(lossless(9, 9)), "This picture is damaged and cannot be shown."},
		"head of a jpeg":   {asJPG(t, photo(100, 100))[:100], "This picture is damaged and cannot be shown."},
		"png bomb":         {pngBomb(t, 30000, 30000), "This picture has 30000 x 30000 pixels, which is too large to be shown here."},
		"long png":         {pngBomb(t, 1<<20, 1), "This picture has 1048576 x 1 pixels, which is too large to be shown here."},
		"jpeg bomb":        {jpegBomb(t, 60000, 60000, false), "This picture has 60000 x 60000 pixels, which is too large to be shown here."},
		"progressive bomb": {jpegBomb(t, 5000, 5000, true), "This picture has 5000 x 5000 pixels, which is too large to be shown here."},
		"webp bomb":        {lossless(16384, 16384), "This picture has 16384 x 16384 pixels, which is too large to be shown here."},
		"webp liar":        {liar(), "This picture has 16383 x 16383 pixels, which is too large to be shown here."},
	} {
		p, err := Convert(tt.data)
		var r *refusal
		if !errors.As(err, &r) || r.text != tt.want || p.Data != nil {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

// allocated is how much f allocates in all.
func allocated(f func()) uint64 {
	var a, b runtime.MemStats
	runtime.ReadMemStats(&a)
	f()
	runtime.ReadMemStats(&b)
	return b.TotalAlloc - a.TotalAlloc
}

// TestMemory: a bomb costs nothing, and what is let through no more than it said.
func TestMemory(t *testing.T) {
	for name, data := range map[string][]byte{"png": pngBomb(t, 60000, 60000), "jpeg": jpegBomb(t, 60000, 60000, false), "progressive": jpegBomb(t, 9000, 9000, true),
		"webp": lossless(16384, 16384), "webp liar": liar()} {
		if n := allocated(func() { _, _ = Convert(data) }); n > 1<<20 {
			t.Errorf("%s bomb: %d bytes allocated", name, n)
		}
	}
	if raceEnabled {
		return // decoding millions of pixels takes minutes then; the other run has it
	}
	// The largest that are let through: their own memory and the steps after it.
	const steps = 48 << 20
	for name, data := range map[string][]byte{"png": pngBomb(t, 4000, 4000), "jpeg": jpegBomb(t, 6000, 6000, false), "progressive": jpegBomb(t, 2800, 2800, true),
		"webp": lossless(2800, 2800), "whole jpeg": asJPG(t, photo(2900, 2000))} {
		kind, _ := sniff(data)
		_, cost, err := measure(kind, data)
		if err != nil || cost > maxDecoded || cost < 8<<20 {
			t.Errorf("%s: cost %d, %v", name, cost, err)
		}
		if n := allocated(func() { _, _ = Convert(data) }); n > maxDecoded+steps {
			t.Errorf("%s: %d bytes allocated", name, n)
		}
	}
}

func TestUnshowable(t *testing.T) {
	for mime, want := range map[string]string{"image/heic": "HEIC", "IMAGE/HEIF; x=y": "HEIC", "image/avif": "AVIF", "image/svg+xml": "SVG", "image/png": "", "": "",
		"application/octet-stream": ""} {
		if got := Unshowable(mime); got != want {
			t.Errorf("%s: %q", mime, got)
		}
	}
}

// seeds are small pictures of every kind, for fuzzing.
func seeds(t testing.TB) [][]byte {
	return [][]byte{asPNG(t, photo(9, 7)), asPNG(t, drawing(9, 7)), asJPG(t, photo(20, 9)), turned(t, photo(9, 5), 6, true), film(t, 9, 7, 3), asBMP(t, photo(9, 7)),
		lossy(), lossless(9, 7), liar(), pngBomb(t, 30000, 30000), jpegBomb(t, 900, 900, true), []byte("<svg"), []byte("\x00\x00\x00\x18ftypheic")}
}

// FuzzConvert: whatever comes, either a picture that fits comes out, or a line of
// plain text.
func FuzzConvert(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Convert(data)
		if err == nil {
			wantFits(t, p)
			return
		}
		var r *refusal
		if !errors.As(err, &r) || r.text == "" || strings.ContainsFunc(r.text, func(c rune) bool { return c < ' ' || c > '~' }) {
			t.Errorf("refused with %q", err)
		}
	})
}

// FuzzHeads: the readers of heads never see more than is there.
func FuzzHeads(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if o := orientation(data); o < 1 || o > 8 {
			t.Errorf("orientation %d", o)
		}
		if n, pixels, _ := frames(data); n < 0 || pixels < 0 || n > len(data) {
			t.Errorf("%d frames of %d pixels", n, pixels)
		}
		if s := webpSize(data); s.X < 0 || s.X > 16384 || s.Y < 0 || s.Y > 16384 {
			t.Errorf("WebP of %v", s)
		}
		if c := jpegCost(data); c < 0 {
			t.Errorf("cost %d", c)
		}
	})
}

func BenchmarkConvert(b *testing.B) {
	all := map[string][]byte{"jpeg12M": asJPG(b, photo(4032, 3024)), "png2M": asPNG(b, photo(1920, 1080)), "film": film(b, 200, 150, 12), "webp": lossless(1024, 768)}
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Convert(all[name]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
