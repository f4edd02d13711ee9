package main_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// root is the repository seen from this folder.
const root = "../.."

// file is a Go file as the rules see it.
type file struct {
	path   string // from the root, with slashes
	pkg    string // its folder
	test   bool   // whether its name ends in _test.go
	source []byte
	set    *token.FileSet
	syntax *ast.File
	consts map[string]bool // the package's constants
}

// TestStructure holds every Go file of the repository to the rules; each says why it is there and what to do instead.
func TestStructure(t *testing.T) {
	t.Parallel()
	files := repository(t)
	for _, f := range files {
		for _, problem := range judge(f, rules) {
			t.Error(problem)
		}
	}
	if len(files) < 10 {
		t.Errorf("only %d Go files found under %s", len(files), root)
	}
}

// judge returns what the rules have against a file.
func judge(f *file, rules []rule) []string {
	var problems []string
	for _, r := range rules {
		for _, b := range r.check(f) {
			problems = append(problems, fmt.Sprintf("%s:%d: %s: %s.\n\tInstead: %s. (rule %s)", f.path, b.line, b.what, r.why, r.instead, r.name))
		}
	}
	return problems
}

// repository parses all Go files.
func repository(t *testing.T) []*file {
	t.Helper()
	var files []*file
	consts := map[string]map[string]bool{}
	for _, name := range names(t, ".go") {
		source, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		f, err := parse(name, source)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if consts[f.pkg] == nil {
			consts[f.pkg] = f.consts
		}
		for c := range f.consts {
			consts[f.pkg][c] = true
		}
		f.consts = consts[f.pkg]
		files = append(files, f)
	}
	return files
}

// names lists the repository's files that end so, leaving out what git and npm keep.
func names(t *testing.T, ending string) []string {
	t.Helper()
	var list []string
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (d.Name()[0] == '.' || d.Name() == "node_modules" || d.Name() == "palabre-data"):
			return fs.SkipDir
		case !d.IsDir() && strings.HasSuffix(name, ending):
			list = append(list, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func parse(name string, source []byte) (*file, error) {
	set := token.NewFileSet()
	syntax, err := parser.ParseFile(set, name, source, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	f := &file{
		path: name, pkg: path.Dir(name), test: strings.HasSuffix(name, "_test.go"),
		source: source, set: set, syntax: syntax, consts: map[string]bool{},
	}
	for _, d := range syntax.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.CONST {
			for _, s := range g.Specs {
				for _, n := range s.(*ast.ValueSpec).Names {
					f.consts[n.Name] = true
				}
			}
		}
	}
	return f, nil
}

func (f *file) line(p token.Pos) int { return f.set.Position(p).Line }

// TestRules shows for each rule a file that breaks it and one, almost the same, that does not.
func TestRules(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, test := range ruleTests {
		seen[test.rule] = true
		t.Run(test.rule+"/"+test.path, func(t *testing.T) {
			t.Parallel()
			if got := broken(t, test.rule, test.path, test.bad); len(got) == 0 {
				t.Errorf("rule %s finds nothing wrong with\n%s", test.rule, test.bad)
			} else if !strings.Contains(got[0], test.says) {
				t.Errorf("got %q, want it to say %q", got[0], test.says)
			}
			good := test.path
			if test.goodPath != "" {
				good = test.goodPath
			}
			if got := broken(t, test.rule, good, test.good); len(got) > 0 {
				t.Errorf("rule %s refuses what is allowed: %s\n%s", test.rule, got, test.good)
			}
		})
	}
	for _, r := range rules {
		if !seen[r.name] {
			t.Errorf("nothing shows that rule %s can fail: add a line to ruleTests", r.name)
		}
	}
}

// broken judges a source by one rule.
func broken(t *testing.T, name, path, source string) []string {
	t.Helper()
	f, err := parse(path, []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		if r.name == name {
			return judge(f, []rule{r})
		}
	}
	t.Fatalf("there is no rule %s", name)
	return nil
}

// ruleTests hold a bad and a good file for each rule. An empty goodPath is the same as path.
var ruleTests = []struct {
	rule, path, bad, says, goodPath, good string
}{
	{"floors", "roster/a.go", `package roster; import _ "palabre/store"`, "imports palabre/store", "cmd/palabre/a.go", `package main; import _ "palabre/store"`},
	{"floors", "roster/b.go", `package roster; import _ "palabre/presence"`, "imports palabre/presence", "", `package roster; import _ "palabre/server"`},
	{"floors", "stream/a.go", `package stream; import _ "palabre/server"`, "imports palabre/server", "server/a.go", `package server; import _ "palabre/stream"`},
	{"floors", "server/c2s/a.go", `package c2s; import _ "palabre/account"`, "imports palabre/account", "", `package c2s; import ("palabre/server"; "palabre/stream"; "palabre/xmpp")`},
	{"floors", "server/b.go", `package server; import _ "palabre/server/c2s"`, "imports palabre/server/c2s", "server/b_test.go", `package server_test; import _ "palabre/server/servertest"`},
	{"floors", "muc/a.go", `package muc; import _ "palabre/server/servertest"`, "test tool", "attack/a.go", `package attack; import ("palabre/server/servertest"; "palabre/store")`},
	{"floors", "cmd/palabre/b.go", `package main; import _ "palabre/chaos"`, "test tool", "", `package main; import _ "palabre/bench"`},
	{"floors", "daemon/a.go", `package daemon; import _ "palabre/cmd/palabre"`, "imports palabre/cmd/palabre", "cmd/palabre/c.go", `package main; import _ "palabre/daemon"`},
	{"known", "gossip/a.go", `package gossip`, "has no floor", "presence/a.go", `package presence`},
	{"floors", "xep/a.go", `package xep; import _ "palabre/gossip"`, "imports palabre/gossip", "", `package xep; import _ "palabre/xmpp"`},
	{"layout", "server/c2s/tls/a.go", `package tls`, "deeper than two", "server/c2s/a.go", `package c2s`},
	{"layout", "internal/a.go", `package internal`, `is called "internal"`, "roster/a.go", `package roster`},
	{"layout", "server/util/a.go", `package util`, `is called "util"`, "server/s2s/a.go", `package s2s`},
	{"layout", "xep/xep0280.go", `package xep`, "is named after a number", "xep/carbons.go", `package xep`},
	{"sql", "roster/a.go", `package roster; import _ "database/sql"`, "imports database/sql", "store/a.go", `package store; import _ "database/sql"`},
	{"sql", "server/a.go", `package server; import _ "github.com/jackc/pgx/v5"`, "imports github.com/jackc/pgx/v5", "", `package server; import _ "context"`},
	{"sql", "migrations/a.go", `package migrations; import _ "modernc.org/sqlite"`, "imports modernc.org/sqlite", "", `package migrations; import _ "embed"`},
	{"sql", "cmd/palabre/a.go", `package main; import _ "github.com/pressly/goose/v3"`, "imports github.com/pressly/goose/v3", "", `package main; import _ "palabre/store"`},
	{"floors", "admin/a.go", `package admin; import _ "palabre/store"`, "imports palabre/store", "", `package admin; import _ "palabre/account"`},
	{"network", "server/a.go", `package server; import "net"; func f() { net.Listen("tcp", ":0") }`, "uses net.Listen", "server/c2s/a.go", `package c2s; import "net"; func f() { net.Listen("tcp", ":0") }`},
	{"network", "stream/a.go", `package stream; import n "net"; var d n.Dialer`, "uses net.Dialer", "", `package stream; import "net"; type t struct{ c net.Conn }`},
	{"network", "account/a.go", `package account; import "net"; func f() { net.LookupHost("h") }`, "uses net.LookupHost", "", `package account; import "net/netip"; var a netip.Addr`},
	{"network", "muc/a.go", `package muc; import "net/http"; func f() { http.Get("u") }`, "uses net/http.Get", "", `package muc; import "net/http"; var s = http.StatusOK`},
	{"network", "muc/b.go", `package muc; import _ "net/smtp"`, "imports net/smtp", "mail/b.go", `package mail; import _ "net/smtp"`},
	{"network", "muc/c.go", `package muc; import . "net"`, "without a name", "", `package muc; func f(net struct{ Listen func() }) { net.Listen() }`},
	{"mellium", "server/a.go", `package server; import _ "mellium.im/xmpp"`, "imports mellium.im/xmpp", "", `package server; import _ "mellium.im/xmpp/jid"`},
	{"todo", "roster/a_test.go", `package roster; import "context"; var c = context.TODO()`, "context.TODO", "", `package roster; import "context"; var c = context.Background()`},
	{"exit", "store/a.go", `package store; import "os"; func f() { os.Exit(1) }`, "uses os.Exit", "cmd/palabre/a.go", `package main; import "os"; func f() { os.Exit(1) }`},
	{"exit", "store/b.go", `package store; import "log"; func f() { log.Fatalf("x") }`, "uses log.Fatalf", "store/b_test.go", `package store; import "os"; func TestMain() { os.Exit(1) }`},
	{"globals", "server/a.go", `package server; import "log/slog"; func f() { slog.Info("x") }`, "uses log/slog.Info", "", `package server; import "log/slog"; func f(l *slog.Logger) { l.Info("x") }`},
	{"globals", "server/b.go", `package server; import "fmt"; func f() { fmt.Println("x") }`, "uses fmt.Println", "", `package server; import "fmt"; var s = fmt.Sprint("x")`},
	{"globals", "cmd/palabre/a.go", `package main; import "github.com/prometheus/client_golang/prometheus"; func f() { prometheus.MustRegister() }`, "MustRegister", "", `package main; import "github.com/prometheus/client_golang/prometheus"; var r = prometheus.NewRegistry()`},
	{"random", "xep/a.go", `package xep; import _ "math/rand/v2"`, "imports math/rand/v2", "xep/a_test.go", `package xep; import _ "math/rand/v2"`},
	{"random", "xep/b.go", `package xep; import _ "math/rand"`, "imports math/rand", "", `package xep; import _ "crypto/rand"`},
	{"sleep", "roster/a_test.go", `package roster; import "time"; func f() { time.Sleep(1) }`, "sleeps", "", `package roster; import ("time"; "testing"; "testing/synctest"); func f(t *testing.T) { synctest.Test(t, func(t *testing.T) { time.Sleep(1) }) }`},
	{"sleep", "roster/b_test.go", `package roster; import "time"; func f() { <-time.After(1) }`, "sleeps", "", `package roster; import "time"; func f(c chan int) { select { case <-c: case <-time.After(1): } }`},
	{"sleep", "roster/c_test.go", `package roster; import "time"; func f() { for i := range 3 { _ = i; time.Sleep(1) } }`, "sleeps", "", `package roster; import "time"; func f(end time.Time) { for time.Now().Before(end) { time.Sleep(1) } }`},
	{"placeholders", "store/a.go", "package store; import \"fmt\"; func f(x string) string { return fmt.Sprintf(`SELECT a FROM b WHERE c = '%s'`, x) }", "builds SQL", "", "package store; import \"fmt\"; func f(x error) error { return fmt.Errorf(`store: select: %w`, x) }"},
	{"placeholders", "store/b.go", "package store; func f(x string) string { return `delete from ` + x }", "builds SQL", "", "package store; const c = `a, b`; const q = `select ` + c + ` from d`; var r = `select ` + c + ` from e`"},
	{"placeholders", "store/c.go", "package store; func f(q, x string) string { q += ` WHERE a = ` + x; return q }", "builds SQL", "", "package store; func f(q, x string) string { return `at ` + x }"},
	{"placeholders", "store/d.go", "package store; func f(n int) string { return `select a from b where c in (` + names(n) + `)` }", "builds SQL", "", "package store; var q = `select a from b where c in (` + placeholders(9) + `)`"},
	{"size", "muc/a.go", "package muc\nfunc f() {" + strings.Repeat("\n", 81) + "}", "f has 82 lines", "", "package muc\nfunc f() {" + strings.Repeat("\n", 79) + "}"},
	{"size", "muc/b.go", "package muc" + strings.Repeat("\n", 500) + "type a int", "501 lines", "", "package muc\nvar table = []int{" + strings.Repeat("\n", 500) + "}\ntype a int"},
	{"format", "muc/a.go", "package muc\nvar a  int\n", "not formatted", "", "package muc\n\nvar a int\n"},
}
