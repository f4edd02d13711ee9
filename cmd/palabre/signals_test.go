package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"palabre/admin"
	"palabre/bench"
	"palabre/xmpp"
)

// A child is a server that runs as a process of its own.
type child struct {
	t    *testing.T
	cmd  *exec.Cmd
	dir  string
	addr string
	mu   sync.Mutex
	log  bytes.Buffer
	end  chan error
}

// Write takes what the server writes to its standard error.
func (c *child) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.log.Write(b)
}

// says waits until the log holds a text.
func (c *child) says(text string) {
	c.t.Helper()
	c.poll("the log does not say "+text, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return strings.Contains(c.log.String(), text)
	})
}

func (c *child) poll(otherwise string, done func() bool) {
	c.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.t.Fatalf("%s:\n%s", otherwise, &c.log)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// startChild starts "palabre serve" in a folder of its own, with more lines for its configuration, and waits until it answers.
func startChild(t *testing.T, dir, more string) *child {
	t.Helper()
	addr, err := freeAddr()
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("domains = ['example.org']\ndata_dir = 'data'\n[listen]\nc2s = ['%s']\nc2s_tls = []\nhttps = []\nmetrics = []\n[auth]\niterations = 4096\n%s", addr, more)
	if err := os.WriteFile(filepath.Join(dir, "palabre.toml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &child{t: t, dir: dir, addr: addr, cmd: exec.Command("palabre", "serve"), end: make(chan error, 1)}
	c.cmd.Dir, c.cmd.Stderr = dir, c
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { c.end <- c.cmd.Wait() }() // ends with the process
	t.Cleanup(func() { _ = c.cmd.Process.Kill() })
	c.poll("no server answers", func() bool {
		r, err := admin.Dial(filepath.Join(dir, "data"))
		if err == nil {
			r.Close()
		}
		return err == nil
	})
	return c
}

// user makes an account through the command line.
func (c *child) user(name string) bench.User {
	c.t.Helper()
	add := exec.Command("palabre", "user", "add", name+"@example.org")
	add.Dir, add.Stdin = c.dir, strings.NewReader("secret\n")
	if out, err := add.CombinedOutput(); err != nil {
		c.t.Fatalf("%v: %s", err, out)
	}
	return bench.User{JID: xmpp.MustParseJID(name + "@example.org"), Password: "secret"}
}

func (c *child) login(u bench.User, roots *x509.CertPool) (*bench.Session, error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	d := &bench.Dialer{Address: c.addr, Roots: roots}
	s, err := d.Login(ctx, u, func(*bench.Session, *xmpp.Stanza) {})
	if err == nil {
		c.t.Cleanup(s.Abort)
	}
	return s, err
}

// At SIGTERM clients are told, those that can't be told do not hold the server up, and it ends well within 5 s.
func TestSIGTERM(t *testing.T) {
	t.Parallel()
	c := startChild(t, t.TempDir(), "")
	told := make(chan error, 3)
	for _, name := range []string{"alice", "bob", "carol"} {
		s, err := c.login(c.user(name), nil)
		if err != nil {
			t.Fatal(err)
		}
		s.OnLost(func(_ *bench.Session, err error) { told <- err })
	}
	silent, err := net.Dial("tcp", c.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	start := time.Now()
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for range cap(told) {
		if err := <-told; !strings.Contains(err.Error(), "system-shutdown") {
			t.Errorf("a client was told %v", err)
		}
	}
	select {
	case err := <-c.end:
		if err != nil {
			t.Errorf("%v\n%s", err, &c.log)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	c.says(`"msg":"stopped"`)
}

// At SIGHUP the certificate is read anew: whoever is connected stays so, whoever comes sees the new one, and a bad file changes nothing.
func TestSIGHUP(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := certify(t, dir)
	c := startChild(t, dir, "[tls]\ncert = 'cert.pem'\nkey = 'key.pem'\n")
	alice := c.user("alice")
	session, err := c.login(alice, first)
	if err != nil {
		t.Fatal(err)
	}
	hup := func(says string) {
		t.Helper()
		if err := c.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		c.says(says)
		if err := session.Fence(t.Context()); err != nil {
			t.Fatalf("the session from before: %v", err)
		}
	}
	second := certify(t, dir)
	hup("certificate read anew")
	var unknown *tls.CertificateVerificationError
	if _, err := c.login(alice, first); !errors.As(err, &unknown) {
		t.Errorf("the old certificate is shown still: %v", err)
	}
	if _, err := c.login(alice, second); err != nil {
		t.Errorf("the new one: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cert.pem"), []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	hup("the certificate stays as it was")
	if _, err := c.login(alice, second); err != nil {
		t.Errorf("after a bad file: %v", err)
	}
}

// certify writes cert.pem and key.pem for example.org, and gives what to check them against.
func certify(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{"example.org"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for name, text := range map[string][]byte{"cert.pem": cert, "key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	return pool
}
