package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"palabre/admin"
	"palabre/store"
)

// A Finding is one thing that the doctor looked at.
type Finding struct {
	Level Level  `json:"level"`
	About string `json:"about"`
	Text  string `json:"text"`
}

// A Level is how a Finding is.
type Level string

// The levels of findings.
const (
	Fine Level = "ok"
	Odd  Level = "note"
	Bad  Level = "wrong"
)

func finding(l Level, about, format string, args ...any) Finding {
	return Finding{l, about, fmt.Sprintf(format, args...)}
}

// Examine looks at all that a configuration needs outside of itself, and asks the server if one runs. It changes nothing.
func Examine(ctx context.Context, cfg Config) []Finding {
	out := append(examineFile(cfg), examineDirectory(cfg)...)
	status, err := runningStatus(ctx, cfg)
	switch {
	case err != nil:
		out = append(out, finding(Bad, "server", "%v", err))
	case status != nil:
		out = append(out, examineServer(cfg, status)...)
	default:
		out = append(out, examineFiles(openFiles()))
		out = append(out, examinePorts(cfg)...)
		out = append(out, examineDatabase(ctx, cfg)...)
	}
	out = append(out, examineCertificates(cfg, time.Now())...)
	out = append(out, examineMail(ctx, cfg)...)
	out = append(out, examineChat(cfg)...)
	return append(out, examineDNS(ctx, cfg)...)
}

// runningStatus asks the server; nil if none runs.
func runningStatus(ctx context.Context, cfg Config) (*admin.ServerStatus, error) {
	r, err := admin.Dial(cfg.DataDir)
	if errors.Is(err, admin.ErrNoServer) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var s admin.ServerStatus
	return &s, r.Call(ctx, "server.status", admin.None{}, &s)
}

func examineFile(cfg Config) []Finding {
	if cfg.path == "" {
		return []Finding{{Fine, "configuration", "none: the defaults, for this machine only"}}
	}
	secret := false
	if u, err := url.Parse(cfg.Database.URL); err == nil && u.User != nil {
		_, secret = u.User.Password()
	}
	info, err := os.Stat(cfg.path)
	if err == nil && secret && info.Mode().Perm()&0o004 != 0 {
		return []Finding{finding(Bad, "configuration", "%s holds the database's password and can be read by everybody: run 'chmod 640 %s'", cfg.path, cfg.path)}
	}
	return []Finding{{Fine, "configuration", cfg.path}}
}

func examineDirectory(cfg Config) []Finding {
	info, err := os.Stat(cfg.DataDir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		parent := existing(cfg.DataDir)
		if !writable(parent) {
			return []Finding{finding(Bad, "data directory", "%s does not exist, and this user can't make it in %s; set data_dir to another place, or make it", cfg.DataDir, parent)}
		}
		return []Finding{finding(Odd, "data directory", "%s does not exist yet; the server makes it", cfg.DataDir)}
	case err != nil:
		return []Finding{finding(Bad, "data directory", "%v", err)}
	case !info.IsDir():
		return []Finding{finding(Bad, "data directory", "%s is a file; name a folder in data_dir", cfg.DataDir)}
	case !writable(cfg.DataDir):
		return []Finding{finding(Bad, "data directory", "this user can't write to %s; run this as the server's user, or set data_dir to another place", cfg.DataDir)}
	case info.Mode().Perm()&0o077 != 0:
		return []Finding{finding(Bad, "data directory", "%s can be read by others: run 'chmod 700 %s'", cfg.DataDir, cfg.DataDir)}
	}
	return []Finding{{Fine, "data directory", cfg.DataDir}}
}

// existing is the nearest folder above a path that there is.
func existing(path string) string {
	for {
		up := filepath.Dir(path)
		if _, err := os.Stat(up); err == nil || up == path {
			return up
		}
		path = up
	}
}

// enoughFiles is how many open files the doctor finds no word to say about.
const enoughFiles = 16384

// examineFiles tells how many clients the system lets the process have; each takes one descriptor, and the server itself some dozens.
func examineFiles(limit uint64) Finding {
	const own = 64
	most := max(limit, own) - own
	if limit < enoughFiles {
		return finding(Odd, "open files", "the limit of %d is enough for about %d clients at once; for more, raise it: 'ulimit -n 65536', or LimitNOFILE=65536 in a systemd unit", limit, most)
	}
	return finding(Fine, "open files", "the limit of %d is enough for about %d clients at once", limit, most)
}

// examineServer looks at a server that runs.
func examineServer(cfg Config, s *admin.ServerStatus) []Finding {
	var listens []string
	for _, e := range s.Listen {
		listens = append(listens, e.Service+" "+e.Address)
	}
	out := []Finding{
		finding(Fine, "server", "it runs since %s, version %s, %d sessions", s.Since.Local().Format(time.DateTime), s.Version, s.Sessions),
		finding(Fine, "ports", "it listens on %s", strings.Join(listens, ", ")),
		examineFiles(s.Files),
	}
	if !slices.Equal(s.Domains, cfg.Domains) {
		out = append(out, finding(Odd, "server", "it serves %s; the configuration has changed since it started: restart it", strings.Join(s.Domains, ", ")))
	}
	db := s.Database
	if db.Error != "" {
		return append(out, finding(Bad, "database", "%s: %s", db.Engine, db.Error))
	}
	return append(out, durability(store.Durability{Engine: db.Engine, Version: db.Version, Level: store.Level(db.Durability), Warnings: db.Warnings}, "")...)
}

func examinePorts(cfg Config) []Finding {
	var out []Finding
	for _, addrs := range [][]string{cfg.Listen.C2S, cfg.Listen.C2STLS, cfg.Listen.HTTPS, cfg.Listen.Metrics} {
		for _, a := range addrs {
			ln, err := net.Listen("tcp", a)
			if err == nil {
				_ = ln.Close()
				continue
			}
			if !noIPv6(a, err) {
				out = append(out, Finding{Bad, "ports", whyNot(a, err)})
			}
		}
	}
	if len(out) == 0 {
		out = []Finding{{Fine, "ports", "all are free"}}
	}
	return out
}

func examineDatabase(ctx context.Context, cfg Config) []Finding {
	v, err := store.Look(ctx, store.Options{DataDir: cfg.DataDir, URL: cfg.Database.URL})
	if err != nil {
		return []Finding{finding(Bad, "database", "%v", err)}
	}
	note := ""
	switch {
	case v.Schema == 0:
		note = "; the server makes its tables"
	case v.Schema < v.Known:
		note = fmt.Sprintf("; the server brings its tables from version %d to %d: make a backup first", v.Schema, v.Known)
	}
	return durability(v.Durability, note)
}

// durability tells how safe the database's settings are.
func durability(d store.Durability, note string) []Finding {
	level := Fine
	if d.Level == store.Unsafe {
		level = Bad
	}
	name := strings.TrimSpace(d.Engine + " " + d.Version)
	out := []Finding{finding(level, "database", "%s, durability: %s%s", name, d.Level, note)}
	for _, w := range d.Warnings {
		out = append(out, Finding{Odd, "database", w})
	}
	return out
}
