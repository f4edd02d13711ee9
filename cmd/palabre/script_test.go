package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"palabre": main})
}

// TestScripts runs the command line as a person would: see testdata/*.txt.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			c2s, err := freeAddr()
			if err != nil {
				return err
			}
			metrics, err := freeAddr()
			if err != nil {
				return err
			}
			env.Setenv("C2S", c2s)
			env.Setenv("METRICS", metrics)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"expand": expand, "running": running},
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
