package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// event is a line of `go test -json`; see `go doc test2json`.
type event struct {
	Action, Package, ImportPath, Test, Output string
}

// key names a test, or with an empty test the package itself.
type key struct{ pkg, test string }

type report struct {
	strict  bool
	output  map[key][]string
	verdict map[key]string // pass, fail or skip
	order   []key          // of the verdicts
	started []key          // in their order
	parent  map[key]bool   // tests with subtests
	builds  map[string][]string
	stray   []string // lines that are not JSON: problems of the go command itself
}

func newReport(strict bool) *report {
	return &report{
		strict: strict, output: map[key][]string{}, verdict: map[key]string{},
		parent: map[key]bool{}, builds: map[string][]string{},
	}
}

func (r *report) read(in *bufio.Reader) error {
	for {
		line, err := in.ReadString('\n')
		if line != "" {
			r.line(line)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) line(line string) {
	var e event
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		if !strings.HasPrefix(line, "go: downloading ") {
			r.stray = append(r.stray, line)
		}
		return
	}
	k := key{e.Package, e.Test}
	switch e.Action {
	case "run":
		r.started = append(r.started, k)
		if i := strings.LastIndexByte(e.Test, '/'); i > 0 {
			r.parent[key{e.Package, e.Test[:i]}] = true
		}
	case "output":
		r.output[k] = append(r.output[k], e.Output)
	case "build-output":
		r.builds[e.ImportPath] = append(r.builds[e.ImportPath], e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.unfinished(e.Package)
		}
		r.end(k, e.Action)
	}
}

func (r *report) end(k key, verdict string) {
	r.verdict[k] = verdict
	r.order = append(r.order, k)
	if verdict == "pass" {
		delete(r.output, k)
	}
}

// unfinished fails the tests that had no end when their package ended: a panic, a timeout or os.Exit cut them off.
func (r *report) unfinished(pkg string) {
	for _, k := range r.started {
		if k.pkg == pkg && r.verdict[k] == "" {
			r.end(k, "fail")
		}
	}
}

// write prints the report and reports whether all is well.
func (r *report) write(out io.Writer) bool {
	failed, skipped, passed := r.failures(), r.leaves("skip"), len(r.leaves("pass"))
	if r.strict {
		var meant []key
		for _, k := range skipped {
			if strings.HasPrefix(r.reason(k), "by choice") {
				meant = append(meant, k)
			} else {
				failed = append(failed, k)
			}
		}
		skipped = meant
	}
	for _, k := range skipped {
		fmt.Fprintf(out, "skipped: %s %s: %s\n", k.pkg, k.test, r.reason(k))
	}
	for _, path := range slices.Sorted(keys(r.builds)) {
		fmt.Fprintf(out, "\n==== %s does not build\n%s", path, strings.Join(r.builds[path], ""))
	}
	for _, k := range failed {
		r.explain(out, k)
	}
	for _, line := range r.stray {
		fmt.Fprint(out, line)
	}
	if passed == 0 && len(failed) == 0 {
		fmt.Fprintln(out, "no test ran: does the pattern match a package with tests?")
	}
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped\n", passed, len(failed), len(skipped))
	return len(failed) == 0 && passed > 0
}

// failures are the failed tests without failed subtests, and the packages that failed outside a test: they did not
// build, TestMain failed, a race or a leak was found at the end.
func (r *report) failures() []key {
	within := map[key]bool{}
	for _, k := range r.order {
		if r.verdict[k] != "fail" || k.test == "" {
			continue
		}
		within[key{k.pkg, ""}] = true
		for i := strings.LastIndexByte(k.test, '/'); i > 0; i = strings.LastIndexByte(k.test[:i], '/') {
			within[key{k.pkg, k.test[:i]}] = true
		}
	}
	var list []key
	for _, k := range r.order {
		if r.verdict[k] == "fail" && !within[k] {
			list = append(list, k)
		}
	}
	return list
}

// leaves are the tests without subtests that ended so.
func (r *report) leaves(verdict string) []key {
	var list []key
	for _, k := range r.order {
		if k.test != "" && r.verdict[k] == verdict && !r.parent[k] {
			list = append(list, k)
		}
	}
	return list
}

func (r *report) explain(out io.Writer, k key) {
	switch {
	case r.verdict[k] == "skip":
		fmt.Fprintf(out, "\n==== %s %s was skipped, which counts as a failure here: %s\n", k.pkg, k.test, r.reason(k))
		return
	case k.test == "":
		fmt.Fprintf(out, "\n==== %s failed\n", k.pkg)
	default:
		fmt.Fprintf(out, "\n==== %s %s failed\n", k.pkg, k.test)
	}
	var lines []string
	for _, part := range r.lineage(k) {
		for _, line := range r.output[part] {
			if !noise.MatchString(line) {
				lines = append(lines, line)
			}
		}
	}
	if cut := len(lines) - 2*shown; cut > 0 {
		lines = slices.Replace(lines, shown, shown+cut, fmt.Sprintf("... %d lines left out ...\n", cut))
	}
	fmt.Fprint(out, strings.Join(lines, ""))
}

// shown is how many lines of a failed test are printed from its beginning, and how many from its end.
const shown = 150

// noise is what the testing package says of each test, which the head line says already.
var noise = regexp.MustCompile(`^\s*(=== (RUN|PAUSE|CONT|NAME)|--- (PASS|SKIP))\b`)

// lineage is the test after its parents, whose output may hold the cause.
func (r *report) lineage(k key) []key {
	var list []key
	for i, c := range k.test {
		if c == '/' {
			list = append(list, key{k.pkg, k.test[:i]})
		}
	}
	return append(list, k)
}

var (
	where  = regexp.MustCompile(`^\s*[\w.-]+\.go:\d+: (.*)`)
	nobody = "no reason given"
)

// reason is what a skipped test said last.
func (r *report) reason(k key) string {
	for _, line := range slices.Backward(r.output[k]) {
		if m := where.FindStringSubmatch(line); m != nil {
			return m[1]
		}
	}
	return nobody
}

func keys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}
