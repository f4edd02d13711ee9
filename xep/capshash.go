package xep

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"palabre/server"
	"palabre/xmpp"
)

// errCaps says that a disco#info answer has no hash: it is ill-formed, or could stand for several.
var errCaps = errors.New("xep: no capabilities' hash")

// hashes are the functions by which capabilities are named (XEP-0115 §8.1, XEP-0300 §4).
var hashes = map[string]func([]byte) []byte{
	"sha-1":    func(b []byte) []byte { s := sha1.Sum(b); return s[:] },
	"sha-256":  func(b []byte) []byte { s := sha256.Sum256(b); return s[:] },
	"sha-512":  func(b []byte) []byte { s := sha512.Sum512(b); return s[:] },
	"sha3-256": func(b []byte) []byte { s := sha3.Sum256(b); return s[:] },
	"sha3-512": func(b []byte) []byte { s := sha3.Sum512(b); return s[:] },
}

func hashed(algo string, input []byte) string {
	return base64.StdEncoding.EncodeToString(hashes[algo](input))
}

// An answer is what a disco#info query holds, sorted out.
type answer struct {
	identities [][4]string // category, type, language, name
	features   []string
	forms      []xmpp.Form
}

// readAnswer takes a query apart. lang is the language where an identity names none (XEP-0390 §4.1).
func readAnswer(query xmpp.Element, lang string) (answer, error) {
	var a answer
	for _, e := range query.Elements() {
		switch e.Name {
		case xmpp.Name{Space: server.NSDiscoInfo, Local: "identity"}:
			l := lang
			for _, at := range e.Attrs {
				if at.Name == (xmpp.Name{Space: xmpp.NSXML, Local: "lang"}) {
					l = at.Value
				}
			}
			a.identities = append(a.identities, [4]string{e.Attr("category"), e.Attr("type"), l, e.Attr("name")})
		case xmpp.Name{Space: server.NSDiscoInfo, Local: "feature"}:
			a.features = append(a.features, e.Attr("var"))
		case xmpp.Name{Space: xmpp.NSData, Local: "x"}:
			f, err := xmpp.ParseForm(e)
			if err != nil {
				return answer{}, errCaps
			}
			a.forms = append(a.forms, f)
		default:
			return answer{}, errCaps
		}
	}
	return a, nil
}

// input is what XEP-0390 §4.1 hashes. Its separators can't occur in XML, so no two answers have the same.
func (a answer) input() ([]byte, error) {
	var features, identities, forms []string
	for _, f := range a.features {
		features = append(features, f+"\x1f")
	}
	for _, id := range a.identities {
		identities = append(identities, id[0]+"\x1f"+id[1]+"\x1f"+id[2]+"\x1f"+id[3]+"\x1f\x1e")
	}
	for _, f := range a.forms {
		if f.About() == "" || len(f.Reported) > 0 || len(f.Items) > 0 {
			return nil, errCaps
		}
		var fields []string
		for _, field := range f.Fields {
			var values []string
			for _, v := range field.Values {
				values = append(values, v+"\x1f")
			}
			fields = append(fields, field.Var+"\x1f"+joined(values)+"\x1e")
		}
		forms = append(forms, joined(fields)+"\x1d")
	}
	return []byte(joined(features) + "\x1c" + joined(identities) + "\x1c" + joined(forms) + "\x1c"), nil
}

func joined(parts []string) string {
	slices.Sort(parts)
	return strings.Join(parts, "")
}

// softwareInfo are the fields of the one form that clients put into their answers (XEP-0115 §5.3).
var softwareInfo = map[string]bool{
	xmpp.FormType: true, "software": true, "software_version": true, "os": true, "os_version": true, "ip_version": true, "icon": true,
}

// legacyInput is what XEP-0115 §5.1 hashes, and whether the answer may count for others who name the same hash. It may not where features could have been
// passed off as identities or as fields of a form (§9.3): identities must be sane, and the only form the usual one. What is left, an
// identity passed off as a feature, adds a feature that nobody asks for.
func (a answer) legacyInput() (input []byte, safe bool, err error) {
	safe = true
	var lines []string
	for _, id := range a.identities {
		safe = safe && id[0] != "" && id[1] != "" && !strings.Contains(id[0]+id[1]+id[2], "/")
		lines = append(lines, strings.Join(id[:], "/"))
	}
	ids, features := cut(lines), cut(a.features)
	if ids == nil && lines != nil || features == nil && a.features != nil {
		return nil, false, errCaps // §5.4: the same twice
	}
	var forms [][]string
	for _, f := range a.forms {
		if f.About() == "" {
			continue // §5.4
		}
		parts, usual := legacyForm(f)
		safe = safe && usual
		forms = append(forms, parts)
	}
	slices.SortFunc(forms, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	all := append(ids, features...)
	for i, f := range forms {
		if i > 0 && forms[i-1][0] == f[0] {
			return nil, false, errCaps // §5.4
		}
		all = append(all, f...)
	}
	var b []byte
	for _, s := range all {
		safe = safe && !strings.Contains(s, "<")
		b = append(append(b, s...), '<')
	}
	return b, safe, nil
}

// cut sorts strings; it gives nil if one is there twice.
func cut(in []string) []string {
	out := slices.Sorted(slices.Values(in))
	if len(slices.Compact(slices.Clone(out))) != len(out) {
		return nil
	}
	return out
}

func legacyForm(f xmpp.Form) (parts []string, usual bool) {
	parts, usual = []string{f.About()}, f.About() == "urn:xmpp:dataforms:softwareinfo"
	fields := slices.Clone(f.Fields)
	slices.SortFunc(fields, func(a, b xmpp.Field) int { return strings.Compare(a.Var, b.Var) })
	for _, field := range fields {
		usual = usual && softwareInfo[field.Var]
		if field.Var != xmpp.FormType {
			parts = append(append(parts, field.Var), slices.Sorted(slices.Values(field.Values))...)
		}
	}
	return parts, usual
}
