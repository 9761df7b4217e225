package picture

import (
	"encoding/binary"
	"image"
)

// exif.go: which way up a photograph is. Cameras store it as the sensor was held
// and say how to turn it.

// orientation is the turn that a JPEG's Exif data asks for, 1 (none) to 8.
func orientation(data []byte) int {
	for i := 2; i+4 <= len(data) && data[i] == 0xFF; {
		m, n := data[i+1], int(binary.BigEndian.Uint16(data[i+2:]))
		if m == 0xDA || n < 2 || i+2+n > len(data) { // the picture itself begins
			return 1
		}
		if s := data[i+4 : i+2+n]; m == 0xE1 && len(s) > 14 && string(s[:6]) == "Exif\x00\x00" {
			return tiffOrientation(s[6:])
		}
		i += 2 + n
	}
	return 1
}

// tiffOrientation looks for the entry in the first directory (TIFF 6.0: tag 274,
// a short).
func tiffOrientation(t []byte) int {
	var order binary.ByteOrder = binary.BigEndian
	if string(t[:2]) == "II" {
		order = binary.LittleEndian
	}
	at := int64(order.Uint32(t[4:]))
	if at+2 > int64(len(t)) {
		return 1
	}
	entries := t[at+2:]
	for range order.Uint16(t[at:]) {
		if len(entries) < 12 {
			break
		}
		if order.Uint16(entries) == 274 {
			if o := int(order.Uint16(entries[8:])); o >= 1 && o <= 8 {
				return o
			}
			break
		}
		entries = entries[12:]
	}
	return 1
}

// upright turns and mirrors a picture as its orientation asks.
func upright(m *image.RGBA, turn int) *image.RGBA {
	if turn <= 1 || turn > 8 {
		return m
	}
	w, h := m.Rect.Dx(), m.Rect.Dy()
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	if turn >= 5 {
		out = image.NewRGBA(image.Rect(0, 0, h, w))
	}
	for y := range h {
		for x := range w {
			var a, b int
			switch turn {
			case 2:
				a, b = w-1-x, y
			case 3:
				a, b = w-1-x, h-1-y
			case 4:
				a, b = x, h-1-y
			case 5:
				a, b = y, x
			case 6:
				a, b = h-1-y, x
			case 7:
				a, b = h-1-y, w-1-x
			case 8:
				a, b = y, w-1-x
			}
			copy(out.Pix[out.PixOffset(a, b):][:4], m.Pix[m.PixOffset(x, y):][:4])
		}
	}
	return out
}
