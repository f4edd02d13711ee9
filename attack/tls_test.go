package attack

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"palabre/server/servertest"
)

// TestX10Injection (CVE-2011-0411 and its kin): what is sent in clear behind <starttls/> never counts as sent over TLS.
func TestX10Injection(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Account(t, mallory)
	for name, injected := range map[string]string{
		"a login":          header + plain("", "mallory", servertest.Password),
		"a request":        "<iq type='set' id='x'><query xmlns='jabber:iq:register'><remove/></query></iq>",
		"half an element":  "<auth",
		"a single blank":   " ",
		"a second request": starttls,
	} {
		t.Run(name, func(t *testing.T) {
			w := s.clear(t)
			w.send(header)
			w.until("</stream:features>")
			w.send(starttls + injected)
			if got := w.dies("policy-violation"); strings.Contains(got, "<proceed") || strings.Contains(got, "<success") {
				t.Errorf("the server goes on: %s", got)
			}
		})
	}
	for l, n := range s.C2S.Stats.Logins() {
		t.Errorf("%d tries to log in: %v", n, l)
	}
	w := s.clear(t)
	w.send(header)
	w.until("</stream:features>")
	w.startTLS()
	w.send(header)
	if got := w.until("</stream:features>"); strings.Contains(got, "<starttls") {
		t.Errorf("TLS is offered over TLS: %s", got)
	}
}

// TestX11TLS (CVE-2013-6169): old versions, weak suites and compression are refused, there is no session to steal a ticket of and no early data.
func TestX11TLS(t *testing.T) {
	t.Parallel()
	s := start(t)
	dial := func(change func(*tls.Config)) (tls.ConnectionState, error) {
		c := clientTLS()
		change(c)
		conn, err := tls.Dial("tcp", s.Addr("c2s_tls").String(), c)
		if err != nil {
			return tls.ConnectionState{}, err
		}
		defer conn.Close()
		must(t, conn.SetDeadline(time.Now().Add(patience)))
		if _, err := conn.Write([]byte(header)); err != nil {
			return tls.ConnectionState{}, err
		}
		if _, err := conn.Read(make([]byte, 1)); err != nil { // tickets come with the first data
			return tls.ConnectionState{}, err
		}
		return conn.ConnectionState(), nil
	}
	for _, v := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		if _, err := dial(func(c *tls.Config) { c.MinVersion, c.MaxVersion = v, v }); err == nil {
			t.Errorf("%s is accepted", tls.VersionName(v))
		}
	}
	for _, suite := range tls.InsecureCipherSuites() {
		if _, err := dial(func(c *tls.Config) { c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{suite.ID} }); err == nil {
			t.Errorf("%s is accepted", suite.Name)
		}
	}
	if _, err := dial(func(c *tls.Config) { c.NextProtos = []string{"h2"} }); err == nil {
		t.Error("a client of another protocol is taken for one of ours")
	}
	cache := tls.NewLRUClientSessionCache(4)
	for range 2 {
		state, err := dial(func(c *tls.Config) { c.ClientSessionCache = cache })
		must(t, err)
		if state.DidResume {
			t.Error("a TLS session is resumed")
		}
	}
	// SSL 3 asks for a version that nothing speaks any more.
	w := s.connect(t, "c2s_tls", "", nil)
	w.send("\x16\x03\x00\x00\x2f\x01\x00\x00\x2b\x03\x00" + strings.Repeat("r", 32) + "\x00\x00\x04\x00\x05\x00\x0a\x01\x00")
	if got := w.ends(); !strings.HasPrefix(got, "\x15") {
		t.Errorf("SSL 3 is answered by %q", got)
	}
	// So does a client that speaks in clear where TLS is expected.
	w = s.connect(t, "c2s_tls", "", nil)
	w.send(header)
	if got := w.ends(); strings.Contains(got, "<stream") {
		t.Errorf("a client in clear is answered by %q", got)
	}
	if n := s.C2S.Stats.HandshakeFailures(); n == 0 {
		t.Error("nothing was counted")
	}
}

// TestX11Renegotiation (CVE-2021-32920): a client that wants to shake hands again is cut off at the first time.
func TestX11Renegotiation(t *testing.T) {
	t.Parallel()
	s := start(t)
	w := s.connect(t, "c2s_tls", "", nil)
	tap, log := &tapped{Conn: w.conn}, &strings.Builder{}
	c := clientTLS()
	c.MaxVersion, c.KeyLogWriter = tls.VersionTLS12, log
	c.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	must(t, tls.Client(tap, c).HandshakeContext(t.Context()))
	keys := newKeys(t, log.String(), tap.read[11:43])

	hello := append([]byte{1, 0, 0, 41, 3, 3}, make([]byte, 32)...)
	hello = append(hello, 0, 0, 2, 0xc0, 0x2b, 1, 0) // no session, one suite, no compression
	_, err := w.conn.Write(keys.seal(22, hello))
	must(t, err)
	alert := w.ends()
	if len(alert) != 5+8+2+16 || alert[0] != 21 {
		t.Fatalf("the second hello is answered by %x", alert)
	}
	if got := keys.open(t, alert); got[0] != 2 || got[1] != 10 && got[1] != 100 { // fatal: unexpected_message, no_renegotiation
		t.Errorf("the second hello is answered by the alert %v", got)
	}
}

// A tapped connection keeps what was read from it.
type tapped struct {
	net.Conn
	read []byte
}

func (c *tapped) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.read = append(c.read, b[:n]...)
	return n, err
}

// trafficKeys are what both ends write with right after a handshake of TLS 1.2 with AES-128-GCM.
type trafficKeys struct{ block []byte }

func newKeys(t *testing.T, log string, serverRandom []byte) trafficKeys {
	t.Helper()
	fields := strings.Fields(log)
	if len(fields) != 3 {
		t.Fatalf("the key log is %q", log)
	}
	clientRandom, err := hex.DecodeString(fields[1])
	must(t, err)
	master, err := hex.DecodeString(fields[2])
	must(t, err)
	seed := slices.Concat([]byte("key expansion"), serverRandom, clientRandom)
	mac := func(parts ...[]byte) []byte {
		m := hmac.New(sha256.New, master)
		m.Write(slices.Concat(parts...))
		return m.Sum(nil)
	}
	a1 := mac(seed)
	return trafficKeys{append(mac(a1, seed), mac(mac(a1), seed)...)}
}

func (k trafficKeys) gcm(key, salt []byte) (cipher.AEAD, []byte) {
	b, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	g, err := cipher.NewGCM(b)
	if err != nil {
		panic(err)
	}
	return g, append(salt[:4:4], 0, 0, 0, 0, 0, 0, 0, 1)
}

// additional is what a record's seal covers beside its content: it is the second of its sender, after the end of the handshake.
func additional(typ byte, n int) []byte {
	return []byte{0, 0, 0, 0, 0, 0, 0, 1, typ, 3, 3, byte(n >> 8), byte(n)}
}

// seal makes the client's second record.
func (k trafficKeys) seal(typ byte, content []byte) []byte {
	g, nonce := k.gcm(k.block[:16], k.block[32:36])
	body := g.Seal(nonce[4:], nonce, content, additional(typ, len(content)))
	return append([]byte{typ, 3, 3, byte(len(body) >> 8), byte(len(body))}, body...)
}

// open opens the server's second record, which is an alert.
func (k trafficKeys) open(t *testing.T, record string) []byte {
	t.Helper()
	g, nonce := k.gcm(k.block[16:32], k.block[36:40])
	copy(nonce[4:], record[5:13])
	out, err := g.Open(nil, nonce, []byte(record[13:]), additional(21, 2))
	must(t, err)
	return out
}
