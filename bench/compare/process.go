package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// A server is one of those that are compared.
type server interface {
	Name() string
	Version() string
	Packages(engines []engine) []string                  // those of Debian's that it takes
	Prepare(ctx context.Context, engines []engine) error // configures, once
	Start(ctx context.Context, e engine) (*process, error)
}

// A process is a server that runs. It has a process group of its own, of which nothing else is a member.
type process struct {
	cmd     *exec.Cmd
	address string
	log     string
	end     syscall.Signal // how it is asked to end
	ended   chan error     // its end; has room for one

	database *process // that of a server whose archive is there, else nil
}

// patience is how long a server may take to start or to end.
const patience = 60 * time.Second

// start runs a server and waits until it accepts connections and ready, if not nil, agrees. The output goes to logfile.
func start(ctx context.Context, cmd *exec.Cmd, port int, ready func() bool) (*process, error) {
	logfile := filepath.Join(cmd.Dir, "output.log")
	out, err := os.OpenFile(logfile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, address: address(port), log: logfile, end: syscall.SIGTERM, ended: make(chan error, 1)}
	go func() { p.ended <- cmd.Wait() }() // ends with the process, for which stop waits
	if err := p.await(ctx, ready); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

func (p *process) await(ctx context.Context, ready func() bool) error {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-p.ended:
			p.ended <- err
			return fmt.Errorf("it ended at once (%v); its output: %s", err, tail(p.log))
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-limit.C:
			return fmt.Errorf("it was not ready within %v; its output: %s", patience, tail(p.log))
		case <-tick.C:
			conn, err := net.Dial("tcp", p.address)
			if err != nil {
				continue
			}
			conn.Close()
			if ready == nil || ready() {
				return nil
			}
		}
	}
}

// stop asks the process to end, and makes it if it does not; then its database.
func (p *process) stop() error {
	err := p.halt()
	if p.database != nil {
		err = errors.Join(err, p.database.halt())
	}
	return err
}

func (p *process) halt() error {
	p.cmd.Process.Signal(p.end) // an error means that it has ended
	select {
	case <-p.ended:
		return nil
	case <-time.After(patience):
		syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.ended
		return fmt.Errorf("it did not end within %v", patience)
	}
}

// tail is the end of a file, for an error message.
func tail(name string) string {
	b, err := os.ReadFile(name)
	if err != nil {
		return err.Error()
	}
	if len(b) == 0 {
		return "none"
	}
	return string(b[max(0, len(b)-2000):])
}

// An account is the user that a server runs as; nil is the one that runs this.
type account struct{ uid, gid uint32 }

// unprivileged is the named user if this runs as root, else nil.
func unprivileged(name string) (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &account{uint32(uid), uint32(gid)}, nil
}

// own gives the account all that is in a folder.
func (a *account) own(dir string) error {
	if a == nil {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, int(a.uid), int(a.gid)))
	})
}

// command makes a command that runs in a folder as the account, with nothing of the environment but PATH and what is given.
func (a *account) command(ctx context.Context, dir string, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LANG=C.UTF-8"}, env...)
	if a != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: a.uid, Gid: a.gid}}
	}
	return cmd
}
