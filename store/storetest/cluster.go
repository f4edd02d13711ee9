package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Cluster is a PostgreSQL server of the test's own, on a socket in its folder, which the test may stop, kill and start again.
type Cluster struct {
	bin, dir string
	settings []string
	as       *syscall.Credential // PostgreSQL refuses to run as root
	server   *exec.Cmd           // nil: it is down
	ended    chan struct{}       // closed at the end of server
}

// readyTime is how long a server may take until it answers, recovery from a crash included.
const readyTime = 60 * time.Second

// NewCluster makes a server and starts it; it ends with the test. Each setting is NAME=VALUE. Without PostgreSQL's programs the test is skipped; under CI it fails.
func NewCluster(t testing.TB, settings ...string) *Cluster {
	t.Helper()
	c := &Cluster{dir: t.TempDir(), settings: settings, bin: programs()}
	switch {
	case c.bin != "":
	case os.Getenv("CI") != "":
		t.Fatal("there is no initdb on this machine to make a PostgreSQL server with: install postgresql")
	default:
		t.Skip("there is no initdb on this machine to make a PostgreSQL server with")
	}
	if os.Geteuid() == 0 {
		if err := c.yield(); err != nil {
			t.Fatal(err)
		}
	}
	initdb := c.command("initdb", "--no-sync", "-A", "trust", "-U", "postgres", "-D", c.data())
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Stop() })
	return c
}

// programs is the folder of PostgreSQL's own programs, which are not in PATH on Debian; empty if there is none.
func programs() string {
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		dir := string(bytes.TrimSpace(out))
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err == nil {
			return dir
		}
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return ""
	}
	return filepath.Dir(found[len(found)-1])
}

// yield has the server run as the user postgres, who is given the folder.
func (c *Cluster) yield() error {
	u, err := user.Lookup("postgres")
	if err != nil {
		return err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return err
	}
	c.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return errors.Join(os.Chown(c.dir, int(uid), int(gid)), os.Chmod(filepath.Dir(c.dir), 0o755))
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *Cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, name), args...)
	cmd.Dir = c.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.as, Setpgid: true}
	return cmd
}

// URL is that of the server's database.
func (c *Cluster) URL() string {
	return "postgres:///postgres?user=postgres&host=" + url.QueryEscape(c.dir)
}

// Start starts the server and returns as soon as it answers.
func (c *Cluster) Start() error {
	deadline := time.Now().Add(readyTime)
	for {
		if c.server == nil {
			if err := c.launch(); err != nil {
				return err
			}
		}
		err := c.ask()
		switch {
		case err == nil:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("storetest: PostgreSQL does not answer: %w; its log: %s", err, c.log())
		}
		select {
		case <-c.ended: // what a killed one has left behind may still hold its memory
			c.server = nil
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (c *Cluster) launch() error {
	args := []string{"-D", c.data(), "-c", "listen_addresses=", "-c", "unix_socket_directories=" + c.dir}
	for _, s := range c.settings {
		args = append(args, "-c", s)
	}
	out, err := os.OpenFile(filepath.Join(c.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := c.command("postgres", args...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("storetest: start PostgreSQL: %w", err)
	}
	ended := make(chan struct{})
	go func() { // ends with the server, for which Stop and Kill wait
		defer close(ended)
		_ = cmd.Wait()
	}()
	c.server, c.ended = cmd, ended
	return nil
}

func (c *Cluster) ask() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.URL())
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

func (c *Cluster) log() string {
	b, err := os.ReadFile(filepath.Join(c.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-2000):])
}

// Stop is PostgreSQL's immediate shutdown: it ends at once, without a checkpoint, and recovers at the next start.
func (c *Cluster) Stop() error { return c.end(syscall.SIGQUIT) }

// Kill ends the server and each of its processes by SIGKILL.
func (c *Cluster) Kill() error { return c.end(syscall.SIGKILL) }

func (c *Cluster) end(signal syscall.Signal) error {
	if c.server == nil {
		return errors.New("storetest: PostgreSQL is down already")
	}
	pid := c.server.Process.Pid
	processes := append([]int{pid}, children(pid)...)
	if signal != syscall.SIGKILL {
		processes = processes[:1] // it ends its own
	}
	for _, p := range processes {
		if err := syscall.Kill(p, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("storetest: end PostgreSQL: %w", err)
		}
	}
	<-c.ended
	c.server = nil
	return nil
}

// children are the processes that a process has started and that still run.
func children(pid int) (list []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		line, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		// Fields are counted from the name's closing parenthesis: state, parent (proc_pid_stat(5)).
		f := strings.Fields(string(line[bytes.LastIndexByte(line, ')')+1:]))
		if len(f) < 2 || f[1] != strconv.Itoa(pid) {
			continue
		}
		if child, err := strconv.Atoi(filepath.Base(filepath.Dir(name))); err == nil {
			list = append(list, child)
		}
	}
	return list
}
