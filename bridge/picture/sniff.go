package picture

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"net/http"
	"strings"
)

// sniff.go: what a file is, by its first bytes. What its sender calls it does not
// count.

// Kinds of pictures that can be converted.
const (
	kindJPEG = "JPEG"
	kindPNG  = "PNG"
	kindGIF  = "GIF"
	kindBMP  = "BMP"
	kindWebP = "WebP"
)

// Statuses of refusals.
const (
	unusable = http.StatusUnsupportedMediaType
	tooLarge = http.StatusRequestEntityTooLarge
)

// sniff tells the kind of a picture. A refusal names what cannot be shown.
func sniff(data []byte) (string, error) {
	has := func(at int, magic string) bool {
		return len(data) >= at+len(magic) && string(data[at:at+len(magic)]) == magic
	}
	switch {
	case has(0, "\xFF\xD8\xFF"):
		return kindJPEG, nil
	case has(0, "\x89PNG\r\n\x1A\n"):
		return kindPNG, nil
	case has(0, "GIF87a"), has(0, "GIF89a"):
		return kindGIF, nil
	case has(0, "BM"):
		return kindBMP, nil
	case has(0, "RIFF") && has(8, "WEBP"):
		return kindWebP, nil
	case has(4, "ftyp"):
		return "", unshowable(box(data))
	}
	head := bytes.ToLower(bytes.TrimLeft(data[:min(len(data), sniffed)], "\xEF\xBB\xBF \t\r\n"))
	if bytes.HasPrefix(head, []byte("<svg")) || bytes.HasPrefix(head, []byte("<?xml")) && bytes.Contains(head, []byte("<svg")) ||
		bytes.HasPrefix(head, []byte("<!doctype svg")) {
		return "", unshowable("SVG")
	}
	return "", &refusal{unusable, "This file is no picture that can be shown here."}
}

// sniffed is how much of a text is looked at for being SVG, in bytes.
const sniffed = 1024

// box names a picture of the ISO format's family by its brands.
func box(data []byte) string {
	head := data[:min(len(data), 64)]
	switch {
	case bytes.Contains(head, []byte("avif")), bytes.Contains(head, []byte("avis")):
		return "AVIF"
	case bytes.Contains(head, []byte("hei")), bytes.Contains(head, []byte("hev")), bytes.Contains(head, []byte("mif1")):
		return "HEIC"
	}
	return "MPEG-4"
}

func unshowable(kind string) *refusal {
	return &refusal{unusable, "This picture is in the " + kind + " format, which cannot be shown here."}
}

// Unshowable names the format that a file says it has if that is a kind of picture
// that will not be converted; "" for all others.
func Unshowable(mime string) string {
	switch mime, _, _ := strings.Cut(strings.ToLower(mime), ";"); strings.TrimSpace(mime) {
	case "image/heic", "image/heif", "image/heic-sequence", "image/heif-sequence":
		return "HEIC"
	case "image/avif", "image/avif-sequence":
		return "AVIF"
	case "image/svg+xml", "image/svg":
		return "SVG"
	case "image/jxl":
		return "JPEG XL"
	case "image/tiff":
		return "TIFF"
	}
	return ""
}

// jpegCost is how many bytes decoding a JPEG takes: its samples, and for a
// progressive one all coefficients beside them, four bytes each. Without a frame
// header that can be read it is beyond every limit.
func jpegCost(data []byte) int64 {
	for i := 2; i+4 <= len(data); {
		if data[i] != 0xFF {
			i++
			continue
		}
		m := data[i+1]
		if m == 0xFF || m == 0 || m == 1 || m >= 0xD0 && m <= 0xD8 { // filling, and marks without a length
			i++
			continue
		}
		n := int(binary.BigEndian.Uint16(data[i+2:]))
		if m >= 0xC0 && m <= 0xCF && m != 0xC4 && m != 0xC8 && m != 0xCC {
			return frameCost(data[i+4:min(len(data), i+2+max(n, 2))], m == 0xC2)
		}
		i += 2 + n
	}
	return maxDecoded + 1
}

// frameCost is jpegCost of a frame header without its mark and length.
func frameCost(f []byte, progressive bool) int64 {
	if len(f) < 6 || len(f) < 6+3*int(f[5]) || f[5] == 0 {
		return maxDecoded + 1
	}
	h, w := int64(binary.BigEndian.Uint16(f[1:])), int64(binary.BigEndian.Uint16(f[3:]))
	var most, all int64 // the densest component's samples in a block, and those of all
	for i := range int(f[5]) {
		s := int64(f[7+3*i]>>4) * int64(f[7+3*i]&15)
		most, all = max(most, s), all+s
	}
	if most == 0 {
		return maxDecoded + 1
	}
	samples := (w + 32) * (h + 32) * all / most // whole blocks
	if f[5] > 3 {                               // and as much again for putting four colours together
		samples *= 2
	}
	if progressive {
		return samples * 5
	}
	return samples
}

// pngPixel is how many bytes a pixel of a PNG takes while it is decoded. Shades of
// gray become colours if one of them is transparent (tRNS), which the head does not
// tell; of an interlaced one the passes are there beside the whole.
func pngPixel(data []byte, m color.Model) int64 {
	const signature, frame, interlace = 8, 12, 28 // a frame is a chunk's length, name and sum
	n := pixel(m)
	for at := int64(signature); at+frame <= int64(len(data)); at += frame + int64(binary.BigEndian.Uint32(data[at:])) {
		name := string(data[at+4 : at+8])
		if name == "IDAT" {
			break
		}
		if name != "tRNS" {
			continue
		}
		switch m {
		case color.GrayModel:
			n = pixel(color.NRGBAModel)
		case color.Gray16Model:
			n = pixel(color.NRGBA64Model)
		}
	}
	if len(data) > interlace && data[interlace] != 0 {
		n *= 2
	}
	return n
}

// webpSize is the size of the picture inside a WebP file, which may be another
// than that of its canvas.
func webpSize(data []byte) (size image.Point) {
	for at := 12; at+8 <= len(data); {
		n := int(binary.LittleEndian.Uint32(data[at+4:]))
		chunk := data[at+8:]
		switch string(data[at : at+4]) {
		case "VP8 ":
			if len(chunk) >= 10 {
				return image.Pt(int(binary.LittleEndian.Uint16(chunk[6:])&0x3FFF), int(binary.LittleEndian.Uint16(chunk[8:])&0x3FFF))
			}
		case "VP8L":
			if len(chunk) >= 5 {
				bits := binary.LittleEndian.Uint32(chunk[1:])
				return image.Pt(int(bits&0x3FFF)+1, int(bits>>14&0x3FFF)+1)
			}
		}
		if n < 0 || n > len(chunk) {
			break
		}
		at += 8 + n + n&1
	}
	return size
}
