package directory

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"image"
	_ "image/gif" // the kinds of picture
	_ "image/jpeg"
	_ "image/png"
)

const (
	// LargestPhoto is how many bytes a photo has at most.
	LargestPhoto = 256 << 10
	// longestSide is how many points a photo has in one direction at most: whoever shows it unpacks it.
	longestSide = 4096
)

var tooLarge = &ValueError{"the photo", "is larger than 256 KiB; make it smaller"}

// NewPhoto makes a photo of its bytes, which tell what it is; what anybody says of them does not count.
func NewPhoto(data []byte) (Photo, error) {
	if len(data) > LargestPhoto {
		return Photo{}, tooLarge
	}
	kind, w, h, ok := measure(data)
	switch {
	case !ok:
		return Photo{}, &ValueError{"the photo", "is not a PNG, JPEG, GIF or WebP picture"}
	case w > longestSide || h > longestSide || w < 1 || h < 1:
		return Photo{}, &ValueError{"the photo", "is more than 4096 points wide or high; make it smaller"}
	}
	sum := sha1.Sum(data)
	return Photo{Type: kind, SHA1: hex.EncodeToString(sum[:]), Size: len(data), Data: data}, nil
}

// measure finds out what a picture is and how large, from its beginning.
func measure(data []byte) (kind string, w, h int, ok bool) {
	if w, h, ok := measureWebP(data); ok {
		return "image/webp", w, h, true
	}
	c, format, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return "", 0, 0, false
	}
	switch format {
	case "png", "jpeg", "gif":
		return "image/" + format, c.Width, c.Height, true
	}
	return "", 0, 0, false
}

// measureWebP reads the head of a WebP picture: lossy, lossless or extended (RFC 9649).
func measureWebP(d []byte) (w, h int, ok bool) {
	if len(d) < 30 || string(d[:4]) != "RIFF" || string(d[8:12]) != "WEBP" {
		return 0, 0, false
	}
	switch string(d[12:16]) {
	case "VP8 ":
		if d[23] != 0x9d || d[24] != 0x01 || d[25] != 0x2a {
			return 0, 0, false
		}
		return int(binary.LittleEndian.Uint16(d[26:]) & 0x3fff), int(binary.LittleEndian.Uint16(d[28:]) & 0x3fff), true
	case "VP8L":
		if d[20] != 0x2f {
			return 0, 0, false
		}
		n := binary.LittleEndian.Uint32(d[21:])
		return int(n&0x3fff) + 1, int(n>>14&0x3fff) + 1, true
	case "VP8X":
		return int(d[24]) | int(d[25])<<8 | int(d[26])<<16 + 1, int(d[27]) | int(d[28])<<8 | int(d[29])<<16 + 1, true
	}
	return 0, 0, false
}
