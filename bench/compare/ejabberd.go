package main

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"

	_ "modernc.org/sqlite"
)

// ejabberd is run without its control script: one Erlang node that is not distributed, so that there is no epmd
// to be left behind. It keeps its accounts and rosters in Mnesia, its default, and the archive in a database.
type ejabberd struct {
	site *site
	as   *account
	dir  string
	port int
	db   *cluster // nil if no archive is there
}

func (e *ejabberd) Name() string    { return "ejabberd" }
func (e *ejabberd) Version() string { return packageVersion("ejabberd") }

func (e *ejabberd) Packages(engines []engine) []string {
	packages := []string{"ejabberd"}
	if slices.Contains(engines, inPostgreSQL) {
		packages = append(packages, "erlang-p1-pgsql")
	}
	if slices.Contains(engines, inSQLite) {
		packages = append(packages, "erlang-p1-sqlite3")
	}
	return packages
}

// ejabberdSchemas is where Debian keeps the tables that ejabberd expects in a database.
const ejabberdSchemas = "/usr/share/ejabberd/sql"

// ejabberdLibs is where Debian keeps ejabberd's Erlang applications.
const ejabberdLibs = "/usr/lib/x86_64-linux-gnu"

var ejabberdConfig = template.Must(template.New("").Parse(`
hosts: ["{{.Domain}}"]
loglevel: warning
certfiles: ["{{.Cert}}", "{{.Key}}"]
ca_file: "{{.Cert}}"
c2s_protocol_options: [no_sslv3, no_tlsv1, no_tlsv1_1, no_tlsv1_2]
auth_method: internal
auth_password_format: scram
auth_scram_hash: sha256
disable_sasl_mechanisms: [digest-md5, plain, x-oauth2]
listen:
  -
    port: {{.Port}}
    ip: "127.0.0.1"
    module: ejabberd_c2s
    max_stanza_size: 262144
    shaper: none
    access: all
    starttls_required: true
acl: {}
{{if eq .Engine "sqlite"}}
sql_type: sqlite
sql_database: "{{.Dir}}/archive.sqlite"
{{else if eq .Engine "postgresql"}}
sql_type: pgsql
sql_server: "127.0.0.1"
sql_port: {{.Database}}
sql_database: "{{.Role}}"
sql_username: "{{.Role}}"
sql_password: ""
{{end}}
modules:
  {{- if ne .Engine "off"}}
  mod_mam:
    db_type: sql
    default: always
  {{- end}}
  mod_blocking: {}
  mod_caps: {}
  mod_carboncopy: {}
  mod_client_state: {}
  mod_disco: {}
  mod_last: {}
  mod_muc:
    host: "conference.@HOST@"
    max_users: 5000
    max_users_presence: 5000
    default_room_options:
      max_users: 5000
      mam: {{ne .Engine "off"}}
  mod_offline: {}
  mod_ping: {}
  mod_privacy: {}
  mod_private: {}
  mod_pubsub:
    plugins: [flat, pep]
  mod_roster:
    versioning: true
  mod_stream_mgmt: {}
  mod_vcard: {}
  mod_version: {}
`))

// register makes all users with one SCRAM record, in Erlang: the password is stretched once.
const register = `
{ok, Text} = file:read_file("users"),
Scram = ejabberd_auth:password_to_scram(<<"DOMAIN">>, <<"PASSWORD">>),
[ejabberd_auth_mnesia:try_register(U, <<"DOMAIN">>, Scram) || U <- binary:split(Text, <<"\n">>, [global, trim_all])],
ok = file:write_file("ready", <<>>).`

func (e *ejabberd) Prepare(ctx context.Context, engines []engine) error {
	var err error
	if e.as, err = unprivileged("ejabberd"); err != nil {
		return err
	}
	if e.dir, err = e.site.folder("ejabberd", e.as); err != nil {
		return err
	}
	if e.port, err = freePort(); err != nil {
		return err
	}
	var users strings.Builder
	for _, u := range e.site.users() {
		users.WriteString(u.JID.Local() + "\n")
	}
	if err := os.WriteFile(filepath.Join(e.dir, "users"), []byte(users.String()), 0o644); err != nil {
		return err
	}
	for _, archive := range engines {
		if err := e.configure(ctx, archive); err != nil {
			return err
		}
	}
	return e.as.own(e.dir)
}

// configure makes the configuration for an engine, and the tables, which this version does not make itself.
func (e *ejabberd) configure(ctx context.Context, archive engine) (err error) {
	values := map[string]string{"Dir": e.dir, "Domain": domain, "Cert": e.site.cert, "Key": e.site.key, "Port": strconv.Itoa(e.port), "Engine": string(archive), "Role": role}
	switch archive {
	case inSQLite:
		err = e.createSQLite(ctx)
	case inPostgreSQL:
		if e.db, err = newCluster(ctx, e.site, "ejabberd-postgresql"); err == nil {
			values["Database"] = strconv.Itoa(e.db.port)
			err = e.db.load(ctx, filepath.Join(ejabberdSchemas, "pg.sql"))
		}
	}
	if err != nil {
		return err
	}
	return write(e.config(archive), ejabberdConfig, values)
}

func (e *ejabberd) config(archive engine) string { return filepath.Join(e.dir, string(archive)+".yml") }

func (e *ejabberd) createSQLite(ctx context.Context) error {
	schema, err := os.ReadFile(filepath.Join(ejabberdSchemas, "lite.sql"))
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite", filepath.Join(e.dir, "archive.sqlite"))
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, string(schema))
	return errors.Join(err, db.Close())
}

func (e *ejabberd) Start(ctx context.Context, archive engine) (*process, error) {
	return e.db.startOn(ctx, archive, func() (*process, error) { return e.run(ctx, archive) })
}

func (e *ejabberd) run(ctx context.Context, archive engine) (*process, error) {
	ready := filepath.Join(e.dir, "ready")
	if err := os.RemoveAll(ready); err != nil {
		return nil, err
	}
	code := strings.NewReplacer("DOMAIN", domain, "PASSWORD", e.site.password).Replace(register)
	env := []string{
		"ERL_LIBS=" + ejabberdLibs,
		"EJABBERD_CONFIG_PATH=" + e.config(archive),
		"EJABBERD_LOG_PATH=" + filepath.Join(e.dir, "ejabberd.log"),
		"ERL_MAX_PORTS=32000", "ERL_MAX_ETS_TABLES=1400",
	}
	// The flags of Debian's control script.
	cmd := e.as.command(ctx, e.dir, env, "erl", "+K", "true", "+P", strconv.Itoa(250_000), "-noinput",
		"-mnesia", "dir", strconv.Quote(filepath.Join(e.dir, "mnesia")), "-s", "ejabberd", "-eval", code)
	return start(ctx, cmd, e.port, func() bool {
		_, err := os.Stat(ready)
		return err == nil
	})
}
