package c2s

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	// SelfSignedFile is the file in the data directory that holds the server's own certificate, and its key.
	SelfSignedFile = "self-signed.pem"
	// What people may put among the certificates that their system trusts is refused by some if it lives longer.
	selfSignedLife = 825 * 24 * time.Hour
	renewBefore    = 30 * 24 * time.Hour
)

// selfSigned gives the certificate that the server has made for itself, or makes one if there is none for these domains, or its end is near.
// The key stays what it was: whoever has noted it recognises the new certificate.
func (c *Certificates) selfSigned(domains []string) (*tls.Certificate, time.Time, error) {
	path := filepath.Join(c.opts.Dir, SelfSignedFile)
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, time.Time{}, fmt.Errorf("the server's own certificate can't be read: %w", err)
	}
	cert, err := tls.X509KeyPair(old, old)
	if err == nil && c.usable(cert.Leaf, domains) {
		return &cert, cert.Leaf.NotAfter.Add(-renewBefore), nil
	}
	key, _ := cert.PrivateKey.(*ecdsa.PrivateKey)
	made, err := c.makePEM(key, domains)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("make a self-signed certificate: %w", err)
	}
	if err := replaceFile(path, made); err != nil {
		return nil, time.Time{}, fmt.Errorf("the server's own certificate can't be written: %w", err)
	}
	if cert, err = tls.X509KeyPair(made, made); err != nil {
		return nil, time.Time{}, fmt.Errorf("make a self-signed certificate: %w", err)
	}
	return &cert, cert.Leaf.NotAfter.Add(-renewBefore), nil
}

func (c *Certificates) usable(leaf *x509.Certificate, domains []string) bool {
	now := c.opts.Now()
	if now.Before(leaf.NotBefore) || now.After(leaf.NotAfter.Add(-renewBefore)) {
		return false
	}
	for _, d := range domains {
		if leaf.VerifyHostname(d) != nil {
			return false
		}
	}
	return true
}

// makePEM makes a certificate, and a key if there is none, as a file holds them.
func (c *Certificates) makePEM(key *ecdsa.PrivateKey, domains []string) ([]byte, error) {
	if key == nil {
		var err error
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return nil, err
		}
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	now := c.opts.Now()
	t := &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)), Subject: pkix.Name{CommonName: domains[0]},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(selfSignedLife), // clients' clocks may be behind
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	for _, d := range domains {
		if ip := net.ParseIP(d); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, d)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), crypto.Signer(key))
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	_ = pem.Encode(&b, &pem.Block{Type: "PRIVATE KEY", Bytes: private})
	return b.Bytes(), nil
}

// replaceFile writes a file that only we may read, whole or not at all.
func replaceFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
