package account_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
)

// handshake makes a TLS connection over a pipe and gives both ends' states.
func handshake(t *testing.T) (client, srv tls.ConnectionState) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{domain}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	near, far := net.Pipe()
	server := tls.Server(far, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	done := make(chan error, 1)
	go func() {
		err := server.Handshake()
		if err == nil {
			_, err = server.Read(make([]byte, 1))
		}
		done <- err
	}()
	c := tls.Client(near, &tls.Config{InsecureSkipVerify: true})
	must(t, c.Handshake())
	_, err = c.Write([]byte("x"))
	must(t, err)
	must(t, <-done)
	client, srv = c.ConnectionState(), server.ConnectionState()
	near.Close()
	far.Close()
	return client, srv
}
