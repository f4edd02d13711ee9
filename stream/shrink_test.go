package stream

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"testing"
	"time"
	"unsafe"
)

func testCertificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// tlsPair gives both ends of a TLS connection over TCP, after the handshake.
func tlsPair(t testing.TB, version uint16) (server, client *tls.Conn) {
	t.Helper()
	a, b := tcpPair(t)
	server = tls.Server(a, &tls.Config{
		Certificates: []tls.Certificate{testCertificate(t)}, MaxVersion: version,
	})
	client = tls.Client(b, &tls.Config{InsecureSkipVerify: true})
	done := make(chan error, 1)
	go func() { done <- client.Handshake() }()
	if err := server.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return server, client
}

func tcpPair(t testing.TB) (server, client net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close(); client.Close() })
	return server, client
}

// held is the size of the buffers of a TLS connection.
func held(c *tls.Conn) int {
	at := tlsFields()
	return (*bytes.Buffer)(unsafe.Add(unsafe.Pointer(c), at.raw)).Cap() + (*bytes.Buffer)(unsafe.Add(unsafe.Pointer(c), at.hand)).Cap()
}

func TestShrinkFreesTheBuffersOfThisGoVersion(t *testing.T) {
	if !tlsFields().known {
		t.Fatal("the fields of tls.Conn have changed: idle connections cost 16 KiB more; see shrink.go")
	}
	for name, version := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			server, client := tlsPair(t, version)
			record := bytes.Repeat([]byte("0123456789abcdef"), 1024)
			got := make([]byte, len(record))
			for range 3 {
				go client.Write(record)
				if _, err := io.ReadFull(server, got); err != nil || !bytes.Equal(got, record) {
					t.Fatalf("the record is not what was sent, error %v", err)
				}
				if held(server) < len(record)/4 {
					t.Fatalf("%d bytes held after a record of %d: nothing to test", held(server), len(record))
				}
				shrink(server)
				if held(server) > keptTLS {
					t.Fatalf("%d bytes held after shrink", held(server))
				}
			}
			go server.Write(record)
			if _, err := io.ReadFull(client, got); err != nil || !bytes.Equal(got, record) {
				t.Fatalf("the answer is not what was sent, error %v", err)
			}
		})
	}
}

func TestShrinkLeavesWhatIsUnread(t *testing.T) {
	server, client := tlsPair(t, tls.VersionTLS13)
	record := bytes.Repeat([]byte("0123456789abcdef"), 512)
	go func() { client.Write(record); client.Write(record) }()
	var got []byte
	piece := make([]byte, 100)
	for len(got) < 2*len(record) {
		n, err := server.Read(piece)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, piece[:n]...)
		shrink(server)
	}
	if !bytes.Equal(got[:len(record)], record) || !bytes.Equal(got[len(record):], record) {
		t.Fatal("bytes were lost or changed")
	}
}

// While another goroutine reads, shrink must keep off. The race detector watches.
func TestShrinkDuringARead(t *testing.T) {
	server, client := tlsPair(t, tls.VersionTLS13)
	done := make(chan error, 1)
	go func() {
		_, err := io.CopyN(io.Discard, server, 1<<20)
		done <- err
	}()
	go func() { client.Write(make([]byte, 1<<20)) }()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			return
		default:
			shrink(server)
		}
	}
}
