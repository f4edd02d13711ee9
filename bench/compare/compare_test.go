package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"palabre/bench"
)

// The exchange of RFC 7677 §3 must verify against the account that is written for its password.
func TestProsodyAccount(t *testing.T) {
	t.Parallel()
	salt, err := base64.StdEncoding.DecodeString("W22ZaJ0SNY7soEsUEjb6gQ==")
	if err != nil {
		t.Fatal(err)
	}
	record, err := prosodyAccount("pencil", string(salt), 4096)
	if err != nil {
		t.Fatal(err)
	}
	key := func(name string) []byte {
		m := regexp.MustCompile(`\["` + name + `"\] = "([0-9a-f]+)";`).FindSubmatch(record)
		if m == nil {
			t.Fatalf("no %s in:\n%s", name, record)
		}
		b, err := hex.DecodeString(string(m[1]))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	const nonce = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
	message := "n=user,r=rOprNGfwEbeRWgbNEkqO," + nonce + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws," + nonce
	sign := func(key []byte) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(message))
		return h.Sum(nil)
	}
	if got := base64.StdEncoding.EncodeToString(sign(key("server_key"))); got != "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" {
		t.Errorf("the server's proof is %s", got)
	}
	proof, err := base64.StdEncoding.DecodeString("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
	if err != nil {
		t.Fatal(err)
	}
	client := make([]byte, sha256.Size)
	subtle.XORBytes(client, proof, sign(key("stored_key")))
	if got := sha256.Sum256(client); string(got[:]) != string(key("stored_key")) {
		t.Error("the client's proof does not verify")
	}
}

func TestMedian(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values []float64
		want   float64
	}{{[]float64{7}, 7}, {[]float64{9, 1}, 5}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 3, 2}, 2.5}} {
		if got := median(c.values); got != c.want {
			t.Errorf("median of %v is %v, want %v", c.values, got, c.want)
		}
	}
}

// named is a server of which only the name matters.
type named struct{ server }

func (named) Name() string    { return "One" }
func (named) Version() string { return "1.2" }

type other struct{ server }

func (other) Name() string    { return "Other" }
func (other) Version() string { return "3" }

func TestTable(t *testing.T) {
	t.Parallel()
	report := func(scenario string, cpu, rate, rss float64) bench.Report {
		return bench.Report{Scenario: scenario, CPU: cpu, Rate: rate, RSSPerSession: rss, Users: 2000}
	}
	text := newTable([]server{named{}, other{}}, []result{
		{"One", "1.2", 1, "chat", report("chat", 9.94, 1000, 0)},
		{"One", "1.2", 2, "chat", report("chat", 300, 5, 0)},
		{"One", "1.2", 3, "chat", report("chat", 1, 9000, 0)},
		{"One", "1.2", 1, "connect", report("connect", 812.4, 77, 17.96)},
		{"Other", "3", 1, "connect", report("connect", 3646, 12, 67)},
		{"Other", "3", 1, "enter", report("enter", 80_600, 18, 0)},
	}).Markdown()
	for _, line := range []string{
		"| | One | Other |\n",
		"| --- | ---: | ---: |\n",
		"| 1:1 chat, CPU µs a message | 9.9 (1000/s) | |\n",
		"| a login (TLS, SCRAM, bind), CPU µs | 812 (77/s) | 3646 (12/s) |\n",
		"| entering a room of 1,000, CPU ms | | 80.6 (18/s) |\n",
		"| memory (RSS) an idle session with roster and presence, KiB | 18.0 | 67.0 |\n",
		"Median of 3 rounds", "One 1.2, Other 3.", "Idle: 2000 sessions.", "`go run ./bench/compare",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("the table lacks %q:\n%s", line, text)
		}
	}
	if strings.Contains(text, "presence, CPU") {
		t.Errorf("the table has a row for what was not measured:\n%s", text)
	}
}

// A process that ends before it serves is reported with what it said, and one that serves is ended.
func TestStart(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sh", "-c", "echo the port is taken >&2; exit 3")
	cmd.Dir = t.TempDir()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	if _, err = start(context.Background(), cmd, port, nil); err == nil || !strings.Contains(err.Error(), "the port is taken") {
		t.Errorf("start: %v", err)
	}
}

// Every row has a task, every task a row and a scenario of the load tool, and the engines are those that are asked for.
func TestTasks(t *testing.T) {
	t.Parallel()
	chosen, err := choose(strings.Join(taskNames(), ","))
	if err != nil || len(chosen) != len(tasks) {
		t.Fatalf("%d tasks, %v", len(chosen), err)
	}
	for _, task := range tasks {
		if !slices.ContainsFunc(rows, func(r row) bool { return r.task == task.name }) {
			t.Errorf("%s has no row", task.name)
		}
		if !slices.ContainsFunc(bench.Scenarios(), func(s bench.Scenario) bool { return s.Name() == task.scenario }) {
			t.Errorf("%s: there is no scenario %s", task.name, task.scenario)
		}
	}
	for _, r := range rows {
		if _, err := choose(r.task); err != nil {
			t.Errorf("%s: %v", r.title, err)
		}
	}
	if chosen, err = choose("chat-sqlite,chat,archive-sqlite"); err != nil || !slices.Equal(engines(chosen), []engine{inSQLite, off}) {
		t.Errorf("engines %v, %v", engines(chosen), err)
	}
	for _, names := range []string{usual, "chat"} {
		if _, err := choose(names); err != nil {
			t.Error(err)
		}
	}
	if _, err := choose("chat,dance"); err == nil || !strings.Contains(err.Error(), "archive-sqlite") {
		t.Errorf("an unknown scenario: %v", err)
	}
}

// A room's archive holds what was said if it is on, and nothing if it is off.
func TestKept(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		task     string
		archived int
		says     string // empty: it is as it should be
	}{
		{"room-10", 0, ""},
		{"room-10", 1, "the archive is off"},
		{"room-10-postgresql", 0, "0 messages in the archive, of 9"},
		{"room-10-postgresql", 8, "8 messages in the archive, of 9"},
		{"room-10-postgresql", 10, ""}, // the subject can be among them
		{"chat-postgresql", 0, ""},
	} {
		chosen, err := choose(c.task)
		if err != nil {
			t.Fatal(err)
		}
		r := bench.Report{}
		if chosen[0].scenario == "muc" {
			r.Rooms = &bench.RoomsReport{Sent: 9, Archived: c.archived}
		}
		if err := kept(chosen[0], r); (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s with %d messages in it: %v; want an error that says %q", c.task, c.archived, err, c.says)
		}
	}
}

func TestRequire(t *testing.T) {
	t.Parallel()
	if err := require(nil); err != nil {
		t.Error(err)
	}
	if err := require([]string{"palabre-is-not-there", "also-not", "also-not"}); err == nil || !strings.HasSuffix(err.Error(), " also-not palabre-is-not-there") {
		t.Errorf("%v", err)
	}
}

// A server whose archive is in PostgreSQL has a cluster of its own, whose time counts as the database's, and which ends with it.
func TestCluster(t *testing.T) {
	t.Parallel()
	if err := require([]string{"postgresql"}); err != nil {
		t.Skip(err)
	}
	site, err := newSite(readable(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	c, err := newCluster(ctx, site, "db")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.with(ctx, func() error { return c.client(ctx, "psql", "--dbname", role, "--command", "CREATE TABLE t ()") }); err != nil {
		t.Fatal(err)
	}
	if err := c.client(ctx, "pg_isready", "--quiet"); err == nil {
		t.Error("the cluster still runs")
	}
	failed := errors.New("no")
	if _, err := c.startOn(ctx, inPostgreSQL, func() (*process, error) { return nil, failed }); !errors.Is(err, failed) {
		t.Errorf("the server's error is %v", err)
	}
	if err := c.client(ctx, "pg_isready", "--quiet"); err == nil {
		t.Error("the cluster runs without its server")
	}
	if p, err := c.startOn(ctx, off, func() (*process, error) { return &process{}, nil }); err != nil || p.database != nil {
		t.Errorf("without an archive there is a database: %v, %v", p, err)
	}
}

// readable is a folder of the test's that other users may enter.
func readable(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "compare-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
