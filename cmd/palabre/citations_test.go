package main_test

import (
	"cmp"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// index holds each spec by its name as it is cited: docs/specs/index.txt.
type index map[string]*indexed

type indexed struct {
	version  string // or the date of an RFC
	title    string
	sections map[string]bool
}

// TestCitations finds every spec cited in the code, its transcripts and the documents, and looks it up.
func TestCitations(t *testing.T) {
	t.Parallel()
	known := readIndex(t)
	homes := map[string]string{} // the first spec that each package comment names
	for _, f := range repository(t) {
		if f.syntax.Doc != nil && !f.test {
			for _, c := range citations(f.syntax.Doc.Text(), "") {
				if c.section == "" && homes[f.pkg] == "" {
					homes[f.pkg] = c.spec
				}
			}
		}
	}
	found := 0
	for _, ending := range []string{".go", ".txt", ".md"} {
		for _, name := range names(t, ending) {
			switch {
			case strings.HasPrefix(name, "docs/specs/"), strings.HasPrefix(name, "tools/specindex/"), name == "cmd/palabre/citations_test.go":
				continue // the index itself and the tests that cite wrongly on purpose
			case ending == ".txt" && !strings.Contains(name, "testdata/"):
				continue
			}
			text, err := os.ReadFile(filepath.Join(root, name))
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range citations(string(text), homes[path.Dir(name)]) {
				found++
				if problem := known.problem(c); problem != "" {
					t.Errorf("%s:%d: %s", name, c.line, problem)
				}
			}
		}
	}
	if found == 0 {
		t.Error("no citation found: this test looks for the wrong thing")
	}
}

// readIndex reads the format that tools/specindex writes.
func readIndex(t *testing.T) index {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs/specs/index.txt"))
	if err != nil {
		t.Fatalf("%v\nRebuild it with make specs", err)
	}
	known := index{}
	var spec *indexed
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, " "):
			number, _, _ := strings.Cut(strings.TrimSpace(line), " ")
			spec.sections[number] = true
		default:
			fields := strings.SplitN(strings.TrimSpace(line), " | ", 4)
			if len(fields) != 4 {
				t.Fatalf("docs/specs/index.txt: %q is not a spec", line)
			}
			spec = &indexed{version: fields[1], title: fields[3], sections: map[string]bool{}}
			known[fields[0]] = spec
		}
	}
	return known
}

// problem says what is wrong with a citation, nothing where all is well.
func (known index) problem(c citation) string {
	const rebuild = "correct the citation, or add the spec to docs/specs and run make specs"
	spec, ok := known[c.spec]
	switch {
	case c.section != "" && c.spec != "" && !ok:
		return "" // said of the spec already
	case c.spec == "":
		return fmt.Sprintf("%s names no spec: write it in full, such as RFC 6121 §8.5", c.text)
	case !wellFormed.MatchString(c.spec):
		return fmt.Sprintf("%q is not how a spec is cited: write RFC 6121 or XEP-0045", c.spec)
	case !ok:
		return fmt.Sprintf("%s is not in docs/specs/index.txt: %s", c.spec, rebuild)
	case c.section == "" || spec.sections[c.section]:
		return ""
	case len(spec.sections) == 0:
		return fmt.Sprintf("the sections of %s are not listed: add them to docs/specs/rfcs.txt and run make specs", c.spec)
	}
	return fmt.Sprintf("%s has no section %s: %s", c.spec, c.section, rebuild)
}

// citation is a spec, or a section of one, named on a line.
type citation struct {
	line          int
	spec, section string
	text          string
}

var (
	wellFormed = regexp.MustCompile(`^(RFC \d{1,5}|XEP-\d{4}|.*XML 1\.0)$`)

	// A spec with or without the right punctuation; an address; or sections: §8.5, §§8.5, 8.6, §2-§3, Appendix A, Section 4.3.
	mention = regexp.MustCompile(`\b(?:RFC[ -]?\d{1,5}|XEP[ -]?\d{1,5}|(?:Namespaces in )?XML 1\.0)\b|https?://\S+` +
		`|§§?\s?` + numberPattern + `(?:(?:\s?[-–]\s?|,\s?)§?` + numberPattern + `)*` +
		`|\b(?:Appendix|Section|section)\s` + numberPattern)
	number      = regexp.MustCompile(numberPattern)
	following   = regexp.MustCompile(`^\s(?:of|in)\s(RFC \d{1,5}|XEP-\d{4})\b`)
	commentMark = regexp.MustCompile(`^\s*(?://|#|\*|>)\s?`)
)

// numberPattern is a section's number: 8.5.2.1, or A.3 in an appendix.
const numberPattern = `(?:\d+|[A-Z])(?:\.\d+)*\b`

// citations finds the specs and sections named in a text. A section belongs to the spec named last in the same comment, or to the
// one that follows with "of"; else to the first of the declaration's doc comment, of the text's first comment, or to home, the
// first of the package comment.
func citations(text, home string) []citation {
	var list []citation
	lines := strings.Split(text, "\n")
	commented, doc := false, "" // whether a comment was seen; the spec of the doc comment
	for first := 0; first < len(lines); {
		next := first + 1
		starts := commentMark.MatchString(lines[first])
		for starts && next < len(lines) && commentMark.MatchString(lines[next]) {
			next++
		}
		top := !indented(lines[first])
		if top && starts {
			doc = ""
		}
		found := paragraph(lines[first:next], cmp.Or(doc, home))
		named := ""
		if i := slices.IndexFunc(found, citation.isSpec); i >= 0 {
			named = found[i].spec
		}
		if top && starts {
			doc = named
		}
		if starts && !commented {
			commented, home = true, cmp.Or(named, home)
		}
		for _, c := range found {
			c.line += first + 1
			list = append(list, c)
		}
		if top && !starts && first > 0 && blank(lines[first-1]) {
			doc = "" // a declaration without a doc comment
		}
		first = next
	}
	return list
}

func blank(line string) bool { return strings.TrimSpace(line) == "" }

func indented(line string) bool {
	return strings.HasPrefix(line, "\t") || strings.HasPrefix(line, " ") || blank(line)
}

// paragraph finds the citations of some lines, numbered from 0.
func paragraph(lines []string, home string) []citation {
	var joined strings.Builder
	var starts []int // where each line starts in the joined text
	for _, line := range lines {
		starts = append(starts, joined.Len())
		joined.WriteString(commentMark.ReplaceAllString(line, "") + "\n")
	}
	text := joined.String()
	var list []citation
	owner := ""
	for _, at := range mention.FindAllStringIndex(text, -1) {
		line, _ := slices.BinarySearch(starts, at[0]+1)
		c := citation{line: line - 1, text: text[at[0]:at[1]]}
		if strings.HasSuffix(text[:at[0]], ".") {
			continue // a name in the code: time.RFC3339
		}
		if c.isSpec() {
			if owner = c.text; !strings.HasPrefix(owner, "http") {
				c.spec = owner
				list = append(list, c)
			}
			continue
		}
		c.spec = owner
		if m := following.FindStringSubmatch(text[at[1]:]); m != nil {
			c.spec = m[1]
		} else if owner == "" && strings.HasPrefix(c.text, "§") {
			c.spec = home
		} else if owner == "" {
			continue // "Section 3" of something that is no spec
		}
		if strings.HasPrefix(c.spec, "http") {
			continue // a text that the index does not hold
		}
		for _, c.section = range number.FindAllString(c.text, -1) {
			list = append(list, c)
		}
	}
	return list
}

// isSpec tells a spec from a section.
func (c citation) isSpec() bool {
	return !strings.HasPrefix(c.text, "§") && !strings.HasPrefix(strings.ToLower(c.text), "section") && !strings.HasPrefix(c.text, "Appendix")
}

func TestCitationChecker(t *testing.T) {
	t.Parallel()
	known := index{
		"RFC 6121": {sections: map[string]bool{"8": true, "8.5": true, "8.5.2": true, "8.5.2.1": true, "A": true, "A.3.2": true}},
		"XEP-0045": {sections: map[string]bool{"7": true, "7.2": true, "7.2.13": true}},
		"RFC 8446": {},
		"XML 1.0":  {sections: map[string]bool{"2.3": true}}, "Namespaces in XML 1.0": {sections: map[string]bool{"2": true}},
	}
	for name, test := range map[string]struct {
		text string
		want []string // "line: problem", by their beginnings
		home string
	}{
		"right":                 {"// RFC 6121 §8.5.2.1, XEP-0045 §7.2.13.\nx := 1 // XEP-0045", nil, ""},
		"a spec that is not":    {"// XEP-0999", []string{"1: XEP-0999 is not in"}, ""},
		"a section that is not": {"x\n// RFC 6121 §8.5.9", []string{"2: RFC 6121 has no section 8.5.9"}, ""},
		"an end of a sentence":  {"// See RFC 6121 §8.5.", nil, ""},
		"two sections":          {"// RFC 6121 §8.5 and §8.6", []string{"1: RFC 6121 has no section 8.6"}, ""},
		"a list":                {"// RFC 6121 §§8.5, 8.7", []string{"1: RFC 6121 has no section 8.7"}, ""},
		"a range":               {"// XEP-0045 §7.2-§7.3", []string{"1: XEP-0045 has no section 7.3"}, ""},
		"an appendix":           {"// RFC 6121 §A.3.2, Appendix A, Appendix B", []string{"1: RFC 6121 has no section B"}, ""},
		"a word before":         {"// section 8.9 of RFC 6121", []string{"1: RFC 6121 has no section 8.9"}, ""},
		"the other way round":   {"// XEP-0045 §7.2 differs from §8.5.2 of RFC 6121", nil, ""},
		"on the next line":      {"// RFC 6121\n//\t§8.5.3 says so", []string{"2: RFC 6121 has no section 8.5.3"}, ""},
		"of nothing":            {"// §8.5 says so", []string{"1: §8.5 names no spec"}, ""},
		"of the declaration":    {"// b\n\n// a: RFC 6121\nfunc a() {\n\tb() // §8.5.3\n\td() // XEP-0045\n\n\tc() // §8.5.4\n}", []string{"5: RFC 6121 has no section 8.5.3", "8: RFC 6121 has no section 8.5.4"}, "XEP-0045"},
		"of an earlier one":     {"// b\n\n// a: RFC 6121\nfunc a() {\n}\n\nfunc b() {\n\tc() // §8.5.4\n}", []string{"8: XEP-0045 has no section 8.5.4"}, "XEP-0045"},
		"of the file":           {"// RFC 6121\n\n// Hello.\nfunc a() {} // §8.5.3", []string{"4: RFC 6121 has no section 8.5.3"}, "XEP-0045"},
		"of the package":        {"// §8.5\nvar a, b int // RFC 6121 §8.5", []string{"1: XEP-0045 has no section 8.5"}, "XEP-0045"},
		"in a transcript":       {"# XEP-0045 §7.2.14: no\nromeo -> <message/>", []string{"1: XEP-0045 has no section 7.2.14"}, ""},
		"without sections":      {"// RFC 8446 §4.1", []string{"1: the sections of RFC 8446 are not listed"}, ""},
		"sloppy":                {"// XEP 0045, RFC6121, XEP-45", []string{`1: "XEP 0045" is not`, `1: "RFC6121" is not`, `1: "XEP-45" is not`}, ""},
		"another publisher":     {"// XML 1.0 §2.3, Namespaces in XML 1.0 §9", []string{"1: Namespaces in XML 1.0 has no section 9"}, ""},
		"an address":            {"// see https://example.org/manual.html §12", nil, ""},
		"a constant":            {"x := time.RFC3339", nil, ""},
		"other numbers":         {"// Section 3 of the manual, 8.5 apples, U+00A7", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, c := range citations(test.text, test.home) {
				if problem := known.problem(c); problem != "" {
					got = append(got, fmt.Sprintf("%d: %s", c.line, problem))
				}
			}
			if len(got) != len(test.want) {
				t.Fatalf("got %q, want %q", got, test.want)
			}
			for i := range got {
				if !strings.HasPrefix(got[i], test.want[i]) {
					t.Errorf("got %q, want %q", got[i], test.want[i])
				}
			}
		})
	}
}

// TestIndex checks the index itself against sections that everybody knows.
func TestIndex(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "docs/specs/index.txt"))
	if err != nil {
		t.Fatal(err)
	}
	known := readIndex(t)
	for spec, sections := range map[string]string{
		"RFC 6120": "4.9.3.25 unsupported-version;8.3.3.19 service-unavailable;10.5.3.2 User Exists;13.7.1.2.1 Rules",
		"RFC 6121": "8.5.2.1.1 Message;8.5.4 Summary of Message Delivery Rules;A.3.2 Unsubscribe",
		"RFC 5802": "5.1 SCRAM Attributes", "RFC 9266": "2 The 'tls-exporter' Channel Binding Type",
		"XEP-0045": "5.1 Roles;7.2.13 Discussion History;10.9 Destroying a Room", "XEP-0280": "8 Sending Messages",
		"XEP-0198": "5 Resumption", "XEP-0191": "3.2 User Retrieves Block List", "XEP-0030": "3.1 Basic Protocol",
	} {
		for _, s := range strings.Split(sections, ";") {
			number, _, _ := strings.Cut(s, " ")
			if !known[spec].sections[number] || !strings.Contains(string(text), "\n  "+s+"\n") {
				t.Errorf("%s has no section %s", spec, s)
			}
		}
	}
}
