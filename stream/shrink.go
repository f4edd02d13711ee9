package stream

import (
	"bytes"
	"crypto/tls"
	"net"
	"reflect"
	"sync"
	"unsafe"
)

// A tls.Conn keeps its read buffers as large as the largest record that it has seen, 16 KiB and more, for as long as it
// lives (golang/go#43563). Most connections are silent most of the time, so this is most of what they cost. shrink
// drops the buffers when they are empty.
//
// It reaches unexported fields, found by reflection once, and does nothing where one is not what it is known to be.
// All of them are guarded by the mutex of the connection's reading half, which Read and Handshake hold throughout. shrink
// holds it too, or, if it is taken, leaves the connection alone. What it does to the fields is what their
// own exported methods allow: an empty bytes.Buffer is replaced by another one.
func shrink(conn net.Conn) {
	c, ok := conn.(*tls.Conn)
	at := tlsFields()
	if !ok || !at.known {
		return
	}
	p := unsafe.Pointer(c)
	mu := (*sync.Mutex)(unsafe.Add(p, at.mutex))
	if !mu.TryLock() {
		return
	}
	defer mu.Unlock()
	raw, input, hand := (*bytes.Buffer)(unsafe.Add(p, at.raw)), (*bytes.Reader)(unsafe.Add(p, at.input)), (*bytes.Buffer)(unsafe.Add(p, at.hand))
	if raw.Len() > 0 || input.Len() > 0 || hand.Len() > 0 {
		return
	}
	if raw.Cap() > keptTLS {
		*raw = bytes.Buffer{}
		*input = bytes.Reader{} // it still points into the former
	}
	if hand.Cap() > 0 {
		*hand = bytes.Buffer{}
	}
}

// keptTLS is the size up to which a read buffer is left: the next read would make one of 517 bytes anyway.
const keptTLS = 1 << 10

// tlsLayout is where the fields are in a tls.Conn.
type tlsLayout struct {
	known                   bool
	mutex, raw, input, hand uintptr
}

var tlsFields = sync.OnceValue(func() (at tlsLayout) {
	t := reflect.TypeFor[tls.Conn]()
	in, ok1 := t.FieldByName("in")
	if !ok1 || in.Type.Kind() != reflect.Struct {
		return at
	}
	mu, ok2 := in.Type.FieldByName("Mutex")
	raw, ok3 := t.FieldByName("rawInput")
	input, ok4 := t.FieldByName("input")
	hand, ok5 := t.FieldByName("hand")
	at.known = ok2 && ok3 && ok4 && ok5 && mu.Anonymous && mu.Type == reflect.TypeFor[sync.Mutex]() &&
		raw.Type == reflect.TypeFor[bytes.Buffer]() && input.Type == reflect.TypeFor[bytes.Reader]() &&
		hand.Type == reflect.TypeFor[bytes.Buffer]()
	at.mutex, at.raw, at.input, at.hand = in.Offset+mu.Offset, raw.Offset, input.Offset, hand.Offset
	return at
})
