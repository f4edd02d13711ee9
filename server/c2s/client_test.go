package c2s_test

import (
	"context"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"mellium.im/sasl"
	mellium "mellium.im/xmpp"
	"mellium.im/xmpp/jid"

	"palabre/server/c2s"
)

// TestClient logs in with a client that is not ours.
func TestClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, test := range []struct {
		name      string
		mode      c2s.Mode
		version   uint16
		mechanism sasl.Mechanism
	}{
		{"STARTTLS, SCRAM-SHA-256-PLUS", c2s.StartTLS, tls.VersionTLS13, sasl.ScramSha256Plus},
		{"direct TLS, SCRAM-SHA-256-PLUS", c2s.DirectTLS, tls.VersionTLS13, sasl.ScramSha256Plus},
		{"direct TLS, SCRAM-SHA-1-PLUS", c2s.DirectTLS, tls.VersionTLS13, sasl.ScramSha1Plus},
		{"STARTTLS, SCRAM-SHA-256", c2s.StartTLS, tls.VersionTLS13, sasl.ScramSha256},
		{"STARTTLS with TLS 1.2, SCRAM-SHA-1", c2s.StartTLS, tls.VersionTLS12, sasl.ScramSha1},
		{"direct TLS, PLAIN", c2s.DirectTLS, tls.VersionTLS13, sasl.Plain},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			config := &tls.Config{ServerName: domain, InsecureSkipVerify: true, MaxVersion: test.version}
			conn, features := dialFor(t, w, test.mode, config)
			features = append(features, mellium.SASL("", password, test.mechanism), mellium.BindResource())
			s, err := mellium.NewSession(ctx, jid.MustParse(domain), jid.MustParse(juliet.String()), conn, state(test.mode), mellium.NewNegotiator(func(*mellium.Session, *mellium.StreamConfig) mellium.StreamConfig {
				return mellium.StreamConfig{Features: features}
			}))
			must(t, err)
			if got := s.LocalAddr(); got.Bare().String() != juliet.String() || got.Resourcepart() == "" {
				t.Errorf("bound as %s", got)
			}
			must(t, s.Close())
			must(t, s.Conn().Close())
		})
	}
}

func state(mode c2s.Mode) mellium.SessionState {
	if mode == c2s.DirectTLS {
		return mellium.Secure
	}
	return 0
}

func dialFor(t *testing.T, w *world, mode c2s.Mode, config *tls.Config) (net.Conn, []mellium.StreamFeature) {
	t.Helper()
	if mode == c2s.DirectTLS {
		d := tls.Dialer{Config: config, NetDialer: &net.Dialer{Timeout: 10 * time.Second}}
		conn, err := d.DialContext(t.Context(), "tcp", w.direct.String())
		must(t, err)
		return conn, nil
	}
	conn, err := net.Dial("tcp", w.plain.String())
	must(t, err)
	return conn, []mellium.StreamFeature{mellium.StartTLS(config)}
}
