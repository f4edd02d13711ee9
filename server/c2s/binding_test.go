package c2s_test

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"strconv"
	"strings"
	"testing"
)

// scram logs juliet in with SCRAM-SHA-256-PLUS under a channel binding, and gives what came of it.
func scram(t *testing.T, l *line, binding string, data []byte) string {
	t.Helper()
	gs2, bare := "p="+binding+",,", "n=juliet,r=client"
	l.send("<auth xmlns='" + nsSASL + "' mechanism='SCRAM-SHA-256-PLUS'>" + base64.StdEncoding.EncodeToString([]byte(gs2+bare)) + "</auth>")
	got := l.until("</")
	if strings.HasPrefix(got, "<failure") {
		return got + l.until("</failure>")
	}
	l.until("challenge>")
	raw, err := base64.StdEncoding.DecodeString(between(got, ">", "</"))
	must(t, err)
	attr := map[byte]string{}
	for _, a := range strings.Split(string(raw), ",") {
		attr[a[0]] = a[2:]
	}
	salt, err := base64.StdEncoding.DecodeString(attr['s'])
	must(t, err)
	iterations, err := strconv.Atoi(attr['i'])
	must(t, err)
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, 32)
	must(t, err)
	clientKey := mac(salted, "Client Key")
	stored := sha256.Sum256(clientKey)
	without := "c=" + base64.StdEncoding.EncodeToString(append([]byte(gs2), data...)) + ",r=" + attr['r']
	proof := mac(stored[:], bare+","+string(raw)+","+without)
	for i := range proof {
		proof[i] ^= clientKey[i]
	}
	final := without + ",p=" + base64.StdEncoding.EncodeToString(proof)
	l.send("<response xmlns='" + nsSASL + "'>" + base64.StdEncoding.EncodeToString([]byte(final)) + "</response>")
	if got = l.until("</"); strings.HasPrefix(got, "<failure") {
		return got + l.until("</failure>")
	}
	return got + l.until("success>")
}

func mac(key []byte, s string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(s))
	return m.Sum(nil)
}

// TestChannelBinding: RFC 9266 §2 and RFC 5929 §4, with data from the client's end of the connection.
func TestChannelBinding(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, version := range map[string]uint16{"TLS 1.3": tls.VersionTLS13, "TLS 1.2": tls.VersionTLS12} {
		connect := func() (*line, tls.ConnectionState) {
			config := clientTLS()
			config.MaxVersion = version
			conn, err := tls.Dial("tcp", w.direct.String(), config)
			must(t, err)
			t.Cleanup(func() { conn.Close() })
			l := &line{t: t, conn: conn}
			l.send(header)
			l.until("</stream:features>")
			return l, conn.ConnectionState()
		}
		l, state := connect()
		data, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32)
		must(t, err)
		if got := scram(t, l, "tls-exporter", data); !strings.HasPrefix(got, "<success") {
			t.Errorf("%s, tls-exporter: %s", name, got)
		}
		l, state = connect()
		sum := sha256.Sum256(state.PeerCertificates[0].Raw) // it is signed with ECDSA and SHA-256
		if got := scram(t, l, "tls-server-end-point", sum[:]); !strings.HasPrefix(got, "<success") {
			t.Errorf("%s, tls-server-end-point: %s", name, got)
		}
		l, _ = connect()
		if got := scram(t, l, "tls-exporter", data); !strings.Contains(got, "<not-authorized/>") {
			t.Errorf("%s, the data of another connection: %s", name, got)
		}
		if got := scram(t, l, "tls-unique", state.TLSUnique); !strings.Contains(got, "<not-authorized/>") {
			t.Errorf("%s, a binding that we do not offer: %s", name, got)
		}
	}
}
