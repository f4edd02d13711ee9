package interop

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"palabre/chaos"
	"palabre/server/servertest"
	"palabre/store/storetest"
)

// A process is a server of its own process, which a test can end and start again where it was.
type process struct {
	*chaos.Server
	host, port string // of STARTTLS
	ca         string // the file with its certificate
}

// program is the server, built when the first test needs it.
var program struct {
	sync.Once
	dir, name string
	err       error
}

func TestMain(m *testing.M) {
	status := m.Run()
	if program.dir != "" {
		_ = os.RemoveAll(program.dir)
	}
	os.Exit(status)
}

func palabre(t *testing.T) string {
	t.Helper()
	p := &program
	p.Do(func() {
		if p.dir, p.err = os.MkdirTemp("", "palabre-interop-"); p.err == nil {
			p.name, p.err = chaos.Build(context.WithoutCancel(t.Context()), "palabre/cmd/palabre", p.dir, raceDetector)
		}
	})
	if p.err != nil {
		t.Fatal(p.err)
	}
	return p.name
}

// eachProcess runs a test against a server of its own, with the database on SQLite and on PostgreSQL.
func eachProcess(t *testing.T, test func(t *testing.T, p *process)) {
	t.Helper()
	eachDatabase(t, func(t *testing.T, url string) { test(t, serve(t, url, "")) })
}

// eachDatabase runs a test with the URL of a database: empty for SQLite, and of PostgreSQL.
func eachDatabase(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	for name, url := range map[string]func(*testing.T) string{
		"SQLite":     func(*testing.T) string { return "" },
		"PostgreSQL": func(t *testing.T) string { return storetest.Schema(t, storetest.URL(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, url(t))
		})
	}
}

const configuration = `domains = ['%s']
data_dir = '%s'
[database]
url = '%s'
[listen]
c2s = ['%s']
c2s_tls = []
https = []
metrics = []
[auth]
iterations = 4096
`

// serve starts a server with accounts for romeo, juliet and the nurse, and with more in its configuration.
func serve(t *testing.T, url, more string) *process {
	t.Helper()
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	addr := address(t)
	host, port, err := net.SplitHostPort(addr)
	must(t, err)
	config := filepath.Join(dir, "palabre.toml")
	must(t, os.WriteFile(config, fmt.Appendf(nil, configuration+more, servertest.Domain, data, url, addr), 0o600))
	var people strings.Builder
	for _, name := range []string{"romeo", "juliet", "nurse"} {
		fmt.Fprintf(&people, "%s@%s,%s\n", name, servertest.Domain, servertest.Password)
	}
	command(t, people.String(), "user", "import", "--config", config, "-")
	p := &process{Server: &chaos.Server{Program: []string{palabre(t), "serve"}, Dir: dir}, host: host, port: port, ca: filepath.Join(data, "self-signed.pem")}
	p.start(t)
	t.Cleanup(func() {
		_ = p.Kill()
		if err := p.Trouble(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the server says:\n%s", p.log(t))
		}
	})
	return p
}

// command runs the server's program with an input.
func command(t *testing.T, input string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), palabre(t), args...)
	cmd.Stdin = strings.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("palabre %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// address is one that stays free while the server is down: nobody else takes ports of it.
func address(t *testing.T) string {
	t.Helper()
	now := time.Now().Nanosecond()
	ln, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:0", 2+os.Getpid()%250, 1+now/250%250, 1+now%250))
	must(t, err)
	must(t, ln.Close())
	return ln.Addr().String()
}

// start starts the server, and waits until it listens.
func (p *process) start(t *testing.T) {
	t.Helper()
	must(t, p.Start())
	for deadline := time.Now().Add(time.Minute); ; <-time.After(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", net.JoinHostPort(p.host, p.port))
		if err == nil {
			must(t, conn.Close())
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// log is all that the server has logged.
func (p *process) log(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.Dir, "server.log"))
	must(t, err)
	return string(text)
}

// obey does to the server what a script asks for.
func (p *process) obey(t *testing.T, what string) {
	t.Helper()
	switch what {
	case "terminate":
		must(t, p.Terminate())
	case "kill":
		must(t, p.Kill())
	case "start":
		p.start(t)
	default:
		t.Fatalf("%q can't be done to a server", what)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
