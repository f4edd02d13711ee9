package websocket

import (
	"io"
	"testing"
)

// typical is a chat message of 270 bytes, the mean.
const typical = `<message xmlns='jabber:client' id='purple4a5b6c7d' to='juliet@example.org' type='chat'><body>Wherefore art thou, Romeo? Deny thy father.</body>` +
	`<active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/></message>`

// BenchmarkCutFrame is what a message to a client costs beside what it costs on TCP.
func BenchmarkCutFrame(b *testing.B) {
	written, frame := []byte(typical), make([]byte, 0, 512)
	b.SetBytes(int64(len(written)))
	b.ReportAllocs()
	for b.Loop() {
		if _, rest, err := cutFrame(frame, written); err != nil || len(rest) > 0 {
			b.Fatal(err)
		}
	}
}

// BenchmarkHandOver is the same for a message from a client.
func BenchmarkHandOver(b *testing.B) {
	buf := make([]byte, pieceSize)
	n := copy(buf, typical)
	b.SetBytes(int64(n))
	b.ReportAllocs()
	for b.Loop() {
		if err := handOver(io.Discard, buf[:n], nil, true); err != nil {
			b.Fatal(err)
		}
	}
}
