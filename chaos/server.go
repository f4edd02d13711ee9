package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"palabre/bench"
)

// domain is served by the server under test; it ends in a name that is reserved and resolves nowhere.
const domain = "chaos.invalid"

// A Server is the server under test: a process of its own, with a folder of its own.
type Server struct {
	Program []string // what runs it, but for --config
	Dir     string
	Address string // of TLS from the first byte

	incarnation atomic.Int64
	mu          sync.Mutex // guards what follows; a leaf
	cmd         *exec.Cmd
	ended       chan struct{}
	expected    bool // somebody ends it
	trouble     []error
}

// Build builds a command of the repository, with the race detector if that is asked for, and gives the program's name.
func Build(ctx context.Context, pkg, dir string, race bool) (string, error) {
	name := filepath.Join(dir, filepath.Base(pkg))
	args := []string{"build", "-o", name}
	if race {
		args = append(args, "-race")
	}
	if out, err := exec.CommandContext(ctx, "go", append(args, pkg)...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("chaos: build %s: %w\n%s", pkg, err, out)
	}
	return name, nil
}

// configuration of the server under test. Its limits are off: who comes back after each fault looks like a crowd.
const configuration = `domains = ['%s']
data_dir = '%s'
[database]
url = '%s'
[listen]
c2s = []
c2s_tls = ['%s']
https = []
metrics = []
[auth]
iterations = 4096
[limits]
off = true
`

// Place says where the server under test is to be.
type Place struct {
	Dir      string // for its configuration and log
	Data     string // its data directory; empty: in Dir
	Database string // a URL; empty: SQLite
}

// NewServer writes the configuration of a server and makes its accounts; it does not start it.
func NewServer(ctx context.Context, palabre string, p Place, users []bench.User) (*Server, error) {
	addr, err := address()
	if err != nil {
		return nil, err
	}
	if p.Data == "" {
		p.Data = filepath.Join(p.Dir, "data")
	}
	s := &Server{Program: []string{palabre, "serve"}, Dir: p.Dir, Address: addr}
	text := fmt.Sprintf(configuration, domain, p.Data, p.Database, addr)
	if err := os.WriteFile(s.config(), []byte(text), 0o600); err != nil {
		return nil, err
	}
	var list strings.Builder
	for _, u := range users {
		fmt.Fprintf(&list, "%s,%s\n", u.JID, u.Password)
	}
	add := exec.CommandContext(ctx, palabre, "user", "import", "--config", s.config(), "-")
	add.Stdin = strings.NewReader(list.String())
	if out, err := add.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("chaos: make accounts: %w\n%s", err, out)
	}
	return s, nil
}

func (s *Server) config() string { return filepath.Join(s.Dir, "palabre.toml") }

// address finds a port that stays free while the server is down. On Linux all of 127.0.0.0/8 is this machine: on an address that nobody else takes, no
// connection of another program's, nor a client's own, can get the port meanwhile.
func address() (string, error) {
	for _, host := range []string{fmt.Sprintf("127.%d.%d.%d", 2+os.Getpid()%250, 1+os.Getpid()/250%250, 1+time.Now().Nanosecond()%250), "127.0.0.1"} {
		ln, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			continue
		}
		return ln.Addr().String(), ln.Close()
	}
	return "", errors.New("chaos: there is no port to listen on")
}

// Incarnation counts the starts of the server.
func (s *Server) Incarnation() int64 { return s.incarnation.Load() }

// Start starts the process, and does not wait until it serves.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	log, err := os.OpenFile(s.logName(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(s.Program[0], slices.Concat(s.Program[1:], []string{"--config", s.config()})...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.Dir, log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("chaos: start the server: %w", err)
	}
	ended := make(chan struct{})
	s.cmd, s.ended, s.expected = cmd, ended, false
	s.incarnation.Add(1)
	go func() { // ends with the process, for which Kill and Terminate wait
		defer close(ended)
		err := cmd.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.expected {
			s.trouble = append(s.trouble, fmt.Errorf("chaos: the server ended by itself: %v\n%s", err, s.tail()))
		}
	}()
	return nil
}

func (s *Server) logName() string { return filepath.Join(s.Dir, "server.log") }

// tail is the end of the log.
func (s *Server) tail() string {
	b, err := os.ReadFile(s.logName())
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-4000):])
}

// Signal sends the process a signal; ends says that it is to end of it.
func (s *Server) Signal(sig syscall.Signal, ends bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expected = s.expected || ends
	if err := s.cmd.Process.Signal(sig); err != nil {
		return fmt.Errorf("chaos: %v to the server: %w", sig, err)
	}
	return nil
}

// Kill ends the process by SIGKILL.
func (s *Server) Kill() error {
	if err := s.Signal(syscall.SIGKILL, true); err != nil {
		return err
	}
	<-s.ended
	return nil
}

// stopTime is how long the server may take to end in good order.
const stopTime = 15 * time.Second

// Terminate tells the process to end, by SIGTERM, and waits for it.
func (s *Server) Terminate() error {
	if err := s.Signal(syscall.SIGTERM, true); err != nil {
		return err
	}
	select {
	case <-s.ended:
	case <-time.After(stopTime):
		return errors.Join(fmt.Errorf("chaos: the server did not end within %v of SIGTERM\n%s", stopTime, s.tail()), s.Kill())
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("chaos: the server ended with status %d after SIGTERM\n%s", code, s.tail())
	}
	return nil
}

// RSS is how much memory the process has, in bytes.
func (s *Server) RSS() (int64, error) {
	s.mu.Lock()
	pid := s.cmd.Process.Pid
	s.mu.Unlock()
	u, err := bench.Proc{Dir: "/proc"}.Tree(pid)
	return u.RSS << 10, err
}

// Trouble is what the server did that nobody asked for: it ended by itself, it panicked, or the race detector found something.
func (s *Server) Trouble() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.trouble
	log, err := os.ReadFile(s.logName())
	for _, bad := range []string{"WARNING: DATA RACE", "panic: ", "fatal error: "} {
		if i := bytes.Index(log, []byte(bad)); i >= 0 {
			list = append(list, fmt.Errorf("chaos: in the server's log: %s", log[i:min(len(log), i+6000)]))
		}
	}
	return errors.Join(append(list, err)...)
}
