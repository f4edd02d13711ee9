package main

import (
	"bufio"
	"fmt"
	"strings"
	"testing"
)

// story writes the events of a run: "action package test output", the last two optional, a line each.
func story(lines ...string) string {
	var b strings.Builder
	for _, line := range lines {
		f := strings.SplitN(line, " ", 4)
		f = append(f, "", "")
		fmt.Fprintf(&b, `{"Action":%q,"Package":%q,"Test":%q,"Output":%q,"ImportPath":%q}`+"\n", f[0], f[1], f[2], f[3]+"\n", f[1])
	}
	return b.String()
}

func TestReport(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		in     string
		strict bool
		ok     bool
		last   string
		shows  string
		hides  string
	}{
		"all pass": {
			in: story("run p A", "output p A chatter", "pass p A", "pass p"), ok: true,
			last: "1 passed, 0 failed, 0 skipped", hides: "chatter",
		},
		"subtests are counted, their parent is not": {
			in: story("run p A", "run p A/x", "run p A/y", "pass p A/x", "pass p A/y", "pass p A", "pass p"), ok: true,
			last: "2 passed, 0 failed, 0 skipped",
		},
		"a failure is shown with its parent's words": {
			in:   story("run p A", "output p A started on port 7", "run p A/x", "output p A/x lost a stanza", "fail p A/x", "fail p A", "fail p"),
			last: "0 passed, 1 failed, 0 skipped", shows: "started on port 7\nlost a stanza",
		},
		"a parent that fails alone is counted": {
			in:   story("run p A", "run p A/x", "pass p A/x", "output p A leak", "fail p A", "fail p"),
			last: "1 passed, 1 failed, 0 skipped", shows: "leak",
		},
		"a package that does not build": {
			in:   story("build-output p  undefined: x", "build-fail p", "run q B", "pass q B", "fail p", "pass q"),
			last: "1 passed, 1 failed, 0 skipped", shows: "undefined: x",
		},
		"a test cut off by a panic": {
			in:   story("run p A", "output p A panic: boom", "fail p"),
			last: "0 passed, 1 failed, 0 skipped", shows: "panic: boom",
		},
		"a package that fails after its tests": {
			in:   story("run p A", "pass p A", "output p  found a leak", "fail p"),
			last: "1 passed, 1 failed, 0 skipped", shows: "found a leak",
		},
		"nothing ran": {
			in: story("skip p"), last: "0 passed, 0 failed, 0 skipped", shows: "no test ran",
		},
		"a skip is named": {
			in: story("run p A", "pass p A", "run p B", "output p B     x_test.go:3: needs slixmpp", "skip p B", "pass p"), ok: true,
			last: "1 passed, 0 failed, 1 skipped", shows: "skipped: p B: needs slixmpp",
		},
		"a skip is a failure where nothing may be missing": {
			in: story("run p A", "pass p A", "run p B", "output p B     x_test.go:3: needs slixmpp", "skip p B", "pass p"), strict: true,
			last: "1 passed, 1 failed, 0 skipped", shows: "needs slixmpp",
		},
		"a skip by choice is not": {
			in: story("run p A", "pass p A", "run p B", "output p B     x_test.go:3: by choice: make chaos", "skip p B", "pass p"), strict: true, ok: true,
			last: "1 passed, 0 failed, 1 skipped", shows: "make chaos",
		},
		"words of the go command": {
			in: "go: downloading example.org/a v1.0.0\ngo: no module\n", hides: "downloading", last: "0 passed, 0 failed, 0 skipped", shows: "go: no module",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReport(test.strict)
			if err := r.read(bufio.NewReader(strings.NewReader(test.in))); err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			ok := r.write(&b)
			got := b.String()
			if ok != test.ok {
				t.Errorf("all well: %v, want %v", ok, test.ok)
			}
			if !strings.HasSuffix("\n"+got, "\n"+test.last+"\n") {
				t.Errorf("the last line is not %q in\n%s", test.last, got)
			}
			if !strings.Contains(got, test.shows) {
				t.Errorf("%q is missing in\n%s", test.shows, got)
			}
			if test.hides != "" && strings.Contains(got, test.hides) {
				t.Errorf("%q is shown in\n%s", test.hides, got)
			}
		})
	}
}

func TestLongOutputIsCut(t *testing.T) {
	t.Parallel()
	r := newReport(false)
	r.line(story("run p A"))
	for i := range 1000 {
		r.line(story(fmt.Sprintf("output p A line %d.", i)))
	}
	r.line(story("fail p A"))
	var b strings.Builder
	r.write(&b)
	for text, want := range map[string]bool{"line 0.": true, "line 500.": false, "line 999.": true, "700 lines left out": true} {
		if strings.Contains(b.String(), text) != want {
			t.Errorf("%q shown: %v, want %v", text, !want, want)
		}
	}
}
