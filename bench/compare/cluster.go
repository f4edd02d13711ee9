package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// A cluster is a PostgreSQL server of one of the compared servers: as it is out of the box, but for where it listens. It runs when that server does.
type cluster struct {
	as   *account // PostgreSQL refuses to run as root
	dir  string
	bin  string
	port int
}

// role is PostgreSQL's user and the name of the database. It has no password: who reaches loopback may do as they like here.
const role = "bench"

// newCluster makes a cluster with an empty database.
func newCluster(ctx context.Context, s *site, name string) (*cluster, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return nil, errors.New("there is no initdb in /usr/lib/postgresql")
	}
	c := &cluster{bin: filepath.Dir(found[len(found)-1])}
	if c.as, err = unprivileged("postgres"); err != nil {
		return nil, err
	}
	if c.dir, err = s.folder(name, c.as); err != nil {
		return nil, err
	}
	if c.port, err = freePort(); err != nil {
		return nil, err
	}
	if err := c.run(ctx, "initdb", "--auth", "trust", "--username", role, "--pgdata", c.data()); err != nil {
		return nil, err
	}
	return c, c.with(ctx, func() error { return c.client(ctx, "createdb", role) })
}

func (c *cluster) data() string { return filepath.Join(c.dir, "data") }

// url is where the database is.
func (c *cluster) url() string { return fmt.Sprintf("postgres://%s@%s/%[1]s", role, address(c.port)) }

// run runs one of PostgreSQL's programs.
func (c *cluster) run(ctx context.Context, program string, args ...string) error {
	cmd := c.as.command(ctx, c.dir, nil, append([]string{filepath.Join(c.bin, program)}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, out)
	}
	return nil
}

// client runs one that connects to the server.
func (c *cluster) client(ctx context.Context, program string, args ...string) error {
	return c.run(ctx, program, append([]string{"--host", "127.0.0.1", "--port", strconv.Itoa(c.port), "--username", role}, args...)...)
}

// load runs a file of SQL.
func (c *cluster) load(ctx context.Context, file string) error {
	return c.with(ctx, func() error {
		return c.client(ctx, "psql", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", role, "--file", file)
	})
}

// with does something while the cluster runs.
func (c *cluster) with(ctx context.Context, do func() error) error {
	p, err := c.start(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(), p.stop())
}

func (c *cluster) start(ctx context.Context) (*process, error) {
	cmd := c.as.command(ctx, c.dir, nil, filepath.Join(c.bin, "postgres"), "-D", c.data(), "-p", strconv.Itoa(c.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=")
	p, err := start(ctx, cmd, c.port, func() bool { return c.client(ctx, "pg_isready", "--quiet") == nil })
	if err == nil {
		p.end = syscall.SIGINT // at once, whoever is connected (pg_ctl's mode "fast")
	}
	return p, err
}

// startOn starts a server, and before it the cluster if it keeps its archive there. The server's end is the cluster's, too.
func (c *cluster) startOn(ctx context.Context, e engine, server func() (*process, error)) (*process, error) {
	if e != inPostgreSQL {
		return server()
	}
	db, err := c.start(ctx)
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL: %w", err)
	}
	p, err := server()
	if err != nil {
		return nil, errors.Join(err, db.stop())
	}
	p.database = db
	return p, nil
}

// postgresVersion is what the newest one installed calls itself.
func postgresVersion() string {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		return "PostgreSQL unknown"
	}
	out, err := exec.Command(found[len(found)-1], "--version").Output()
	if err != nil {
		return "PostgreSQL unknown"
	}
	return "PostgreSQL " + strings.Fields(string(out))[2]
}
