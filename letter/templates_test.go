package letter

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Each text is there in each language, and says something.
func TestTexts(t *testing.T) {
	t.Parallel()
	templates, err := OpenTemplates("")
	if err != nil {
		t.Fatal(err)
	}
	if got := templates.Languages(); !slices.Equal(got, []string{"en", "fr", "sv"}) {
		t.Fatal(got)
	}
	english := templates.languages["en"]
	source, err := os.ReadFile("templates/" + textsName)
	if err != nil {
		t.Fatal(err)
	}
	for code, l := range templates.languages {
		if got, want := slices.Sorted(maps.Keys(l.texts)), slices.Sorted(maps.Keys(english.texts)); !slices.Equal(got, want) {
			t.Errorf("%s has the texts %v", code, got)
		}
		for name, text := range l.texts {
			if text == "" && name != "first" {
				t.Errorf("%s.%s is empty", name, code)
			}
			if text != strings.TrimSpace(text) && name != "thousands" {
				t.Errorf("%s.%s is %q", name, code, text)
			}
			if code != "en" && name != "units" && strings.Count(text, " ") > 2 && text == english.texts[name] && !strings.Contains(text, "{weekday}") {
				t.Errorf("%s.%s is not translated", name, code)
			}
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var code []byte
	for _, name := range append(files, "templates/"+textName, "templates/"+htmlName) {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "_test.go") {
			code = append(code, raw...)
		}
	}
	for name := range english.texts {
		if !bytes.Contains(code, []byte(`"`+name+`"`)) {
			t.Errorf("nothing uses the text %s", name)
		}
	}
	if n := strings.Count(string(source), "\n["); n != len(english.texts) {
		t.Errorf("%d texts of %d", len(english.texts), n)
	}
}

func TestDates(t *testing.T) {
	t.Parallel()
	templates, err := OpenTemplates("")
	if err != nil {
		t.Fatal(err)
	}
	first, other := time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 8, 23, 23, 59, 0, 0, time.UTC)
	for code, want := range map[string]string{
		"en": "Monday 1 February 2027|1 Feb 2027|Sunday 23 August 2026|23 Aug 2026|0 messages|1 message|1,234,567 messages|12 B|1.2 kB|35 MB",
		"fr": "lundi 1er février 2027|1er févr. 2027|dimanche 23 août 2026|23 août 2026|0 message|1 message|1 234 567 messages|12 o|1,2 ko|35 Mo",
		"sv": "måndag 1 februari 2027|1 feb. 2027|söndag 23 augusti 2026|23 aug. 2026|0 meddelanden|1 meddelande|1 234 567 meddelanden|12 B|1,2 kB|35 MB",
	} {
		l := templates.language(code)
		got := []string{
			l.date(first), l.short(first), l.date(other), l.short(other), l.count(0), l.count(1), l.count(1234567), l.size(12), l.size(1234), l.size(34_999_999),
		}
		if s := strings.ReplaceAll(strings.Join(got, "|"), firmBlank, " "); s != want {
			t.Errorf("%s: %s", code, s)
		}
	}
	for wanted, code := range map[string]string{"": "en", "fr-CA": "fr", "SV": "sv", "de": "en", "frx": "en", "../en": "en"} {
		if l := templates.language(wanted); l.code != code {
			t.Errorf("for %q: %s", wanted, l.code)
		}
	}
}

// Files of a folder go before those that are built in, and what is wrong with them is said at once.
func TestReplaced(t *testing.T) {
	t.Parallel()
	built, err := embedded.ReadFile("templates/" + textName)
	if err != nil {
		t.Fatal(err)
	}
	page, err := embedded.ReadFile("templates/" + htmlName)
	if err != nil {
		t.Fatal(err)
	}
	german := func(s string) string { return strings.ReplaceAll(s, "\nsv = ", "\nde = ") }
	texts, err := embedded.ReadFile("templates/" + textsName)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, file, content, says string }{
		{"changed", textName, strings.Replace(string(built), `{{wrap (text "end")}}`, "Bye.", 1), ""},
		{"changed words", textsName, "[end]\nen = \"The end\"\n", ""},
		{"one more language", textsName, german(string(texts)), ""},
		{"a hidden file", ".letter.swp", "x", ""},
		{"not a template", textName, "{{define", "letter.txt.tmpl:"},
		{"nothing in it", htmlName, "", `"head"`},
		{"no such field", textName, strings.Replace(string(built), ".Title", ".Titel", 1), "Titel"},
		{"no such function", textName, "{{shout}}", `function "shout" not defined`},
		{"no such text", htmlName, strings.Replace(string(page), `text "end"`, `text "ende"`, 1), `there is no text "ende"`},
		{"a part is missing", htmlName, strings.Replace(string(page), `{{define "event"}}`, `{{define "events"}}`, 1), `"event"`},
		{"an attribute is not closed", htmlName, strings.Replace(string(page), `<a href="`, `<a href=`, 1), "letter.html.tmpl"},
		{"no table", textsName, "end = 3", "texts.toml"},
		{"half a language", textsName, "[end]\nde = \"Ende\"\n", `text about_conversation is missing in "de"`},
		{"a place is missing", textsName, "[about_room]\nen = \"A room\"\n", "about_room"},
		{"another place", textsName, "[call]\nfr = \"{nom} a appelé\"\n", "[nom]"},
		{"days are missing", textsName, "[weekdays]\nen = \"Monday Tuesday\"\n", "7 words"},
		{"two lines", textsName, "[about_room]\nen = \"A {title}\\nBcc: x\"\n", "one line"},
		{"another name", "letter.html", "x", "letter.html: no mail template is called that; their names are letter.html.tmpl, letter.txt.tmpl, texts.toml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, c.file), []byte(c.content), 0o644); err != nil {
				t.Fatal(err)
			}
			templates, err := OpenTemplates(dir)
			if c.says != "" {
				if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), filepath.Join(dir, c.file)) {
					t.Errorf("the error is %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := execute(templates.text["en"], &b, "foot", Head{}); err != nil {
				t.Fatal(err)
			}
			want := map[string]string{"changed": "Bye.", "changed words": "The end"}[c.name]
			if !strings.Contains(b.String(), want) {
				t.Errorf("it says %s", b.String())
			}
			if c.name == "one more language" && templates.language("de").code != "de" {
				t.Error(templates.Languages())
			}
		})
	}
	if _, err := OpenTemplates(filepath.Join(t.TempDir(), "none")); err != nil {
		t.Error(err)
	}
	if _, err := OpenTemplates(filepath.Join("templates", textName)); err == nil {
		t.Error("a file is taken for a folder")
	}
}
