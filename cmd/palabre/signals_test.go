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

	"github.com/jackc/pgx/v5"

	"palabre/admin"
	"palabre/bench"
	"palabre/store/storetest"
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
	ended := c.terminate()
	for range cap(told) {
		if err := <-told; !strings.Contains(err.Error(), "system-shutdown") {
			t.Errorf("a client was told %v", err)
		}
	}
	if err := ended(); err != nil {
		t.Errorf("%v\n%s", err, &c.log)
	}
	c.says(`"msg":"stopped"`)
}

// terminate sends SIGTERM. What it returns waits for the end, and checks that it came in time.
func (c *child) terminate() func() error {
	c.t.Helper()
	start := time.Now()
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		c.t.Fatal(err)
	}
	return func() error {
		c.t.Helper()
		select {
		case err := <-c.end:
			if took := time.Since(start); took > 5*time.Second {
				c.t.Errorf("it took %v", took)
			}
			return err
		case <-time.After(20 * time.Second):
			c.t.Fatal("it does not end")
			return nil
		}
	}
}

// A database that hangs does not hold the end up: what was acknowledged is stored already.
func TestSIGTERMWhileTheDatabaseHangs(t *testing.T) {
	t.Parallel()
	url := storetest.Schema(t, storetest.URL(t))
	c := startChild(t, t.TempDir(), fmt.Sprintf("[database]\nurl = '%s'\n", url))
	s, err := c.login(c.user("alice"), nil)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), "BEGIN; LOCK TABLE epoch IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	if err := s.Send("<presence type='subscribe' to='bob@example.org'/>"); err != nil {
		t.Fatal(err)
	}
	c.poll("nothing waits for the database", func() (waits bool) {
		if err := conn.QueryRow(t.Context(), "SELECT COUNT(*) > 0 FROM pg_locks WHERE NOT granted AND relation = 'epoch'::regclass").Scan(&waits); err != nil {
			t.Fatal(err)
		}
		return waits
	})
	var status *exec.ExitError
	if err := c.terminate()(); !errors.As(err, &status) || status.ExitCode() != 1 {
		t.Errorf("it ended with %v", err)
	}
	c.says("palabre: it could not end in good order within 3.5s; what was acknowledged is stored. Does the database hang?")
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
