package daemon

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"palabre/admin"
	"palabre/store"
)

// expectFinding looks for one finding of a level whose text holds what it must.
func expectFinding(t *testing.T, list []Finding, level Level, about, text string) {
	t.Helper()
	for _, f := range list {
		if f.Level == level && f.About == about && strings.Contains(f.Text, text) {
			return
		}
	}
	t.Errorf("no finding %s %s %q in %+v", level, about, text, list)
}

// certify writes a certificate for names, good between two times, and its key.
func certify(t *testing.T, from, until time.Time, names ...string) TLS {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: names, NotBefore: from, NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := TLS{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	for name, block := range map[string]*pem.Block{files.Cert: {Type: "CERTIFICATE", Bytes: der}, files.Key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func TestDoctorOnCertificates(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	readable := certify(t, now.Add(-day), now.Add(90*day), "example.org")
	if err := os.Chmod(readable.Key, 0o644); err != nil {
		t.Fatal(err)
	}
	good := certify(t, now.Add(-day), now.Add(90*day), "example.org")
	for name, c := range map[string]struct {
		domain string
		files  TLS
		level  Level
		text   string
	}{
		"good":              {"example.org", good, Fine, "good until 2027-02-20"},
		"international":     {"bücher.example", certify(t, now.Add(-day), now.Add(90*day), "xn--bcher-kva.example"), Fine, "good until"},
		"another domain's":  {"example.net", good, Bad, "is for example.org, not for example.net"},
		"ended":             {"example.org", certify(t, now.Add(-9*day), now.Add(-day), "example.org"), Bad, "ended on 2026-11-21; renew it"},
		"ends soon":         {"example.org", certify(t, now.Add(-day), now.Add(9*day), "example.org"), Odd, "ends on 2026-12-01; renew it soon"},
		"not yet good":      {"example.org", certify(t, now.Add(day), now.Add(90*day), "example.org"), Bad, "is not good before 2026-11-23; is the clock right?"},
		"not there":         {"example.org", TLS{"none.pem", "none.key"}, Bad, "none.pem with the key none.key can't be used"},
		"key of another":    {"example.org", TLS{good.Cert, readable.Key}, Bad, "can't be used"},
		"key for everybody": {"example.org", readable, Bad, "can be read by everybody: run 'chmod 640"},
		"own":               {"example.org", TLS{}, Odd, "the server signs one by itself; most clients will ask"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := Config{Domains: []string{c.domain}, DataDir: t.TempDir(), TLS: c.files}
			expectFinding(t, examineCertificates(cfg, now), c.level, "certificate of "+c.domain, c.text)
		})
	}
}

func TestDoctorOnTheDNS(t *testing.T) {
	t.Parallel()
	r := record{"xmpp-client", "example.org", []string{"0.0.0.0:5222", "0.0.0.0:5322"}}
	for name, c := range map[string]struct {
		found []*net.SRV
		err   error
		level Level
		text  string
	}{
		"no record":        {nil, &net.DNSError{Err: "no such host", IsNotFound: true}, Odd, "there is no record _xmpp-client._tcp.example.org; add 'SRV 5 0 5222 HOST.'"},
		"an empty answer":  {nil, nil, Odd, "there is no record"},
		"no answer":        {nil, &net.DNSError{Err: "i/o timeout", IsTimeout: true}, Odd, "can't be looked up: "},
		"none by decision": {[]*net.SRV{{Target: "."}}, nil, Odd, "says that there is no such service"},
		"right":            {[]*net.SRV{{Target: "a.example.", Port: 1}, {Target: "chat.example.org.", Port: 5322}}, nil, Fine, "leads to chat.example.org., port 5322"},
		"another port":     {[]*net.SRV{{Target: "chat.example.org.", Port: 5269}}, nil, Odd, "leads to port 5269, on which this server does not listen"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expectFinding(t, []Finding{r.judge(c.found, c.err)}, c.level, "DNS", c.text)
		})
	}
}

func TestDoctorOnOpenFiles(t *testing.T) {
	t.Parallel()
	expectFinding(t, []Finding{examineFiles(1024)}, Odd, "open files", "enough for about 960 clients at once; for more, raise it: 'ulimit -n 65536'")
	expectFinding(t, []Finding{examineFiles(65536)}, Fine, "open files", "enough for about 65472 clients at once")
	expectFinding(t, []Finding{examineFiles(10)}, Odd, "open files", "about 0 clients")
}

func TestDoctorOnTheDataDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, open := filepath.Join(dir, "file"), filepath.Join(dir, "open")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(open, 0o755); err != nil {
		t.Fatal(err)
	}
	type directory struct {
		dir   string
		level Level
		text  string
	}
	cases := map[string]directory{
		"to be made":     {filepath.Join(dir, "a", "b"), Odd, "does not exist yet; the server makes it"},
		"a file":         {file, Bad, "is a file; name a folder in data_dir"},
		"in a file":      {filepath.Join(file, "data"), Bad, "not a directory"},
		"open to others": {open, Bad, "can be read by others: run 'chmod 700 "},
	}
	if os.Geteuid() != 0 { // root may write anywhere
		cases["can't be made"] = directory{"/proc/palabre/data", Bad, "this user can't make it in /proc"}
		cases["can't be written to"] = directory{"/proc", Bad, "this user can't write to /proc"}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expectFinding(t, examineDirectory(Config{DataDir: c.dir}), c.level, "data directory", c.text)
		})
	}
}

func TestDoctorOnTheFile(t *testing.T) {
	t.Parallel()
	path := write(t, "[database]\nurl = 'postgres://palabre:sekrit@db/palabre'\n")
	cfg, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	expectFinding(t, examineFile(cfg), Fine, "configuration", path)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	expectFinding(t, examineFile(cfg), Bad, "configuration", "holds the database's password and can be read by everybody")
	expectFinding(t, examineFile(Default()), Fine, "configuration", "none: the defaults, for this machine only")
}

func TestDoctorOnPorts(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	cfg := Config{Listen: Listen{C2S: []string{ln.Addr().String()}, Metrics: []string{"192.0.2.1:80"}}}
	list := examinePorts(cfg)
	expectFinding(t, list, Bad, "ports", ln.Addr().String()+" is in use by another program")
	expectFinding(t, list, Bad, "ports", "this machine does not have the address 192.0.2.1:80")
	expectFinding(t, examinePorts(Config{Listen: Listen{C2S: []string{"127.0.0.1:0"}}}), Fine, "ports", "all are free")
}

// The doctor leaves nothing behind where nothing was.
func TestDoctorChangesNothing(t *testing.T) {
	t.Parallel()
	cfg := Default()
	cfg.DataDir, cfg.Listen = filepath.Join(t.TempDir(), "data"), Listen{}
	expectFinding(t, Examine(context.Background(), cfg), Fine, "database", "SQLite, durability: local; the server makes its tables")
	if _, err := os.Stat(cfg.DataDir); !os.IsNotExist(err) {
		t.Errorf("the data directory: %v", err)
	}
}

func TestDoctorOnAServerThatRuns(t *testing.T) {
	t.Parallel()
	cfg := Config{Domains: []string{"example.org"}}
	status := &admin.ServerStatus{
		Version: "1.2", Domains: []string{"example.org"}, Sessions: 3, Files: 65536, Listen: []admin.Endpoint{{Service: "c2s", Address: "[::]:5222"}},
		Database: admin.DatabaseStatus{Engine: "PostgreSQL", Version: "15", Durability: "unsafe", Warnings: []string{"fsync is off"}},
	}
	list := examineServer(cfg, status)
	expectFinding(t, list, Fine, "server", "version 1.2, 3 sessions")
	expectFinding(t, list, Fine, "ports", "it listens on c2s [::]:5222")
	expectFinding(t, list, Fine, "open files", "65472 clients")
	expectFinding(t, list, Bad, "database", "PostgreSQL 15, durability: unsafe")
	expectFinding(t, list, Odd, "database", "fsync is off")

	status.Domains, status.Database = []string{"old.example"}, admin.DatabaseStatus{Engine: "SQLite", Error: "the database is away"}
	list = examineServer(cfg, status)
	expectFinding(t, list, Odd, "server", "it serves old.example; the configuration has changed since it started: restart it")
	expectFinding(t, list, Bad, "database", "SQLite: the database is away")
}

func TestDoctorOnDatabases(t *testing.T) {
	t.Parallel()
	expectFinding(t, durability(store.Durability{Engine: "PostgreSQL", Version: "15", Level: store.Replicated}, ""), Fine, "database", "PostgreSQL 15, durability: replicated")
	expectFinding(t, durability(store.Durability{Engine: "PostgreSQL", Version: "15", Level: store.Unsafe}, ""), Bad, "database", "unsafe")
	cfg := Default()
	cfg.DataDir, cfg.Database.URL = t.TempDir(), "postgres:///palabre?host=/nonexistent"
	expectFinding(t, examineDatabase(t.Context(), cfg), Bad, "database", "the PostgreSQL server at /nonexistent does not answer")
}
