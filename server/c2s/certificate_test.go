package c2s_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"palabre/server/c2s"
)

// shown is the certificate that a client gets that asks for a name.
func shown(t *testing.T, c *c2s.Certificates, name string) *x509.Certificate {
	t.Helper()
	cert, err := c.GetCertificate(&tls.ClientHelloInfo{ServerName: name})
	must(t, err)
	return cert.Leaf
}

// writePair writes a certificate for names, and gives its files.
func writePair(t *testing.T, domain string, names ...string) c2s.KeyPair {
	t.Helper()
	dir := t.TempDir()
	p := c2s.KeyPair{Domain: domain, Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	rewrite(t, p, names...)
	return p
}

func rewrite(t *testing.T, p c2s.KeyPair, names ...string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: names, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	must(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	must(t, os.WriteFile(p.Cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	must(t, os.WriteFile(p.Key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
}

func TestSelfSigned(t *testing.T) {
	t.Parallel()
	now := time.Now()
	o := c2s.CertificateOptions{Dir: t.TempDir(), Domains: []string{"example.org", "Bücher.example", "192.0.2.7"}, Now: func() time.Time { return now }}
	open := func() *c2s.Certificates {
		c, err := c2s.OpenCertificates(o)
		must(t, err)
		return c
	}
	c := open()
	first := shown(t, c, "")
	for _, name := range []string{"example.org", "xn--bcher-kva.example", "192.0.2.7"} {
		if err := first.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	if again := shown(t, open(), "other.example"); !again.Equal(first) {
		t.Error("another certificate after a restart")
	}
	files, err := os.ReadDir(o.Dir)
	must(t, err)
	if len(files) != 1 {
		t.Errorf("%d files", len(files))
	}
	if info, err := files[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key can be read by others: %v %v", info.Mode(), err)
	}

	now = first.NotAfter.Add(-31 * 24 * time.Hour)
	if !shown(t, c, "").Equal(first) {
		t.Error("renewed too early")
	}
	now = first.NotAfter.Add(-29 * 24 * time.Hour)
	second := shown(t, c, "")
	if second.Equal(first) || !second.NotAfter.After(first.NotAfter) {
		t.Error("not renewed")
	}
	if !second.PublicKey.(*ecdsa.PublicKey).Equal(first.PublicKey) {
		t.Error("the key is another one")
	}
	if !shown(t, open(), "").Equal(second) {
		t.Error("the new one is not kept")
	}
	o.Domains = append(o.Domains, "example.net")
	if err := shown(t, open(), "").VerifyHostname("example.net"); err != nil {
		t.Error(err)
	}
}

// TestRenewalFails: the old certificate goes on, and somebody hears of it.
func TestRenewalFails(t *testing.T) {
	t.Parallel()
	now := time.Now()
	book := &logBook{}
	o := c2s.CertificateOptions{Dir: t.TempDir(), Domains: []string{domain}, Now: func() time.Time { return now }, Log: slog.New(slog.NewTextHandler(book, nil))}
	c, err := c2s.OpenCertificates(o)
	must(t, err)
	first := shown(t, c, "")
	must(t, os.RemoveAll(o.Dir))
	now = first.NotAfter
	for range 3 {
		if !shown(t, c, "").Equal(first) {
			t.Error("another certificate")
		}
	}
	if n := strings.Count(book.String(), "could not be renewed"); n != 1 {
		t.Errorf("%d complaints, want 1 an hour", n)
	}
	must(t, os.Mkdir(o.Dir, 0o700))
	now = now.Add(61 * time.Minute)
	if shown(t, c, "").Equal(first) {
		t.Error("not renewed once it was possible")
	}
}

func TestChoice(t *testing.T) {
	t.Parallel()
	all, one := writePair(t, "", "example.org", "example.net"), writePair(t, "example.net", "example.net")
	c, err := c2s.OpenCertificates(c2s.CertificateOptions{Dir: t.TempDir(), Domains: []string{"example.org", "example.net"}, Pairs: []c2s.KeyPair{all, one}})
	must(t, err)
	for name, want := range map[string]int{"example.org": 2, "example.net": 1, "EXAMPLE.net.": 1, "": 2, "other.example": 2} {
		if got := len(shown(t, c, name).DNSNames); got != want {
			t.Errorf("%q: a certificate for %d names, want %d", name, got, want)
		}
	}
	c, err = c2s.OpenCertificates(c2s.CertificateOptions{Dir: t.TempDir(), Domains: []string{"example.org", "example.net"}, Pairs: []c2s.KeyPair{one}})
	must(t, err)
	if got := shown(t, c, "example.org"); got.VerifyHostname("example.org") != nil || got.VerifyHostname("example.net") == nil {
		t.Errorf("the rest has a certificate for %v", got.DNSNames)
	}
	c, err = c2s.OpenCertificates(c2s.CertificateOptions{Domains: []string{"example.net"}, Pairs: []c2s.KeyPair{one}})
	must(t, err)
	if got := shown(t, c, ""); got.VerifyHostname("example.net") != nil {
		t.Errorf("who names nobody gets a certificate for %v", got.DNSNames)
	}
}

// TestReload: a new file counts at once, a bad one changes nothing, and sessions stay.
func TestReload(t *testing.T) {
	t.Parallel()
	pair := writePair(t, "", domain)
	c, err := c2s.OpenCertificates(c2s.CertificateOptions{Domains: []string{domain}, Pairs: []c2s.KeyPair{pair}})
	must(t, err)
	w := newWorld(t, func(o *c2s.Options) { o.Certificates = c })
	l := w.login(t, juliet, "balcony")
	seen := func() *x509.Certificate {
		return w.dialTLS(t).conn.(*tls.Conn).ConnectionState().PeerCertificates[0]
	}
	first := seen()
	must(t, os.WriteFile(pair.Cert, []byte("no certificate"), 0o600))
	if err := c.Reload(); err == nil || !strings.Contains(err.Error(), pair.Cert) {
		t.Errorf("a bad file: %v", err)
	}
	if !seen().Equal(first) {
		t.Error("another certificate after a bad file")
	}
	rewrite(t, pair, domain)
	must(t, c.Reload())
	if seen().Equal(first) {
		t.Error("the old certificate after a new file")
	}
	l.fence()
}

func TestBadFiles(t *testing.T) {
	t.Parallel()
	a, b := writePair(t, "", domain), writePair(t, "", domain)
	for name, p := range map[string]c2s.KeyPair{
		"no file":             {Cert: filepath.Join(t.TempDir(), "none"), Key: a.Key},
		"the key of another":  {Cert: a.Cert, Key: b.Key},
		"the wrong way round": {Cert: a.Key, Key: a.Cert},
	} {
		if _, err := c2s.OpenCertificates(c2s.CertificateOptions{Domains: []string{domain}, Pairs: []c2s.KeyPair{p}}); err == nil || !strings.Contains(err.Error(), p.Cert) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c2s.OpenCertificates(c2s.CertificateOptions{Dir: filepath.Join(t.TempDir(), "none"), Domains: []string{domain}}); err == nil {
		t.Error("a self-signed certificate without a place to keep it")
	}
}

// TestWarnings: what clients will refuse is told to the administrator.
func TestWarnings(t *testing.T) {
	t.Parallel()
	book := &logBook{}
	o := c2s.CertificateOptions{
		Domains: []string{"example.org", "example.net"}, Pairs: []c2s.KeyPair{writePair(t, "", "example.org")}, Log: slog.New(slog.NewTextHandler(book, nil)),
		Now: func() time.Time { return time.Now().Add(2 * time.Hour) },
	}
	_, err := c2s.OpenCertificates(o)
	must(t, err)
	if log := book.String(); strings.Count(log, "domain=example.net") != 1 || strings.Contains(log, "domain=example.org") || !strings.Contains(log, "not valid today") {
		t.Errorf("the log says\n%s", log)
	}
}

// TestNameOfTheStream: a client that names no host in TLS gets the certificate of the domain that it named before (RFC 6120 §5.4.3.1).
func TestNameOfTheStream(t *testing.T) {
	t.Parallel()
	pairs := []c2s.KeyPair{writePair(t, domain, domain), writePair(t, second, second)}
	c, err := c2s.OpenCertificates(c2s.CertificateOptions{Domains: []string{domain, second}, Pairs: pairs})
	must(t, err)
	w := newWorld(t, func(o *c2s.Options) { o.Certificates = c })
	for _, name := range []string{domain, second} {
		l := w.dial(t)
		l.send(headerTo(name))
		l.until("</stream:features>")
		l.send(starttls)
		l.until("/>")
		tc := tls.Client(l.conn, &tls.Config{InsecureSkipVerify: true})
		must(t, tc.Handshake())
		if err := tc.ConnectionState().PeerCertificates[0].VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
}

// TestTLS: what is refused at the handshake, and counted.
func TestTLS(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, config := range map[string]*tls.Config{
		"TLS 1.1":                {MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10},
		"another protocol":       {NextProtos: []string{"http/1.1", "h2"}},
		"the protocol of others": {NextProtos: []string{"xmpp-server"}},
	} {
		config.InsecureSkipVerify = true
		if conn, err := tls.Dial("tcp", w.direct.String(), config); err == nil {
			conn.Close()
			t.Errorf("%s: accepted", name)
		}
	}
	conn, err := tls.Dial("tcp", w.direct.String(), &tls.Config{InsecureSkipVerify: true})
	must(t, err) // without ALPN (XEP-0368 §3)
	conn.Close()
	l := w.dial(t)
	l.conn.Close()
	must(t, w.c2s.Shutdown(t.Context()))
	if n := w.c2s.Stats.HandshakeFailures(); n != 3 {
		t.Errorf("%d failed handshakes counted, want 3", n)
	}
}
