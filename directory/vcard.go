package directory

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/emersion/go-vcard"
)

// parse reads a card: properties that it does not have stay as they are.
func (row *Row) parse(text string) error {
	card, err := vcard.NewDecoder(strings.NewReader(text)).Decode()
	if err != nil {
		return fmt.Errorf("the card can't be read: %w", err)
	}
	if v := card.Value(vcard.FieldVersion); v != "3.0" && v != "4.0" {
		return fmt.Errorf("the card has version %q; export it as version 3.0 or 4.0", limited(v))
	}
	switch kind := strings.ToLower(card.Value(vcard.FieldKind)); kind {
	case "", "individual":
	case "group":
		row.Kind = kind
	default:
		return fmt.Errorf("the card is one of the kind %q; there are individual and group", limited(kind))
	}
	row.Fields = Fields{}
	for _, read := range cardFields {
		for name, value := range read(card) {
			if value != "" {
				row.Fields[name] = value
			}
		}
	}
	row.ID = strings.TrimSpace(card.Value("X-PALABRE-ID"))
	row.Photo, err = cardPhoto(card)
	return err
}

// cardFields read properties (RFC 6350).
var cardFields = []func(vcard.Card) Fields{
	func(c vcard.Card) Fields {
		name := parts(c.PreferredValue(vcard.FieldName), 2)
		return Fields{"name": whole(c.PreferredValue(vcard.FieldFormattedName)), "family": name[0], "given": name[1]}
	},
	func(c vcard.Card) Fields {
		org := parts(c.PreferredValue(vcard.FieldOrganization), 2)
		return Fields{"organisation": org[0], "unit": org[1], "title": whole(c.PreferredValue(vcard.FieldTitle)), "note": whole(c.PreferredValue(vcard.FieldNote))}
	},
	func(c vcard.Card) Fields {
		adr := parts(c.PreferredValue(vcard.FieldAddress), 7) // post box, extension, street, locality, region, code, country
		return Fields{"locality": adr[3], "country": adr[6]}
	},
	func(c vcard.Card) Fields {
		return Fields{"email": strings.TrimPrefix(c.PreferredValue(vcard.FieldEmail), "mailto:"), "account": cardAccount(c)}
	},
	cardPhones,
}

// parts takes the components of a value apart (RFC 6350); the reader of cards has left their semicolons escaped.
func parts(value string, n int) []string {
	out := make([]string, n)
	at, escaped := 0, false
	for _, r := range value {
		switch {
		case escaped:
			if r != ';' {
				out[at] += `\`
			}
			out[at] += string(r)
			escaped = false
		case r == '\\':
			escaped = true
		case r == ';':
			if at++; at == n {
				return out
			}
		default:
			out[at] += string(r)
		}
		if len(out[at]) > longestCell {
			return out
		}
	}
	return out
}

func whole(value string) string { return strings.ReplaceAll(value, `\;`, ";") }

// cardAccount is the first address of chat.
func cardAccount(c vcard.Card) string {
	for _, v := range append(c.Values(vcard.FieldIMPP), c.Values("X-JABBER")...) {
		scheme, address, ok := strings.Cut(v, ":")
		if !ok {
			return v // X-JABBER has no scheme
		}
		if path, err := url.PathUnescape(address); err == nil && strings.EqualFold(scheme, "xmpp") {
			path, _, _ = strings.Cut(path, "?")
			return path
		}
	}
	return ""
}

func cardPhones(c vcard.Card) Fields {
	out := Fields{}
	for _, f := range c[vcard.FieldTelephone] {
		var types []string
		for _, t := range f.Params.Types() {
			types = append(types, strings.ToLower(t))
		}
		name := "phone"
		switch {
		case slices.Contains(types, "cell"):
			name = "mobile"
		case slices.Contains(types, "fax"), slices.Contains(types, "pager"):
			continue
		}
		if out[name] == "" {
			out[name] = whole(strings.TrimPrefix(f.Value, "tel:"))
		}
	}
	return out
}

// cardPhoto is the photo that stands in the card. One that stands elsewhere is not fetched.
func cardPhoto(c vcard.Card) (*Photo, error) {
	f := c.Preferred(vcard.FieldPhoto)
	if f == nil {
		return nil, nil
	}
	text := f.Value
	if strings.HasPrefix(strings.ToLower(text), "data:") { // RFC 6350
		head, data, _ := strings.Cut(text, ",")
		if !strings.HasSuffix(strings.ToLower(strings.TrimSuffix(head, `\`)), ";base64") {
			return nil, errors.New("the photo is not written in base64")
		}
		text = data
	} else if e := strings.ToLower(f.Params.Get("ENCODING")); e != "b" && e != "base64" {
		return nil, nil
	}
	if base64.StdEncoding.DecodedLen(len(text)) > LargestPhoto+LargestPhoto/8 {
		return nil, tooLarge
	}
	text = strings.Map(func(r rune) rune {
		if r == ' ' || r == '\t' || r == '=' {
			return -1
		}
		return r
	}, text)
	data, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("the photo can't be read: %w", err)
	}
	p, err := NewPhoto(data)
	return &p, err
}
