package stream

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"palabre/xmpp"
)

// The oracle is encoding/xml, and around it what encoding/xml lets pass: each rule is a regular expression or a
// few lines that have nothing in common with the scanner.

var errIncomplete = errors.New("incomplete")

const qnameRE = `[^\s=/>'"<:&;!?]+(:[^\s=/>'"<:&;!?]+)?`

var (
	startRE   = regexp.MustCompile(`^<` + qnameRE + `([ \t\r\n]+` + qnameRE + `[ \t\r\n]*=[ \t\r\n]*("[^"<]*"|'[^'<]*'))*[ \t\r\n]*/?>$`)
	endRE     = regexp.MustCompile(`^</` + qnameRE + `[ \t\r\n]*>$`)
	refRE     = regexp.MustCompile(`&(#x[0-9a-fA-F]+|#[0-9]+|lt|gt|amp|apos|quot);`)
	xmlDeclRE = regexp.MustCompile(`^<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*["']1\.0["']([ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*["'](?i:utf-8)["'])?([ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*["'](yes|no)["'])?[ \t\r\n]*\?>$`)
	uriRE     = regexp.MustCompile(`^[-A-Za-z0-9._~%:/?#\[\]@!$&'()*+,;=]*$`)
)

// refuse tells why a stream, as far as it is there, is not one that RFC 6120 §11 allows: nil, errIncomplete or a reason.
func refuse(data []byte) error {
	if n := len(bytes.TrimLeft(data, " \t\r\n")); n == 0 {
		return errIncomplete
	}
	for i := max(len(data)-utf8.UTFMax, 0); i < len(data); i++ {
		if utf8.RuneStart(data[i]) && !utf8.FullRune(data[i:]) {
			data = data[:i] // a character that is not whole yet
		}
	}
	d := xml.NewDecoder(bytes.NewReader(data))
	var scopes []map[string]string
	var open []xml.Name
	for {
		from := d.InputOffset()
		tok, err := d.RawToken()
		raw := string(data[from:d.InputOffset()])
		if err == io.EOF || isTruncated(err) {
			return errIncomplete
		}
		if err != nil {
			return err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			// encoding/xml gives <a/> as two tokens, the second without bytes.
			if !startRE.MatchString(raw) {
				return errors.New("start tag")
			}
			if err := locals(t); err != nil {
				return err
			}
			scope, err := declared(t)
			if err != nil {
				return err
			}
			scopes, open = append(scopes, scope), append(open, t.Name)
			if err := resolvable(t, scopes); err != nil {
				return err
			}
		case xml.EndElement:
			if raw != "" && !endRE.MatchString(raw) {
				return errors.New("end tag")
			}
			if n := len(open); n == 0 || open[n-1] != t.Name {
				return errors.New("end tag without start tag")
			}
			open = open[:len(open)-1]
			if scopes = scopes[:len(scopes)-1]; len(scopes) == 0 {
				return nil
			}
		case xml.CharData:
			if len(scopes) == 0 && strings.Trim(raw, " \t\r\n") != "" {
				return errors.New("text outside")
			}
		case xml.ProcInst:
			if !xmlDeclRE.MatchString(strings.TrimLeft(raw, " \t\r\n")) || len(scopes) > 0 || d.InputOffset() != int64(len(raw)+leading(data)) {
				return errors.New("processing instruction")
			}
		default:
			return errors.New("restricted")
		}
		if err := references(raw, tok); err != nil {
			return err
		}
	}
}

// locals finds names that could not stand without their prefix, such as a:0 (Namespaces in XML §4); encoding/xml looks at the whole only.
func locals(t xml.StartElement) error {
	names := []xml.Name{t.Name}
	for _, a := range t.Attr {
		names = append(names, a.Name)
	}
	for _, n := range names {
		if _, err := xml.NewDecoder(strings.NewReader("<" + n.Local + "/>")).RawToken(); err != nil {
			return fmt.Errorf("the name %q", n.Local)
		}
	}
	return nil
}

func leading(data []byte) int { return len(data) - len(bytes.TrimLeft(data, " \t\r\n")) }

func isTruncated(err error) bool {
	var syntax *xml.SyntaxError
	return errors.As(err, &syntax) && strings.HasPrefix(syntax.Msg, "unexpected EOF")
}

// references finds those that stand for no character; encoding/xml turns them into U+FFFD.
func references(raw string, tok xml.Token) error {
	if _, ok := tok.(xml.CharData); ok && strings.HasPrefix(raw, "<![CDATA[") {
		return nil
	}
	for _, m := range refRE.FindAllStringSubmatch(raw, -1) {
		var n int64
		var err error
		switch {
		case strings.HasPrefix(m[1], "#x"):
			n, err = strconv.ParseInt(m[1][2:], 16, 64)
		case m[1][0] == '#':
			n, err = strconv.ParseInt(m[1][1:], 10, 64)
		default:
			continue
		}
		r := rune(n)
		if err != nil || n > utf8.MaxRune || !utf8.ValidRune(r) || r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return errors.New("reference to no character")
		}
	}
	return nil
}

func declared(t xml.StartElement) (map[string]string, error) {
	scope := map[string]string{}
	for _, a := range t.Attr {
		prefix := a.Name.Local
		switch {
		case a.Name.Space == "" && a.Name.Local == "xmlns":
			prefix = ""
		case a.Name.Space != "xmlns":
			continue
		}
		_, twice := scope[prefix]
		value := strings.NewReplacer("\t", " ", "\n", " ", "\r", " ").Replace(a.Value)
		scope[prefix] = value
		switch {
		case twice, prefix == "xmlns", value == nsXMLNS, prefix != "" && value == "",
			(prefix == "xml") != (value == xmpp.NSXML), !uriRE.MatchString(value):
			return nil, errors.New("namespace declaration")
		}
	}
	return scope, nil
}

func resolvable(t xml.StartElement, scopes []map[string]string) error {
	find := func(prefix string) (string, bool) {
		for i := len(scopes) - 1; i >= 0; i-- {
			if space, ok := scopes[i][prefix]; ok {
				return space, true
			}
		}
		return xmpp.NSXML, prefix == "xml"
	}
	if _, ok := find(t.Name.Space); !ok && t.Name.Space != "" {
		return errors.New("undeclared prefix")
	}
	seen := map[xml.Name]bool{}
	for _, a := range t.Attr {
		if a.Name.Space == "xmlns" || a.Name.Local == "xmlns" && a.Name.Space == "" {
			continue
		}
		name := a.Name
		if name.Space != "" {
			space, ok := find(name.Space)
			if !ok {
				return errors.New("undeclared prefix")
			}
			name.Space = space
		}
		if seen[name] {
			return errors.New("attribute twice")
		}
		seen[name] = true
	}
	return nil
}

// tokens are those of a stanza that stands alone in a stream, names resolved, as text.
// The attributes to and from of the stanza itself are left out, and its attributes sorted.
func tokens(open, stanza string) ([]string, error) {
	d := xml.NewDecoder(strings.NewReader(open + stanza))
	var out []string
	text := ""
	for depth := 0; ; {
		tok, err := d.Token()
		if err != nil {
			return out, fmt.Errorf("%w after %q", err, out)
		}
		if _, ok := tok.(xml.CharData); !ok && text != "" {
			out = append(out, "text "+strconv.Quote(text))
			text = ""
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if depth++; depth > 1 {
				out = append(out, fmt.Sprint("start ", t.Name, attributes(t, depth == 2)))
			}
		case xml.EndElement:
			out = append(out, fmt.Sprint("end ", t.Name))
			if depth--; depth == 1 {
				return out, nil
			}
		case xml.CharData:
			if depth > 1 {
				text += string(t)
			}
		case xml.ProcInst:
		default:
			out = append(out, fmt.Sprintf("%T", t))
		}
	}
}
