package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite"

	"palabre/store/storetest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"palabre": main})
}

// TestScripts runs the command line as a person would: see testdata/*.txt.
func TestScripts(t *testing.T) {
	t.Parallel()
	runScripts(t, "testdata", func(*testscript.Env) error { return nil })
}

// TestScriptsOnPostgreSQL runs those of testdata/postgres, each with a schema of its own.
func TestScriptsOnPostgreSQL(t *testing.T) {
	t.Parallel()
	base := storetest.URL(t)
	runScripts(t, filepath.Join("testdata", "postgres"), func(env *testscript.Env) error {
		here, err := url.Parse(storetest.Schema(t, base))
		if err != nil {
			return err
		}
		env.Setenv("DATABASE", here.String())
		here.User = url.UserPassword("nobody_at_all", "sekrit")
		query := here.Query()
		query.Del("user") // it would go before the one that is meant
		here.RawQuery = query.Encode()
		env.Setenv("STRANGER", here.String())
		return nil
	})
}

func runScripts(t *testing.T, dir string, setup func(*testscript.Env) error) {
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			for _, name := range []string{"C2S", "METRICS"} {
				addr, err := freeAddr()
				if err != nil {
					return err
				}
				env.Setenv(name, addr)
			}
			return setup(env)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"expand": expand, "running": running, "one-line": oneLine, "tamper-sqlite": tamperSQLite, "tamper-postgres": tamperPostgres,
		},
	})
}

// freeAddr finds a port that is free just now.
func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}

// expand replaces $NAME in files by the environment.
func expand(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

// running waits until a server answers on the control socket of a data directory.
func running(ts *testscript.TestScript, _ bool, args []string) {
	path := filepath.Join(ts.MkAbs(args[0]), "control.sock")
	deadline := time.Now().Add(20 * time.Second)
	for {
		conn, err := net.Dial("unix", path)
		if err == nil {
			ts.Check(conn.Close())
			return
		}
		if time.Now().After(deadline) {
			ts.Check(errors.Join(fmt.Errorf("no server answers"), err))
		}
		<-time.After(10 * time.Millisecond)
	}
}

// oneLine checks that what the last command wrote to stdout or stderr is one line.
func oneLine(ts *testscript.TestScript, _ bool, args []string) {
	if text := ts.ReadFile(args[0]); strings.Count(text, "\n") != 1 {
		ts.Fatalf("%s is not one line:\n%s", args[0], text)
	}
}

// tamperSQLite changes the database in a data directory behind the program's back.
func tamperSQLite(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", filepath.Join(ts.MkAbs(args[0]), "palabre.db"))
	ts.Check(err)
	_, err = db.Exec(args[1])
	ts.Check(errors.Join(err, db.Close()))
}

// tamperPostgres does so in the script's schema.
func tamperPostgres(ts *testscript.TestScript, _ bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, ts.Getenv("DATABASE"))
	ts.Check(err)
	_, err = conn.Exec(ctx, args[0])
	ts.Check(errors.Join(err, conn.Close(ctx)))
}
