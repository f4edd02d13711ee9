package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"palabre/bench"
)

// domain is served by all; it ends in a name that is reserved and resolves nowhere.
const domain = "bench.invalid"

// A site is what all servers share: the folder, the users, the certificate.
type site struct {
	dir      string
	cert     string // PEM file of the certificate
	key      string // PEM file of its key
	password string
	idle     []bench.User // for connect, unacked, muc and enter
	readers  []bench.User // for archive
	active   []bench.User // for all else
}

const (
	activeUsers  = 100 // 50 pairs in chat, and in presence people with 50 contacts each
	readers      = 4   // archives that are read: each is filled once
	unackedUsers = 501 // 500 who do not acknowledge, and who writes to them
	enterUsers   = 1100
)

func newSite(dir string, sessions int) (*site, error) {
	s := &site{dir: dir, cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem"), password: rand.Text()}
	var err error
	if s.idle, err = bench.NumberedUsers("idle", domain, s.password, sessions); err != nil {
		return nil, err
	}
	if s.active, err = bench.NumberedUsers("user", domain, s.password, activeUsers); err != nil {
		return nil, err
	}
	if s.readers, err = bench.NumberedUsers("reader", domain, s.password, readers); err != nil {
		return nil, err
	}
	return s, s.certify()
}

// users are all users.
func (s *site) users() []bench.User {
	return slices.Concat(s.idle, s.readers, s.active)
}

// certify makes a self-signed certificate for ECDSA P-256.
func (s *site) certify() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: domain},
		DNSNames:     []string{domain, "conference." + domain},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := writePEM(s.cert, "CERTIFICATE", cert); err != nil {
		return err
	}
	return writePEM(s.key, "PRIVATE KEY", private)
}

// writePEM writes a file that the servers' users can read: the key is worth nothing outside of this run.
func writePEM(name, kind string, der []byte) error {
	return os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o644)
}

// folder makes a folder for one server, which belongs to the user that the server runs as.
func (s *site) folder(name string, as *account) (string, error) {
	dir := filepath.Join(s.dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	return dir, as.own(dir)
}

// write makes a file of a template, which all can read.
func write(name string, t *template.Template, values map[string]string) error {
	var text strings.Builder
	if err := t.Execute(&text, values); err != nil {
		return err
	}
	return os.WriteFile(name, []byte(text.String()), 0o644)
}

// freePort finds a port that nobody uses now.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("no free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
