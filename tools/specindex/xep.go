package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// spec is what the index keeps of a XEP.
type spec struct {
	number, title, status, version string
	sections                       []section
}

type section struct{ number, title string }

func (s spec) write(w io.Writer) {
	fmt.Fprintf(w, "XEP-%s | %s | %s | %s\n", s.number, s.version, s.status, s.title)
	for _, sec := range s.sections {
		fmt.Fprintf(w, "  %s %s\n", sec.number, sec.title)
	}
}

// parse reads a XEP's source. Sections are numbered as xep.xsl numbers them for publication: a sectionN element by its
// place among its sisters of the same name.
func parse(source []byte) (spec, error) {
	var (
		s       spec
		path    []string // names of the open elements
		numbers [6]int   // numbers[n] counts the sectionN elements of the open section(N-1)
	)
	d := xml.NewDecoder(bytes.NewReader(source))
	d.Strict = false // external entities such as &LEGALNOTICE; stay as they are
	d.Entity = entities(source)
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return s, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			path = append(path, t.Name.Local)
			if level := sectionLevel(t.Name.Local); level > 0 {
				numbers[level]++
				clear(numbers[level+1:])
				s.sections = append(s.sections, section{dotted(numbers[1 : level+1]), topic(t)})
			}
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			s.header(strings.Join(path, "/"), string(t))
		}
	}
	if s.number == "" || s.title == "" || s.version == "" || len(s.sections) == 0 {
		return s, errors.New("no number, title, version or section found: is this the source of a XEP?")
	}
	return s, nil
}

// header takes the fields of <header/>; the first revision listed is the newest.
func (s *spec) header(path, text string) {
	switch path {
	case "xep/header/number":
		s.number += text
	case "xep/header/title":
		s.title += text
	case "xep/header/status":
		s.status += text
		if s.status == "Draft" {
			s.status = "Stable" // the name that XEP-0001 gives it since 2021; the sources keep the old one
		}
	case "xep/header/revision/version":
		if s.version == "" {
			s.version = text
		}
	}
}

func sectionLevel(name string) int {
	if len(name) == len("section1") && strings.HasPrefix(name, "section") {
		if level := int(name[len(name)-1] - '0'); level >= 1 && level <= 5 {
			return level
		}
	}
	return 0
}

func dotted(numbers []int) string {
	parts := make([]string, len(numbers))
	for i, n := range numbers {
		parts[i] = fmt.Sprint(n)
	}
	return strings.Join(parts, ".")
}

func topic(element xml.StartElement) string {
	for _, a := range element.Attr {
		if a.Name.Local == "topic" {
			return strings.Join(strings.Fields(a.Value), " ")
		}
	}
	return "(untitled)"
}

var (
	entityDeclaration = regexp.MustCompile(`<!ENTITY\s+([\w.-]+)\s+["']([^"']*)["']\s*>`)
	tag               = regexp.MustCompile(`<[^>]*>`)
	references        = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&apos;", "'", "&quot;", `"`, "&amp;", "&")
)

// entities returns those that the document declares itself, and the few of xep.ent that titles use.
func entities(source []byte) map[string]string {
	known := map[string]string{
		"IQ": "<iq/>", "MESSAGE": "<message/>", "PRESENCE": "<presence/>", "QUERY": "<query/>",
	}
	for _, m := range entityDeclaration.FindAllSubmatch(source, -1) {
		known[string(m[1])] = references.Replace(tag.ReplaceAllString(string(m[2]), ""))
	}
	return known
}
