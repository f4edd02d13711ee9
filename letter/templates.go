package letter

import (
	"embed"
	"fmt"
	"io"
	"strings"
	"text/template"

	"github.com/pelletier/go-toml/v2"
)

//go:embed templates
var embedded embed.FS

const (
	textName  = "letter.txt.tmpl"
	textsName = "texts.toml"
)

// Templates are what letters look like, in each language.
type Templates struct {
	languages map[string]*language
	text      map[string]*template.Template
}

// OpenTemplates reads the templates. Its errors are plain sentences for people.
func OpenTemplates() (*Templates, error) {
	raw, err := embedded.ReadFile("templates/" + textsName)
	if err != nil {
		return nil, err
	}
	var table map[string]map[string]string
	if err := toml.Unmarshal(raw, &table); err != nil {
		return nil, fmt.Errorf("%s: %w", textsName, err)
	}
	t := &Templates{languages: map[string]*language{}, text: map[string]*template.Template{}}
	for name, in := range table {
		for code, text := range in {
			if t.languages[code] == nil {
				t.languages[code] = &language{code: code, texts: map[string]string{}}
			}
			t.languages[code].texts[name] = text
		}
	}
	source, err := embedded.ReadFile("templates/" + textName)
	if err != nil {
		return nil, err
	}
	for code, l := range t.languages {
		if err := l.check(t.languages[usual]); err != nil {
			return nil, fmt.Errorf("%s: %w", textsName, err)
		}
		if t.text[code], err = template.New(textName).Funcs(template.FuncMap{
			"text": l.text, "wrap": wrapped, "rule": rule, "indent": indented,
		}).Parse(string(source)); err != nil {
			return nil, fmt.Errorf("%s: %w", textName, err)
		}
	}
	return t, nil
}

// language is the one that is nearest to what is wanted.
func (t *Templates) language(wanted string) *language {
	base, _, _ := strings.Cut(strings.ToLower(wanted), "-")
	if l := t.languages[base]; l != nil {
		return l
	}
	return t.languages[usual]
}

// wrapped is a text of ours in lines that fit, without the end of the last one.
func wrapped(s string) string {
	return strings.TrimSuffix(wrap(s, "", strings.Repeat(" ", len(s)-len(strings.TrimLeft(s, " "))), nil), "\n")
}

func rule(of string) string { return strings.Repeat(of, lineWidth) }

const indentation = "    "

// indented is a line of what somebody has said.
func indented(l Line) string {
	rest := indentation
	if l.Quote {
		rest += "> "
	}
	links := make([][2]int, 0, len(l.links))
	for _, k := range l.links {
		links = append(links, [2]int{k.from, k.to})
	}
	return strings.TrimSuffix(wrap(l.Text, indentation, rest, links), "\n")
}

// execute writes a part of a letter.
func execute(t interface {
	ExecuteTemplate(w io.Writer, name string, data any) error
}, w io.Writer, name string, data any) error {
	if err := t.ExecuteTemplate(w, name, data); err != nil {
		return fmt.Errorf("letter: %w", err)
	}
	return nil
}
