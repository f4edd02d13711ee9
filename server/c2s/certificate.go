package c2s

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/idna"
)

// CertificateOptions say where certificates come from.
type CertificateOptions struct {
	Dir     string    // where the self-signed one is kept
	Domains []string  // that clients connect to; the self-signed one is made for those that have no other
	Pairs   []KeyPair // the administrator's own
	Now     func() time.Time
	Log     *slog.Logger
}

// A KeyPair names the files of a certificate, with its chain, and of its key, both in PEM.
type KeyPair struct {
	Domain    string // that it is for; empty: for all that have none of their own
	Cert, Key string
}

// Certificates are what the server shows who it is with. They can be read anew while it runs: whoever is connected stays so.
type Certificates struct {
	opts CertificateOptions
	set  atomic.Pointer[certificateSet]
	mu   sync.Mutex // held while they are read or made
}

// A certificateSet is never changed.
type certificateSet struct {
	named map[string]*tls.Certificate // by domain, in ASCII
	rest  *tls.Certificate            // for all others
	due   time.Time                   // when the self-signed one is to be made anew; zero: there is none
}

// OpenCertificates reads the administrator's certificates, or makes one. The error is a sentence that names the file.
func OpenCertificates(o CertificateOptions) (*Certificates, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c := &Certificates{opts: o}
	return c, c.Reload()
}

// Reload reads all files anew. With an error, nothing has changed.
func (c *Certificates) Reload() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	set, err := c.load()
	if err != nil {
		return err
	}
	c.set.Store(set)
	return nil
}

func (c *Certificates) load() (*certificateSet, error) {
	set := &certificateSet{named: map[string]*tls.Certificate{}}
	for _, p := range c.opts.Pairs {
		cert, err := tls.LoadX509KeyPair(p.Cert, p.Key)
		if err != nil {
			return nil, fmt.Errorf("the certificate %s with the key %s can't be used: %w", p.Cert, p.Key, err)
		}
		if p.Domain == "" {
			set.rest = &cert
		} else {
			set.named[asciiDomain(p.Domain)] = &cert
		}
		c.warn(p, &cert)
	}
	var bare []string
	for _, d := range c.opts.Domains {
		if set.named[asciiDomain(d)] == nil {
			bare = append(bare, asciiDomain(d))
		}
	}
	if set.rest != nil || len(bare) == 0 {
		return set, nil
	}
	var err error
	set.rest, set.due, err = c.selfSigned(bare)
	return set, err
}

// warn tells the administrator of a certificate that clients will refuse.
func (c *Certificates) warn(p KeyPair, cert *tls.Certificate) {
	if now := c.opts.Now(); now.After(cert.Leaf.NotAfter) || now.Before(cert.Leaf.NotBefore) {
		c.opts.Log.Warn("a certificate is not valid today", "peer", p.Cert, "from", cert.Leaf.NotBefore, "until", cert.Leaf.NotAfter)
	}
	for _, d := range c.opts.Domains {
		if p.Domain != "" && p.Domain != d {
			continue
		}
		if err := cert.Leaf.VerifyHostname(asciiDomain(d)); err != nil {
			c.opts.Log.Warn("a certificate does not name a domain that it is used for", "peer", p.Cert, "domain", d)
		}
	}
}

// GetCertificate is for tls.Config: it chooses by the name that the client wants (RFC 6066 §3).
func (c *Certificates) GetCertificate(info *tls.ClientHelloInfo) (*tls.Certificate, error) {
	set := c.set.Load()
	if !set.due.IsZero() && c.opts.Now().After(set.due) {
		set = c.renew(set)
	}
	if cert := set.named[strings.ToLower(strings.TrimSuffix(info.ServerName, "."))]; cert != nil {
		return cert, nil
	}
	if set.rest != nil {
		return set.rest, nil
	}
	return set.named[asciiDomain(c.opts.Domains[0])], nil
}

// renew makes a new self-signed certificate in the place of one that will end soon. Whoever comes meanwhile gets the old one.
func (c *Certificates) renew(old *certificateSet) *certificateSet {
	if !c.mu.TryLock() {
		return old
	}
	defer c.mu.Unlock()
	if now := c.set.Load(); now != old {
		return now
	}
	set, err := c.load()
	if err != nil {
		c.opts.Log.Error("the certificate could not be renewed; the next try is in an hour", "err", err)
		later := *old
		later.due = c.opts.Now().Add(time.Hour)
		set = &later
	} else {
		c.opts.Log.Info("the self-signed certificate has been renewed", "until", set.rest.Leaf.NotAfter)
	}
	c.set.Store(set)
	return set
}

// asciiDomain is a domain as certificates and TLS write it.
func asciiDomain(domain string) string {
	if a, err := idna.Lookup.ToASCII(domain); err == nil {
		return a
	}
	return strings.ToLower(domain)
}
