package c2s

import (
	"crypto"
	_ "crypto/sha256" // for crypto.SHA256
	_ "crypto/sha512" // for crypto.SHA384, crypto.SHA512
	"crypto/tls"
	"crypto/x509"

	"palabre/server"
)

// channelBindings are those of a connection, the strongest first.
func channelBindings(state tls.ConnectionState, sent *tls.Certificate) []server.Binding {
	var out []server.Binding
	// RFC 9266 §2. With TLS 1.2 it takes the extended master secret, without which this is an error.
	if data, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32); err == nil {
		out = append(out, server.Binding{Type: "tls-exporter", Data: data})
	}
	if data := endPoint(sent); data != nil {
		out = append(out, server.Binding{Type: "tls-server-end-point", Data: data})
	}
	return out
}

// endPoint is the hash of a certificate by the function of its signature (RFC 5929 §4.1), or nil where there is no such function.
func endPoint(sent *tls.Certificate) []byte {
	if sent == nil || sent.Leaf == nil {
		return nil
	}
	h, ok := endPointHash[sent.Leaf.SignatureAlgorithm]
	if !ok {
		return nil
	}
	d := h.New()
	d.Write(sent.Leaf.Raw)
	return d.Sum(nil)
}

var endPointHash = map[x509.SignatureAlgorithm]crypto.Hash{
	x509.MD5WithRSA: crypto.SHA256, x509.SHA1WithRSA: crypto.SHA256, x509.ECDSAWithSHA1: crypto.SHA256,
	x509.SHA256WithRSA: crypto.SHA256, x509.SHA256WithRSAPSS: crypto.SHA256, x509.ECDSAWithSHA256: crypto.SHA256,
	x509.SHA384WithRSA: crypto.SHA384, x509.SHA384WithRSAPSS: crypto.SHA384, x509.ECDSAWithSHA384: crypto.SHA384,
	x509.SHA512WithRSA: crypto.SHA512, x509.SHA512WithRSAPSS: crypto.SHA512, x509.ECDSAWithSHA512: crypto.SHA512,
}
