package c2s

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"testing"
)

// TestEndPoint: RFC 5929 §4.1.
func TestEndPoint(t *testing.T) {
	t.Parallel()
	raw := []byte("a certificate")
	s256, s384, s512 := sha256.Sum256(raw), sha512.Sum384(raw), sha512.Sum512(raw)
	for algorithm, want := range map[x509.SignatureAlgorithm][]byte{
		x509.SHA1WithRSA: s256[:], x509.MD5WithRSA: s256[:], x509.ECDSAWithSHA256: s256[:], x509.SHA384WithRSA: s384[:],
		x509.ECDSAWithSHA512: s512[:], x509.PureEd25519: nil,
	} {
		if got := endPoint(&tls.Certificate{Leaf: &x509.Certificate{Raw: raw, SignatureAlgorithm: algorithm}}); !bytes.Equal(got, want) {
			t.Errorf("%v: %x, want %x", algorithm, got, want)
		}
	}
}
