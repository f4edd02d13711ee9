package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
)

// palabre is this project's server. Its accounts are where its archive is, and in SQLite if it has none.
type palabre struct {
	site   *site
	binary string // built if empty
	as     *account
	dir    string
	port   int
	db     *cluster // nil if no archive is there
}

func (p *palabre) Packages([]engine) []string { return nil }

func (p *palabre) Name() string { return "Palabre" }

func (p *palabre) Version() string {
	out, err := exec.Command(p.binary, "version").Output()
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return strings.TrimPrefix(first, "palabre ")
}

var palabreConfig = template.Must(template.New("").Parse(`
domains = ["{{.Domain}}"]
data_dir = "{{.Dir}}/{{.Engine}}"

[database]
url = "{{.URL}}"

[listen]
c2s = ["127.0.0.1:{{.Port}}"]
c2s_tls = []
https = []
metrics = []

[tls]
cert = "{{.Cert}}"
key = "{{.Key}}"

[history]
enabled = {{ne .Engine "off"}}

[rooms]
new = "open"

[limits]
off = true
`))

func (p *palabre) Prepare(ctx context.Context, engines []engine) error {
	var err error
	if p.as, err = unprivileged("nobody"); err != nil {
		return err
	}
	if p.dir, err = p.site.folder("palabre", p.as); err != nil {
		return err
	}
	if p.port, err = freePort(); err != nil {
		return err
	}
	if err := p.build(ctx); err != nil {
		return err
	}
	for _, e := range engines {
		if err := p.configure(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// configure makes the configuration for an engine, and the accounts.
func (p *palabre) configure(ctx context.Context, e engine) (err error) {
	register := func() error { return p.register(ctx, e) }
	values := map[string]string{"Dir": p.dir, "Domain": domain, "Cert": p.site.cert, "Key": p.site.key, "Port": strconv.Itoa(p.port), "Engine": string(e), "URL": ""}
	if e == inPostgreSQL {
		if p.db, err = newCluster(ctx, p.site, "palabre-postgresql"); err != nil {
			return err
		}
		values["URL"] = p.db.url()
	}
	if err := write(p.config(e), palabreConfig, values); err != nil {
		return err
	}
	if e == inPostgreSQL {
		return p.db.with(ctx, register)
	}
	return register()
}

func (p *palabre) config(e engine) string { return filepath.Join(p.dir, string(e)+".toml") }

// build makes the binary of this module, or copies the one that was given to where the server's user can run it.
func (p *palabre) build(ctx context.Context) error {
	given := p.binary
	p.binary = filepath.Join(p.dir, "palabre")
	if given != "" {
		text, err := os.ReadFile(given)
		if err != nil {
			return err
		}
		return os.WriteFile(p.binary, text, 0o755)
	}
	progress("building palabre")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", p.binary, "palabre/cmd/palabre").CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w: %s", err, out)
	}
	return nil
}

// register imports the users with the server's own command.
func (p *palabre) register(ctx context.Context, e engine) error {
	name := filepath.Join(p.dir, "users.csv")
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer file.Close()
	out := csv.NewWriter(file)
	for _, u := range p.site.users() {
		if err := out.Write([]string{u.JID.String(), u.Password}); err != nil {
			return err
		}
	}
	if out.Flush(); out.Error() != nil {
		return out.Error()
	}
	if err := p.as.own(p.dir); err != nil {
		return err
	}
	if text, err := p.as.command(ctx, p.dir, nil, p.binary, "user", "import", name, "--config", p.config(e)).CombinedOutput(); err != nil {
		return fmt.Errorf("palabre user import: %w: %s", err, text)
	}
	return nil
}

func (p *palabre) Start(ctx context.Context, e engine) (*process, error) {
	return p.db.startOn(ctx, e, func() (*process, error) {
		return start(ctx, p.as.command(ctx, p.dir, nil, p.binary, "serve", "--config", p.config(e)), p.port, nil)
	})
}
