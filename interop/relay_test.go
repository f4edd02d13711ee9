package interop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// A relay takes mail over TLS, and shows a certificate that only who knows its authority trusts.
type relay struct {
	*smtp.Server
	configuration string // of a server that sends its mail here
	taken         chan envelope
}

// An envelope is a mail as the relay has got it.
type envelope struct {
	from   string
	to     []string
	data   []byte
	secure bool
}

type relaySession struct {
	relay *relay
	conn  *smtp.Conn
	mail  envelope
}

// newRelay starts a relay. With starttls it begins without TLS.
func newRelay(t *testing.T, starttls bool) *relay {
	t.Helper()
	cert, ca := newCertificate(t)
	file := filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca}), 0o600))
	r := &relay{taken: make(chan envelope, 10)}
	r.Server = smtp.NewServer(r)
	r.Domain = "relay.example.org"
	r.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	mode := "starttls"
	if !starttls {
		mode, ln = "tls", tls.NewListener(ln, r.TLSConfig)
	}
	r.configuration = fmt.Sprintf("[smtp]\naddress = '%s'\ntls = '%s'\nca_file = '%s'\nfrom = 'chat@example.org'\n", ln.Addr(), mode, file)
	var serving sync.WaitGroup
	serving.Go(func() { _ = r.Serve(ln) })
	t.Cleanup(func() { _ = r.Close(); serving.Wait() })
	return r
}

// newCertificate makes one for 127.0.0.1, and an authority that has signed it.
func newCertificate(t *testing.T) (cert tls.Certificate, ca []byte) {
	t.Helper()
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "An authority"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	ca, err = x509.CreateCertificate(rand.Reader, root, root, key.Public(), key)
	must(t, err)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: root.NotBefore, NotAfter: root.NotAfter, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	der, err := x509.CreateCertificate(rand.Reader, leaf, root, own.Public(), key)
	must(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: own}, ca
}

// NewSession is part of smtp.Backend.
func (r *relay) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &relaySession{relay: r, conn: c}, nil
}

func (s *relaySession) Mail(from string, _ *smtp.MailOptions) error {
	_, secure := s.conn.TLSConnectionState()
	s.mail = envelope{from: from, secure: secure}
	return nil
}

func (s *relaySession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.to = append(s.mail.to, to)
	return nil
}

func (s *relaySession) Data(r io.Reader) (err error) {
	if s.mail.data, err = io.ReadAll(r); err == nil {
		s.relay.taken <- s.mail
	}
	return err
}

func (s *relaySession) Reset() {}

func (s *relaySession) Logout() error { return nil }

// next is the next mail.
func (r *relay) next(t *testing.T) envelope {
	t.Helper()
	select {
	case e := <-r.taken:
		return e
	case <-time.After(time.Minute):
		t.Fatal("no mail came")
	}
	return envelope{}
}

// none tells of mail that should not be there.
func (r *relay) none(t *testing.T) {
	t.Helper()
	select {
	case e := <-r.taken:
		t.Errorf("a mail to %v", e.to)
	default:
	}
}
