package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
)

// ejabberd is run without its control script: one Erlang node that is not distributed, so that there is no epmd
// to be left behind.
type ejabberd struct {
	site *site
	as   *account
	dir  string
	port int
}

func (e *ejabberd) Name() string    { return "ejabberd" }
func (e *ejabberd) Version() string { return packageVersion("ejabberd") }

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
modules:
  mod_blocking: {}
  mod_caps: {}
  mod_carboncopy: {}
  mod_client_state: {}
  mod_disco: {}
  mod_last: {}
  mod_muc:
    host: "conference.@HOST@"
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

func (e *ejabberd) Prepare(ctx context.Context) error {
	if err := install(ctx, "ejabberd", "ejabberdctl"); err != nil {
		return err
	}
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
	var config, users strings.Builder
	if err := ejabberdConfig.Execute(&config, map[string]any{
		"Domain": domain, "Cert": e.site.cert, "Key": e.site.key, "Port": e.port,
	}); err != nil {
		return err
	}
	for _, u := range e.site.users() {
		users.WriteString(u.JID.Local() + "\n")
	}
	if err := os.WriteFile(filepath.Join(e.dir, "ejabberd.yml"), []byte(config.String()), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(e.dir, "users"), []byte(users.String()), 0o644)
}

func (e *ejabberd) Start(ctx context.Context) (*process, error) {
	ready := filepath.Join(e.dir, "ready")
	if err := os.RemoveAll(ready); err != nil {
		return nil, err
	}
	code := strings.NewReplacer("DOMAIN", domain, "PASSWORD", e.site.password).Replace(register)
	env := []string{
		"ERL_LIBS=" + ejabberdLibs,
		"EJABBERD_CONFIG_PATH=" + filepath.Join(e.dir, "ejabberd.yml"),
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
