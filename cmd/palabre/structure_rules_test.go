package main_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// rule is something that every Go file keeps to.
type rule struct {
	name    string
	why     string
	instead string
	check   func(*file) []breach
}

// breach is a line that breaks a rule.
type breach struct {
	line int
	what string
}

// floors are the packages' floors; docs/architecture.md shows them. A package imports lower floors only.
var floors = map[string]int{
	"xmpp": 0, "migrations": 0,
	"stream": 1, "server": 1,
	"server/c2s": 2, "server/s2s": 2, "server/websocket": 2, "server/component": 2,
	"account": 2, "directory": 2, "roster": 2, "presence": 2, "muc": 2, "history": 2, "letter": 2, "courier": 2, "resumption": 2, "mail": 2, "pubsub": 2,
	"upload": 2, "push": 2, "calls": 2, "xep": 2, "web": 2,
	"store": 3, "admin": 3,
	"daemon": 4, "cmd/palabre": 4,
}

// testTools may import anything and are imported by tests only, but for bench, which is the command `palabre bench` too.
var testTools = []string{"server/servertest", "store/storetest", "attack", "interop", "chaos", "bench", "tools"}

// sameFloor holds the imports allowed inside a floor: the kernel knows the streams that carry its sessions, and the command
// starts the server.
var sameFloor = map[string]string{"server": "stream", "cmd/palabre": "daemon"}

// networked packages may listen, dial and resolve names.
var networked = []string{
	"cmd/palabre", "daemon", "admin", "server/c2s", "server/s2s", "server/websocket", "server/component", "web", "upload", "mail", "push", "calls",
}

var rules = []rule{
	{
		"floors", "a package imports lower floors only, so that siblings never know each other (docs/architecture.md)",
		"declare the interface that you need in this package and join the two in daemon",
		checkFloors,
	},
	{
		"known", "a package without a floor may import anything",
		"give it a floor in the table of cmd/palabre/structure_rules_test.go and in docs/architecture.md",
		func(f *file) []breach {
			if _, ok := floors[f.pkg]; ok || f.tool() {
				return nil
			}
			return []breach{{1, "package " + f.pkg + " has no floor"}}
		},
	},
	{
		"layout", "packages are nouns of the domain, at most two deep, and files are named after their topic",
		"find the noun that says what it does",
		checkLayout,
	},
	{
		"sql", "only store knows SQL, so that each query is written once and runs on both engines",
		"declare a Store interface in this package and implement it in store",
		func(f *file) []breach {
			if f.pkg == "store" || f.test || f.tool() {
				return nil
			}
			return f.imports("database/sql", "github.com/jackc", "modernc.org", "github.com/pressly/goose")
		},
	},
	{
		"network", "only transports and what talks to outside services touch the network, so that the rest can be tested in memory",
		"take a net.Conn, or an interface, from the one who calls you",
		checkNetwork,
	},
	{
		"mellium", "mellium's session has no limits and trusts the stream's from: it must not carry our streams",
		"use package stream; mellium's jid, stanza, form, disco and mux packages are welcome",
		func(f *file) []breach {
			if f.test || f.tool() {
				return nil
			}
			return slices.DeleteFunc(f.imports("mellium.im/xmpp"), func(b breach) bool { return b.what != "imports mellium.im/xmpp" })
		},
	},
	{
		"todo", "a context carries a deadline and the end of the session or it is not one",
		"take the context as first parameter; in tests use t.Context()",
		func(f *file) []breach { return f.uses("context", "TODO") },
	},
	{
		"exit", "a package that ends the process takes everybody's sessions with it",
		"return the error; main decides",
		func(f *file) []breach {
			if f.test || f.syntax.Name.Name == "main" {
				return nil
			}
			return append(f.uses("os", "Exit"), f.uses("log", "Fatal*", "Panic*")...)
		},
	},
	{
		"globals", "nothing is process-wide: two servers must be able to run in one test",
		"use a field: *slog.Logger, a prometheus.Registry, an http.ServeMux, an io.Writer of your own",
		checkGlobals,
	},
	{
		"random", "what math/rand gives can be guessed",
		"use crypto/rand, or a field that tests can replace",
		func(f *file) []breach {
			if f.test || f.tool() {
				return nil
			}
			return f.imports("math/rand")
		},
	},
	{
		"sleep", "a test that sleeps is slow on a fast machine and fails on a slow one",
		"wait for the event itself (a ping as a fence, a channel), sleep inside synctest.Test, or, where another process is waited for, poll in a loop with a deadline",
		checkSleep,
	},
	{
		"placeholders", "a query built from strings is an injection sooner or later",
		"write a constant with $n placeholders; choose between constants",
		checkPlaceholders,
	},
	{
		"size", "a file is one thought (500 lines at most) and a function fits on a screen (80 lines at most); tables and tests do not count",
		"give each verb its own file and each step its own function",
		checkSize,
	},
	{
		"format", "formatting is not a matter of taste",
		"run gofmt -w on it",
		func(f *file) []breach {
			if want, err := format.Source(f.source); err != nil || !bytes.Equal(want, f.source) {
				return []breach{{1, "is not formatted"}}
			}
			return nil
		},
	},
}

func (f *file) tool() bool { return isTool(f.pkg) }

func isTool(pkg string) bool {
	return slices.ContainsFunc(testTools, func(t string) bool { return within(pkg, t) })
}

// within reports whether a path is another one or below it.
func within(p, parent string) bool { return p == parent || strings.HasPrefix(p, parent+"/") }

// imports are the import lines of these paths and of those below them.
func (f *file) imports(paths ...string) []breach {
	var list []breach
	for _, i := range f.syntax.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		if slices.ContainsFunc(paths, func(parent string) bool { return within(p, parent) }) {
			list = append(list, breach{f.line(i.Pos()), "imports " + p})
		}
	}
	return list
}

// uses are the places that name something of a package; a name may end in a star.
func (f *file) uses(pkg string, names ...string) []breach {
	var list []breach
	for _, s := range usesIn(f.syntax, f.localName(pkg), names...) {
		list = append(list, breach{f.line(s.Pos()), "uses " + pkg + "." + s.Sel.Name})
	}
	return list
}

// usesIn are the places under a node that name something of the package known as local.
func usesIn(node ast.Node, local string, names ...string) []*ast.SelectorExpr {
	var list []*ast.SelectorExpr
	ast.Inspect(node, func(n ast.Node) bool {
		if name, ok := selects(n, local); ok && slices.ContainsFunc(names, func(pattern string) bool {
			ok, _ := path.Match(pattern, name)
			return ok
		}) {
			list = append(list, n.(*ast.SelectorExpr))
		}
		return true
	})
	return list
}

// selects returns X of local.X, unless local is a variable here.
func selects(n ast.Node, local string) (string, bool) {
	s, ok := n.(*ast.SelectorExpr)
	if !ok {
		return "", false
	}
	x, ok := s.X.(*ast.Ident)
	if !ok || x.Name != local || x.Obj != nil { //nolint:staticcheck // the parser's resolution is enough here
		return "", false
	}
	return s.Sel.Name, true
}

// localName is the name under which a file knows a package, empty where it does not.
func (f *file) localName(pkg string) string {
	for _, i := range f.syntax.Imports {
		if p, _ := strconv.Unquote(i.Path.Value); p == pkg {
			if i.Name != nil {
				return i.Name.Name
			}
			return path.Base(pkg)
		}
	}
	return ""
}

func checkFloors(f *file) []breach {
	if f.test || f.tool() {
		return nil
	}
	mine, ok := floors[f.pkg]
	if !ok {
		return nil // rule known
	}
	var list []breach
	for _, b := range f.imports("palabre") {
		pkg := strings.TrimPrefix(b.what, "imports palabre/")
		floor, known := floors[pkg]
		switch {
		case isTool(pkg) && (mine < 4 || !within(pkg, "bench")):
			list = append(list, breach{b.line, b.what + ", a test tool"})
		case isTool(pkg), known && floor < mine, sameFloor[f.pkg] == pkg:
		default:
			list = append(list, b)
		}
	}
	return list
}

var (
	bannedNames = []string{"internal", "pkg", "util", "utils", "common", "manager", "impl", "helpers", "misc"}
	numbered    = regexp.MustCompile(`^(xep|rfc)[-_]?\d+`)
)

func checkLayout(f *file) []breach {
	var list []breach
	parts := strings.Split(f.pkg, "/")
	if len(parts) > 2 {
		list = append(list, breach{1, "package " + f.pkg + " lies deeper than two"})
	}
	for _, p := range parts {
		if slices.Contains(bannedNames, p) {
			list = append(list, breach{1, fmt.Sprintf("package %s is called %q", f.pkg, p)})
		}
	}
	if numbered.MatchString(path.Base(f.path)) {
		list = append(list, breach{1, "is named after a number"})
	}
	return list
}

func checkNetwork(f *file) []breach {
	if f.test || f.tool() || slices.Contains(networked, f.pkg) {
		return nil
	}
	list := f.imports("net/smtp", "net/rpc", "github.com/emersion/go-smtp", "github.com/coder/websocket", "github.com/gorilla/websocket")
	for _, i := range f.syntax.Imports {
		if i.Name != nil && i.Name.Name == "." {
			list = append(list, breach{f.line(i.Pos()), "imports " + i.Path.Value + " without a name, which hides what it uses"})
		}
	}
	list = append(list, f.uses("net", "Listen*", "Dial*", "Lookup*", "Resolve*", "Resolver", "DefaultResolver", "FileListener", "FileConn")...)
	list = append(list, f.uses("crypto/tls", "Dial*", "Listen")...)
	return append(list, f.uses("net/http", "ListenAndServe*", "Serve", "ServeTLS", "Server", "Get", "Head", "Post*", "Client", "Transport", "Default*")...)
}

func checkGlobals(f *file) []breach {
	if f.test || f.tool() {
		return nil
	}
	list := f.uses("log/slog", "Default", "SetDefault", "Debug*", "Info*", "Warn*", "Error*", "Log", "LogAttrs", "With")
	list = append(list, f.uses("net/http", "Handle", "HandleFunc", "DefaultServeMux")...)
	list = append(list, f.uses("github.com/prometheus/client_golang/prometheus", "Register", "MustRegister", "Unregister", "Default*")...)
	if f.syntax.Name.Name != "main" {
		list = append(list, f.uses("fmt", "Print", "Printf", "Println")...)
		list = append(list, f.uses("os", "Stdout", "Stderr", "Stdin", "Args")...)
	}
	return list
}

func checkSleep(f *file) []breach {
	if !f.test || f.tool() {
		return nil
	}
	clock, bubble := f.localName("time"), f.localName("testing/synctest")
	timeouts := map[ast.Stmt]bool{} // a timeout in a select is not a sleep
	var list []breach
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ForStmt:
			return len(usesIn(n, clock, "Now", "Since", "Until")) == 0 // else a loop with a deadline
		case *ast.FuncDecl:
			return bubble == "" || strings.HasPrefix(n.Name.Name, "Test") // what a bubble's helpers do is its own business
		case *ast.CallExpr:
			if _, ok := selects(n.Fun, bubble); ok {
				return false // time is not real inside
			}
			if name, ok := selects(n.Fun, clock); ok && name == "Sleep" {
				list = append(list, breach{f.line(n.Pos()), "sleeps"})
			}
		case *ast.ExprStmt:
			if receive, ok := n.X.(*ast.UnaryExpr); ok && receive.Op == token.ARROW && !timeouts[n] {
				if call, ok := receive.X.(*ast.CallExpr); ok {
					if name, ok := selects(call.Fun, clock); ok && name == "After" {
						list = append(list, breach{f.line(n.Pos()), "sleeps"})
					}
				}
			}
		case *ast.CommClause:
			timeouts[n.Comm] = true
		}
		return true
	})
	return list
}

// looksLikeSQL matches statements in any case, and fragments in capitals or after a space.
var looksLikeSQL = regexp.MustCompile(`(?is)^\s*(select\s|insert\s+into\b|update\s+\w+\s+set\b|delete\s+from\b|truncate\s+table\b|with\s+(recursive\s+)?\w+\s+as\b` +
	`|create\s+(unique\s+|virtual\s+)?(table|index|database|schema|role|extension|trigger)\b|(drop|alter)\s+(table|index|database|schema|role)\b)` +
	`|^\s+(where|order by|group by|limit|offset|returning|values|on conflict|and|or)\s` +
	`|(?-i:\b(SELECT|FROM|WHERE|JOIN|VALUES|RETURNING|ORDER BY|GROUP BY|LIMIT|OFFSET|ON CONFLICT)\b)`)

func checkPlaceholders(f *file) []breach {
	if f.test || f.pkg != "store" {
		return nil
	}
	var list []breach
	flag := func(n ast.Node) bool {
		list = append(list, breach{f.line(n.Pos()), "builds SQL from strings"})
		return false
	}
	format := f.localName("fmt")
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			return n.Tok != token.CONST
		case *ast.CallExpr:
			if name, ok := selects(n.Fun, format); ok && name != "Errorf" && slices.ContainsFunc(n.Args, holdsSQL) {
				return flag(n)
			}
		case *ast.BinaryExpr:
			if n.Op == token.ADD && holdsSQL(n) && !f.constant(n) {
				return flag(n)
			}
		}
		return true
	})
	return list
}

// holdsSQL reports whether a literal in an expression looks like SQL.
func holdsSQL(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BinaryExpr:
		return holdsSQL(e.X) || holdsSQL(e.Y)
	case *ast.ParenExpr:
		return holdsSQL(e.X)
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return err == nil && looksLikeSQL.MatchString(text)
	}
	return false
}

// constant reports whether an expression is made of literals, of the package's constants and of lists of placeholders.
func (f *file) constant(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BinaryExpr:
		return f.constant(e.X) && f.constant(e.Y)
	case *ast.ParenExpr:
		return f.constant(e.X)
	case *ast.BasicLit:
		return true
	case *ast.Ident:
		return f.consts[e.Name]
	case *ast.CallExpr:
		name, ok := e.Fun.(*ast.Ident)
		return ok && name.Name == "placeholders"
	}
	return false
}

const (
	longestFile     = 500
	longestFunction = 80
)

func checkSize(f *file) []breach {
	if f.test || ast.IsGenerated(f.syntax) {
		return nil
	}
	var list []breach
	lines := bytes.Count(f.source, []byte("\n")) + 1
	for _, d := range f.syntax.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if n := f.line(d.End()) - f.line(d.Pos()) + 1; n > longestFunction {
				list = append(list, breach{f.line(d.Pos()), fmt.Sprintf("function %s has %d lines", d.Name.Name, n)})
			}
		case *ast.GenDecl:
			if d.Tok == token.VAR || d.Tok == token.CONST {
				lines -= f.line(d.End()) - f.line(d.Pos())
			}
		}
	}
	if lines > longestFile {
		list = append(list, breach{1, fmt.Sprintf("has %d lines", lines)})
	}
	return list
}
