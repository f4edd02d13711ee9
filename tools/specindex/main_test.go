package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const carousing = `<?xml version='1.0'?>
<!DOCTYPE xep SYSTEM 'xep.dtd' [
  <!ENTITY % ents SYSTEM 'xep.ent'>
%ents;
<!ENTITY ROOM "&lt;room@service&gt;">
]>
<xep><header><title>Carousing</title>&LEGALNOTICE;<number>0999</number><status>Draft</status>
<revision><version>1.2.0</version></revision><revision><version>1.1.0</version></revision></header>
<section1 topic='Introduction'><p>&lt;section1 topic='no'&gt;</p></section1>
<section1 topic='Entering &amp; leaving'>
  <section2 topic='Entering &ROOM;'><section3 topic='Twice'/><section3
    topic='Three
    times'/></section2>
  <section2 topic='Leaving &MESSAGE;'><section3 topic='At once'/></section2>
</section1>
<section1 topic='End'><section2 topic='Really'/></section1></xep>`

func TestRebuild(t *testing.T) {
	t.Parallel()
	specs, xeps := t.TempDir(), t.TempDir()
	write(t, specs, "rfcs.txt", "# kept by hand\nRFC 1 | 1969-04 | Unknown | Host Software\n  I Introduction\n")
	write(t, specs, "w3c.txt", "XML 1 | 1998-02 | Recommendation | XML\n  1 Introduction\n")
	write(t, specs, "xeps.txt", "# wanted\n0999\n")
	write(t, xeps, "xep-0999.xml", carousing)
	write(t, xeps, "xep-0998.xml", "nobody asked for it")
	if err := rebuild(specs, xeps); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(specs, "index.txt"))
	if err != nil {
		t.Fatal(err)
	}
	want := `RFC 1 | 1969-04 | Unknown | Host Software
  I Introduction
XML 1 | 1998-02 | Recommendation | XML
  1 Introduction
XEP-0999 | 1.2.0 | Stable | Carousing
  1 Introduction
  2 Entering & leaving
  2.1 Entering <room@service>
  2.1.1 Twice
  2.1.2 Three times
  2.2 Leaving <message/>
  2.2.1 At once
  3 End
  3.1 Really
`
	if text := string(withoutComments(got)); text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

func TestRebuildRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ wanted, source, problem string }{
		"a missing XEP":      {"0998\n", carousing, "XEP-0998"},
		"a short number":     {"999\n", carousing, "four digits"},
		"a disordered list":  {"0999\n0100\n", carousing, "ascending"},
		"a number twice":     {"0999\n0999\n", carousing, "ascending"},
		"something else":     {"0999\n", "<html><body/></html>", "source of a XEP"},
		"a truncated source": {"0999\n", carousing[:len(carousing)-20], "XEP-0999"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			specs, xeps := t.TempDir(), t.TempDir()
			write(t, specs, "rfcs.txt", "")
			write(t, specs, "w3c.txt", "")
			write(t, specs, "xeps.txt", test.wanted)
			write(t, xeps, "xep-0999.xml", test.source)
			if err := rebuild(specs, xeps); err == nil || !strings.Contains(err.Error(), test.problem) {
				t.Errorf("got error %v, want one that names %q", err, test.problem)
			}
			if _, err := os.Stat(filepath.Join(specs, "index.txt")); err == nil {
				t.Error("an index was written all the same")
			}
		})
	}
}

func write(t *testing.T, folder, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
