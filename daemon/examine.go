package daemon

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
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

// Examine looks at all that a configuration needs outside of itself. It changes nothing but, on SQLite, makes the data directory.
func Examine(ctx context.Context, cfg Config) []Finding {
	running := false
	if r, err := admin.Dial(cfg.DataDir); err == nil {
		running = true
		r.Close()
	}
	out := examineDirectory(cfg)
	out = append(out, examinePorts(cfg, running)...)
	out = append(out, examineCertificates(cfg)...)
	out = append(out, examineDNS(ctx, cfg)...)
	return append(out, examineDatabase(ctx, cfg, running)...)
}

func examineDirectory(cfg Config) []Finding {
	info, err := os.Stat(cfg.DataDir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return []Finding{{Odd, "data directory", cfg.DataDir + " does not exist yet; the server makes it"}}
	case err != nil:
		return []Finding{{Bad, "data directory", err.Error()}}
	case !info.IsDir():
		return []Finding{{Bad, "data directory", cfg.DataDir + " is a file; name a folder in data_dir"}}
	case info.Mode().Perm()&0o077 != 0:
		return []Finding{{Bad, "data directory", cfg.DataDir + " can be read by others: run 'chmod 700 " + cfg.DataDir + "'"}}
	}
	return []Finding{{Fine, "data directory", cfg.DataDir}}
}

func examinePorts(cfg Config, running bool) []Finding {
	if running {
		return []Finding{{Fine, "ports", "the server is running and holds them"}}
	}
	var out []Finding
	for _, addrs := range [][]string{cfg.Listen.C2S, cfg.Listen.C2STLS, cfg.Listen.HTTPS, cfg.Listen.Metrics} {
		for _, a := range addrs {
			ln, err := net.Listen("tcp", a)
			if err == nil {
				_ = ln.Close()
				continue
			}
			if !noIPv6(a, err) {
				out = append(out, Finding{Bad, "ports", fmt.Sprintf("%s can't be used: %v. Another program holds it, or this user may not: choose another in [listen]", a, cause(err))})
			}
		}
	}
	if len(out) == 0 {
		out = []Finding{{Fine, "ports", "all are free"}}
	}
	return out
}

// soon is how long before a certificate's end the doctor speaks of it.
const soon = 14 * 24 * time.Hour

func examineCertificates(cfg Config) []Finding {
	var out []Finding
	for _, domain := range cfg.Domains {
		files := cfg.TLS
		if d, ok := cfg.Domain[domain]; ok && d.TLS.Cert != "" {
			files = d.TLS
		}
		about := "certificate of " + domain
		if files.Cert == "" {
			out = append(out, Finding{Odd, about, "the server signs one by itself; most clients will ask whether to trust it. Name your own in [tls]"})
			continue
		}
		out = append(out, examineCertificate(about, domain, files))
	}
	return out
}

func examineCertificate(about, domain string, files TLS) Finding {
	pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		return Finding{Bad, about, err.Error()}
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return Finding{Bad, about, err.Error()}
	}
	left := time.Until(leaf.NotAfter)
	switch {
	case leaf.VerifyHostname(domain) != nil:
		return Finding{Bad, about, fmt.Sprintf("%s is for %s, not for %s", files.Cert, strings.Join(leaf.DNSNames, ", "), domain)}
	case left < 0:
		return Finding{Bad, about, fmt.Sprintf("%s ended on %s; renew it", files.Cert, leaf.NotAfter.Format(time.DateOnly))}
	case left < soon:
		return Finding{Odd, about, fmt.Sprintf("%s ends on %s; renew it soon", files.Cert, leaf.NotAfter.Format(time.DateOnly))}
	}
	return Finding{Fine, about, fmt.Sprintf("good until %s", leaf.NotAfter.Format(time.DateOnly))}
}

// examineDNS looks for the records by which clients find the server (RFC 6120 §3.2.1, XEP-0368 §3).
func examineDNS(ctx context.Context, cfg Config) []Finding {
	var out []Finding
	for _, domain := range cfg.Domains {
		if domain == "localhost" {
			continue
		}
		for _, s := range []struct {
			service string
			addrs   []string
		}{{"xmpp-client", cfg.Listen.C2S}, {"xmpps-client", cfg.Listen.C2STLS}} {
			if len(s.addrs) > 0 {
				out = append(out, examineSRV(ctx, s.service, domain, s.addrs))
			}
		}
	}
	return out
}

func examineSRV(ctx context.Context, service, domain string, addrs []string) Finding {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	name := "_" + service + "._tcp." + domain
	_, records, err := net.DefaultResolver.LookupSRV(ctx, service, "tcp", domain)
	if err != nil || len(records) == 0 {
		_, port, _ := net.SplitHostPort(addrs[0])
		return Finding{Odd, "DNS", fmt.Sprintf("there is no record %s; add 'SRV 5 0 %s HOST.' so that clients find the server", name, port)}
	}
	for _, r := range records {
		for _, a := range addrs {
			if _, port, _ := net.SplitHostPort(a); port == strconv.Itoa(int(r.Port)) {
				return Finding{Fine, "DNS", fmt.Sprintf("%s leads to %s, port %d", name, r.Target, r.Port)}
			}
		}
	}
	return Finding{Odd, "DNS", fmt.Sprintf("%s leads to port %d, on which this server does not listen", name, records[0].Port)}
}

func examineDatabase(ctx context.Context, cfg Config, running bool) []Finding {
	if running {
		return []Finding{{Fine, "database", "the server is running and holds it; stop it to have it examined"}}
	}
	st, err := store.Open(ctx, store.Options{DataDir: cfg.DataDir, URL: cfg.Database.URL, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return []Finding{{Bad, "database", err.Error()}}
	}
	d, err := st.Durability(ctx)
	if err = errors.Join(err, st.Close()); err != nil {
		return []Finding{{Bad, "database", err.Error()}}
	}
	level := Fine
	if d.Level == store.Unsafe {
		level = Bad
	}
	out := []Finding{{level, "database", fmt.Sprintf("%s %s, durability: %s", d.Engine, d.Version, d.Level)}}
	for _, w := range d.Warnings {
		out = append(out, Finding{Odd, "database", w})
	}
	return out
}
