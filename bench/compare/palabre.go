package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
)

// palabre is this project's server, with its default database.
type palabre struct {
	site   *site
	binary string // built if empty
	as     *account
	dir    string
	port   int
}

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
data_dir = "{{.Dir}}/data"

[listen]
c2s = ["127.0.0.1:{{.Port}}"]
c2s_tls = []
https = []
metrics = []

[tls]
cert = "{{.Cert}}"
key = "{{.Key}}"

[history]
enabled = false

[limits]
off = true
`))

func (p *palabre) Prepare(ctx context.Context) error {
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
	var config strings.Builder
	if err := palabreConfig.Execute(&config, map[string]any{
		"Dir": p.dir, "Domain": domain, "Cert": p.site.cert, "Key": p.site.key, "Port": p.port,
	}); err != nil {
		return err
	}
	if err := os.WriteFile(p.config(), []byte(config.String()), 0o644); err != nil {
		return err
	}
	return p.register(ctx)
}

func (p *palabre) config() string { return filepath.Join(p.dir, "palabre.toml") }

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
func (p *palabre) register(ctx context.Context) error {
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
	if text, err := p.as.command(ctx, p.dir, nil, p.binary, "user", "import", name, "--config", p.config()).CombinedOutput(); err != nil {
		return fmt.Errorf("palabre user import: %w: %s", err, text)
	}
	return nil
}

func (p *palabre) Start(ctx context.Context) (*process, error) {
	return start(ctx, p.as.command(ctx, p.dir, nil, p.binary, "serve", "--config", p.config()), p.port, nil)
}
