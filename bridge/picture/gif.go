package picture

import (
	"bytes"
	"image/gif"
)

// gif.go: animations, which stay animated if a modem and a box can bear it.

const (
	// maxAnimated is how large an animation may be, in bytes: half a minute on a
	// modem of 33,600 bits.
	maxAnimated = 128 << 10
	// maxFrames is how many pictures an animation may have.
	maxFrames = 60
	// maxFramePixels is how many pixels they may have in all, which is as many bytes
	// of memory: the full size forty times.
	maxFramePixels = 40 * Width * Height
)

// animated gives an animation back as it is, checked and written anew, if it is
// small enough in every way.
func animated(data []byte) (Picture, bool) {
	if len(data) > maxAnimated {
		return Picture{}, false
	}
	if n, pixels, ok := frames(data); !ok || n < 2 || n > maxFrames || pixels > maxFramePixels {
		return Picture{}, false
	}
	g, err := gif.DecodeAll(bytes.NewReader(data))
	if err != nil || g.Config.Width > Width || g.Config.Height > Height {
		return Picture{}, false
	}
	var b bytes.Buffer
	if gif.EncodeAll(&b, g) != nil || b.Len() > maxAnimated {
		return Picture{}, false
	}
	return Picture{"image/gif", b.Bytes()}, true
}

// frames counts the pictures of a GIF and their pixels without expanding any;
// false for a file that ends too early.
func frames(data []byte) (n int, pixels int64, ok bool) {
	const head, descriptor = 13, 9
	if len(data) < head {
		return 0, 0, false
	}
	at := head + table(data[10])
	for at < len(data) {
		switch data[at] {
		case 0x3B: // trailer
			return n, pixels, true
		case 0x21: // extension: its label, and blocks
			at = blocks(data, at+2)
		case 0x2C:
			if at+1+descriptor > len(data) {
				return n, pixels, false
			}
			d := data[at+1:]
			n++
			pixels += (int64(d[4]) | int64(d[5])<<8) * (int64(d[6]) | int64(d[7])<<8)
			at = blocks(data, at+1+descriptor+table(d[8])+1) // one byte before the blocks
		default:
			return n, pixels, false
		}
	}
	return n, pixels, false
}

// table is how long the colour table is that a byte of flags announces.
func table(flags byte) int {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

// blocks skips data blocks up to the empty one that ends them.
func blocks(data []byte, at int) int {
	for at < len(data) {
		n := int(data[at])
		at += 1 + n
		if n == 0 {
			return at
		}
	}
	return len(data)
}
