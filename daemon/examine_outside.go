package daemon

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/idna"

	"palabre/server/c2s"
)

// soon is how long before a certificate's end the doctor speaks of it.
const soon = 14 * 24 * time.Hour

// examineCertificates looks at what clients are shown.
func examineCertificates(cfg Config, now time.Time) []Finding {
	var out []Finding
	for _, domain := range cfg.Domains {
		files := cfg.TLS
		if d, ok := cfg.Domain[domain]; ok && d.TLS.Cert != "" {
			files = d.TLS
		}
		about := "certificate of " + domain
		if files.Cert == "" {
			out = append(out, finding(Odd, about, "the server signs one by itself%s; most clients will ask whether to trust it. Name your own in [tls]", fingerprint(cfg.DataDir)))
			continue
		}
		out = append(out, examineCertificate(about, domain, files, now))
	}
	return out
}

// fingerprint shows what clients show of the server's own certificate, if there is one yet.
func fingerprint(dir string) string {
	text, err := os.ReadFile(filepath.Join(dir, c2s.SelfSignedFile))
	block, _ := pem.Decode(text)
	if err != nil || block == nil {
		return ""
	}
	return fmt.Sprintf(" (its SHA-256 fingerprint is % X)", sha256.Sum256(block.Bytes))
}

func examineCertificate(about, domain string, files TLS, now time.Time) Finding {
	pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		return finding(Bad, about, "%s with the key %s can't be used: %v", files.Cert, files.Key, err)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return finding(Bad, about, "%s can't be read: %v", files.Cert, err)
	}
	info, err := os.Stat(files.Key)
	switch {
	case err == nil && info.Mode().Perm()&0o004 != 0:
		return finding(Bad, about, "the key %s can be read by everybody: run 'chmod 640 %s'", files.Key, files.Key)
	case leaf.VerifyHostname(ascii(domain)) != nil:
		return finding(Bad, about, "%s is for %s, not for %s", files.Cert, strings.Join(leaf.DNSNames, ", "), domain)
	case now.Before(leaf.NotBefore):
		return finding(Bad, about, "%s is not good before %s; is the clock right?", files.Cert, leaf.NotBefore.Format(time.DateOnly))
	case now.After(leaf.NotAfter):
		return finding(Bad, about, "%s ended on %s; renew it", files.Cert, leaf.NotAfter.Format(time.DateOnly))
	case now.Add(soon).After(leaf.NotAfter):
		return finding(Odd, about, "%s ends on %s; renew it soon", files.Cert, leaf.NotAfter.Format(time.DateOnly))
	}
	return finding(Fine, about, "good until %s", leaf.NotAfter.Format(time.DateOnly))
}

// ascii is a domain as certificates and the DNS write it.
func ascii(domain string) string {
	if a, err := idna.Lookup.ToASCII(domain); err == nil {
		return a
	}
	return domain
}

// A record is one that clients look for.
type record struct {
	service, domain string
	addrs           []string // those that the server listens on
}

// examineDNS looks for the records by which clients find the server (RFC 6120 §3.2.1, XEP-0368 §3), all at once.
func examineDNS(ctx context.Context, cfg Config) []Finding {
	var records []record
	for _, domain := range cfg.Domains {
		if domain == "localhost" || net.ParseIP(domain) != nil {
			continue
		}
		for _, r := range []record{{"xmpp-client", domain, cfg.Listen.C2S}, {"xmpps-client", domain, cfg.Listen.C2STLS}} {
			if len(r.addrs) > 0 {
				records = append(records, r)
			}
		}
	}
	out := make([]Finding, len(records))
	var wg sync.WaitGroup
	for i, r := range records {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			_, found, err := net.DefaultResolver.LookupSRV(ctx, r.service, "tcp", ascii(r.domain))
			out[i] = r.judge(found, err)
		})
	}
	wg.Wait()
	return out
}

// judge says what an answer of the DNS means.
func (r record) judge(found []*net.SRV, err error) Finding {
	name := "_" + r.service + "._tcp." + r.domain
	var dns *net.DNSError
	if err != nil && !(errors.As(err, &dns) && dns.IsNotFound) {
		return finding(Odd, "DNS", "%s can't be looked up: %v", name, err)
	}
	if len(found) == 0 {
		_, port, _ := net.SplitHostPort(r.addrs[0])
		return finding(Odd, "DNS", "there is no record %s; add 'SRV 5 0 %s HOST.' so that clients find the server", name, port)
	}
	if found[0].Target == "." { // RFC 2782: the service is decidedly not there
		return finding(Odd, "DNS", "%s says that there is no such service; let it lead to this server", name)
	}
	for _, f := range found {
		for _, a := range r.addrs {
			if _, port, _ := net.SplitHostPort(a); port == strconv.Itoa(int(f.Port)) {
				return finding(Fine, "DNS", "%s leads to %s, port %d", name, f.Target, f.Port)
			}
		}
	}
	return finding(Odd, "DNS", "%s leads to port %d, on which this server does not listen", name, found[0].Port)
}
