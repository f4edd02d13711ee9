package main

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

// prosody keeps its accounts and rosters in its own files, its default, and the archive in a database.
type prosody struct {
	site *site
	as   *account
	dir  string
	port int
	db   *cluster // nil if no archive is there
}

func (p *prosody) Name() string    { return "Prosody" }
func (p *prosody) Version() string { return packageVersion("prosody") }

func (p *prosody) Packages(engines []engine) []string {
	packages := []string{"prosody"}
	if slices.Contains(engines, inPostgreSQL) {
		packages = append(packages, "lua-dbi-postgresql")
	}
	if slices.Contains(engines, inSQLite) {
		packages = append(packages, "lua-dbi-sqlite3")
	}
	return packages
}

var prosodyConfig = template.Must(template.New("").Parse(`
pidfile = "{{.Dir}}/prosody.pid"
data_path = "{{.Dir}}/data"
log = { warn = "{{.Dir}}/prosody.log" }
network_backend = "epoll"
interfaces = { "127.0.0.1" }
c2s_ports = { {{.Port}} }
c2s_direct_tls_ports = {}
c2s_require_encryption = true
ssl = { certificate = "{{.Cert}}", key = "{{.Key}}", protocol = "tlsv1_3" }
authentication = "internal_hashed"
password_hash = "SHA-256"
default_storage = "internal"
{{if eq .Engine "sqlite"}}
storage = { archive = "sql", muc_log = "sql" }
sql = { driver = "SQLite3", database = "{{.Dir}}/archive.sqlite" }
{{else if eq .Engine "postgresql"}}
storage = { archive = "sql", muc_log = "sql" }
sql = { driver = "PostgreSQL", database = "{{.Role}}", username = "{{.Role}}", host = "127.0.0.1", port = {{.Database}} }
{{end}}
default_archive_policy = true
modules_enabled = {
	{{if ne .Engine "off"}}"mam",{{end}}
	"blocklist", "carbons", "csi", "disco", "lastactivity", "pep", "ping", "private", "roster", "saslauth", "smacks",
	"time", "tls", "uptime", "vcard4", "vcard_legacy", "version",
}
modules_disabled = { "s2s", "s2s_auth_certs" }

VirtualHost "{{.Domain}}"
Component "conference.{{.Domain}}" "muc"
	{{if ne .Engine "off"}}modules_enabled = { "muc_mam" }{{end}}
`))

func (p *prosody) Prepare(ctx context.Context, engines []engine) error {
	var err error
	if p.as, err = unprivileged("prosody"); err != nil {
		return err
	}
	if p.dir, err = p.site.folder("prosody", p.as); err != nil {
		return err
	}
	if p.port, err = freePort(); err != nil {
		return err
	}
	values := map[string]string{"Dir": p.dir, "Domain": domain, "Cert": p.site.cert, "Key": p.site.key, "Port": strconv.Itoa(p.port), "Role": role}
	if slices.Contains(engines, inPostgreSQL) {
		if p.db, err = newCluster(ctx, p.site, "prosody-postgresql"); err != nil {
			return err
		}
		values["Database"] = strconv.Itoa(p.db.port)
	}
	for _, e := range engines {
		values["Engine"] = string(e)
		if err := write(p.config(e), prosodyConfig, values); err != nil {
			return err
		}
	}
	if err := p.register(); err != nil {
		return err
	}
	return p.as.own(p.dir)
}

func (p *prosody) config(e engine) string { return filepath.Join(p.dir, string(e)+".cfg.lua") }

// register writes the accounts as Prosody's mod_auth_internal_hashed does, all with one salt: the password is stretched once.
func (p *prosody) register() error {
	record, err := prosodyAccount(p.site.password, "palabre-compare", 10_000)
	if err != nil {
		return err
	}
	dir := filepath.Join(p.dir, "data", strings.ReplaceAll(domain, ".", "%2e"), "accounts")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, u := range p.site.users() {
		if err := os.WriteFile(filepath.Join(dir, u.JID.Local()+".dat"), record, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// prosodyAccount is the file of one account, for SCRAM-SHA-256 (RFC 5802 §3, RFC 7677).
func prosodyAccount(password, salt string, iterations int) ([]byte, error) {
	salted, err := pbkdf2.Key(sha256.New, password, []byte(salt), iterations, sha256.Size)
	if err != nil {
		return nil, err
	}
	mac := func(text string) []byte {
		h := hmac.New(sha256.New, salted)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	stored := sha256.Sum256(mac("Client Key"))
	return fmt.Appendf(nil, "return {\n\t[\"iteration_count\"] = %d;\n\t[\"salt\"] = %q;\n\t[\"stored_key\"] = %q;\n\t[\"server_key\"] = %q;\n};\n",
		iterations, salt, hex.EncodeToString(stored[:]), hex.EncodeToString(mac("Server Key"))), nil
}

func (p *prosody) Start(ctx context.Context, e engine) (*process, error) {
	return p.db.startOn(ctx, e, func() (*process, error) {
		return start(ctx, p.as.command(ctx, p.dir, nil, "prosody", "-F", "--config", p.config(e)), p.port, nil)
	})
}
