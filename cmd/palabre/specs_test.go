package main_test

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"palabre/daemon"
)

const specsDocument = "docs/specs.md"

// implemented is a line of docs/specs.md.
type implemented struct {
	version string
	where   []string // modules by name, packages by folder
	notes   []string
}

// TestSpecsDocument compares docs/specs.md with what the modules and the package comments say that they implement, and the
// versions that modules state with the index: a spec that has moved on is to be read before its version is raised. With
// PALABRE_UPDATE set, as make specs does, it writes the document.
func TestSpecsDocument(t *testing.T) {
	t.Parallel()
	known := readIndex(t)
	specs := fromModules(t, known)
	for _, f := range repository(t) {
		if floor, ok := floors[f.pkg]; !ok || floor > 2 || f.test || f.syntax.Doc == nil {
			continue
		}
		for _, c := range citations(f.syntax.Doc.Text(), "") {
			s := specs[c.spec]
			if c.section == "" && known.problem(c) == "" && !slices.Contains(s.where, f.pkg) {
				specs[c.spec] = implemented{known[c.spec].version, append(s.where, f.pkg), s.notes}
			}
		}
	}
	want := specsTable(specs, known)
	file := filepath.Join(root, specsDocument)
	if os.Getenv("PALABRE_UPDATE") != "" {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != want {
		t.Errorf("%s is not what the modules say (%v).\nRun: make specs", specsDocument, err)
	}
}

// fromModules asks the modules of a server that listens nowhere.
func fromModules(t *testing.T, known index) map[string]implemented {
	t.Helper()
	cfg := daemon.Default()
	cfg.DataDir = t.TempDir()
	cfg.Listen = daemon.Listen{}
	d, err := daemon.Open(t.Context(), cfg, slog.New(slog.DiscardHandler), "test", func(err error) { t.Errorf("fatal: %v", err) })
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.Stop(t.Context()); err != nil {
			t.Errorf("stop: %v", err)
		}
	}()
	specs := map[string]implemented{}
	for _, info := range d.Host.Modules() {
		for _, s := range info.Specs {
			entry, ok := known[s.Name]
			switch {
			case !ok:
				t.Errorf("module %s implements %s, which is not in docs/specs/index.txt: add it to docs/specs and run make specs", info.Name, s.Name)
			case strings.HasPrefix(s.Name, "XEP") && s.Version != entry.version:
				t.Errorf("module %s implements version %q of %s; %s is current: read what changed, then say so in Info", info.Name, s.Version, s.Name, entry.version)
			}
			before := specs[s.Name]
			if s.Note != "" {
				before.notes = append(before.notes, s.Note)
			}
			specs[s.Name] = implemented{entry.version, append(before.where, info.Name), before.notes}
		}
	}
	if len(specs) == 0 {
		t.Error("no module says what it implements")
	}
	return specs
}

func specsTable(specs map[string]implemented, known index) string {
	var b strings.Builder
	b.WriteString("# Specifications\n\nWhat Palabre implements, as its modules and package comments say. Written by `make specs`; do not edit.\n\n")
	b.WriteString("| spec | title | version | where | notes |\n| --- | --- | --- | --- | --- |\n")
	for _, name := range slices.Sorted(maps.Keys(specs)) {
		s := specs[name]
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", name, known[name].title, s.version, strings.Join(s.where, ", "), strings.Join(s.notes, "; "))
	}
	return b.String()
}
