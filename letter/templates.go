package letter

import (
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/pelletier/go-toml/v2"
)

//go:embed templates
var embedded embed.FS

// The files that there are.
const (
	textName  = "letter.txt.tmpl"
	htmlName  = "letter.html.tmpl"
	textsName = "texts.toml"
)

var fileNames = []string{htmlName, textName, textsName}

// Templates are what letters look like, in each language.
type Templates struct {
	languages  map[string]*language
	text, html map[string]executor
}

// An executor is a template of text, or of HTML.
type executor interface {
	ExecuteTemplate(w io.Writer, name string, data any) error
}

// OpenTemplates reads the templates that are built in, and those of the same names in a folder, which go before them; the folder need not be there. They are tried out. The
// errors are plain sentences for people.
func OpenTemplates(dir string) (*Templates, error) {
	if err := checkNames(dir); err != nil {
		return nil, err
	}
	t := &Templates{text: map[string]executor{}, html: map[string]executor{}}
	var err error
	if t.languages, err = readLanguages(dir); err != nil {
		return nil, err
	}
	for _, name := range []string{textName, htmlName} {
		source, where, err := read(dir, name)
		if err != nil {
			return nil, err
		}
		for _, l := range t.languages {
			if err := t.parse(name, source, l); err != nil {
				return nil, fmt.Errorf("%s: %w; correct the file, or remove it to have the one that is built in", where, err)
			}
		}
	}
	return t, nil
}

// checkNames finds files that would be overlooked.
func checkNames(dir string) error {
	if dir == "" {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the mail templates: %w", err)
	}
	for _, e := range entries {
		name := e.Name()
		if !slices.Contains(fileNames, name) && !strings.HasPrefix(name, ".") && !strings.HasSuffix(name, "~") {
			return fmt.Errorf("%s: no mail template is called that; their names are %s", filepath.Join(dir, name), strings.Join(fileNames, ", "))
		}
	}
	return nil
}

// read is a file of the folder, or the one that is built in, and where it is.
func read(dir, name string) (source, where string, err error) {
	if dir != "" {
		where = filepath.Join(dir, name)
		raw, err := os.ReadFile(where)
		if err == nil {
			return string(raw), where, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", "", fmt.Errorf("read the mail templates: %w", err)
		}
	}
	raw, err := embedded.ReadFile("templates/" + name)
	return string(raw), name, err
}

// readLanguages reads the texts: those that are built in, changed by those of the folder.
func readLanguages(dir string) (map[string]*language, error) {
	languages := map[string]*language{}
	where := textsName
	for _, from := range slices.Compact([]string{"", dir}) {
		source, at, err := read(from, textsName)
		if err != nil {
			return nil, err
		}
		where = at
		var table map[string]map[string]string
		if err := toml.Unmarshal([]byte(source), &table); err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
		for name, in := range table {
			for code, text := range in {
				if languages[code] == nil {
					languages[code] = &language{code: code, texts: map[string]string{}}
				}
				languages[code].texts[name] = text
			}
		}
	}
	for _, l := range languages {
		if err := l.check(languages[usual]); err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
	}
	return languages, nil
}

// parse reads a template for a language, and tries it out.
func (t *Templates) parse(name, source string, l *language) (err error) {
	if name == textName {
		t.text[l.code], err = template.New(name).Funcs(template.FuncMap{
			"text": l.text, "wrap": wrapped, "hang": hang, "rule": rule, "indent": indented, "isolate": isolated,
		}).Parse(source)
		if err == nil {
			err = try(t.text[l.code])
		}
		return err
	}
	t.html[l.code], err = htmltemplate.New(name).Funcs(htmltemplate.FuncMap{"text": l.text}).Parse(source)
	if err == nil {
		err = try(t.html[l.code])
	}
	return err
}

// try writes each part of a letter once, to nowhere.
func try(t executor) error {
	line := lineOf("> see https://example.org/")
	head := Head{
		Lang: usual, Title: "t", Period: "p", Times: "t", Requester: "r", Count: "1", Participants: []string{"n"}, Others: "o", Cover: "c",
	}
	message := Message{
		Time: "12:00", Name: "n", Colour: colours[0], Heads: true, Reply: "r", Title: "t", Lines: []Line{line, {}}, Files: []File{{Name: "n", Size: "1 B", Address: line}}, Gone: "g", Notes: []string{"n"},
	}
	return errors.Join(
		t.ExecuteTemplate(io.Discard, "head", head), t.ExecuteTemplate(io.Discard, "head", Head{}), t.ExecuteTemplate(io.Discard, "day", Day{Date: "d"}),
		t.ExecuteTemplate(io.Discard, "message", message), t.ExecuteTemplate(io.Discard, "message", Message{Act: true}),
		t.ExecuteTemplate(io.Discard, "event", Event{Time: "12:00", Line: line}), t.ExecuteTemplate(io.Discard, "foot", head), t.ExecuteTemplate(io.Discard, "cover", head),
	)
}

// language is the one that is nearest to what is wanted.
func (t *Templates) language(wanted string) *language {
	base, _, _ := strings.Cut(strings.ToLower(wanted), "-")
	if l := t.languages[base]; l != nil {
		return l
	}
	return t.languages[usual]
}

// Languages are the codes of those that there are templates in.
func (t *Templates) Languages() []string {
	codes := make([]string, 0, len(t.languages))
	for code := range t.languages {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	return codes
}
