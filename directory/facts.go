package directory

import "palabre/xmpp"

const (
	nsVCard  = "vcard-temp"
	nsVCard4 = "urn:ietf:params:xml:ns:vcard-4.0"
)

// cardField is an element of a card.
func cardField(name string, inside ...xmpp.Element) xmpp.Element {
	return xmpp.New(nsVCard, name, inside...)
}

// filled makes a field of the parts that have a value, behind what marks it; nothing if none has.
func filled(name string, marks []string, parts ...[2]string) []xmpp.Element {
	var inside []xmpp.Element
	for _, p := range parts {
		if p[1] != "" {
			inside = append(inside, cardField(p[0], xmpp.Text(p[1])))
		}
	}
	if len(inside) == 0 {
		return nil
	}
	out := cardField(name)
	for _, mark := range marks {
		out = out.Add(cardField(mark))
	}
	return []xmpp.Element{out.Add(inside...)}
}

// cardFields are what is known, as XEP-0054 §3.1 has it.
func (e *Entry) cardFields() []xmpp.Element {
	var out []xmpp.Element
	add := func(name string, marks []string, parts ...[2]string) {
		out = append(out, filled(name, marks, parts...)...)
	}
	out = append(out, cardField("FN", xmpp.Text(e.Name)))
	add("N", nil, [2]string{"FAMILY", e.Family}, [2]string{"GIVEN", e.Given})
	add("ORG", nil, [2]string{"ORGNAME", e.Organisation}, [2]string{"ORGUNIT", e.Unit})
	if e.Title != "" {
		out = append(out, cardField("TITLE", xmpp.Text(e.Title)))
	}
	add("TEL", []string{"WORK", "VOICE"}, [2]string{"NUMBER", e.Phone})
	add("TEL", []string{"WORK", "CELL"}, [2]string{"NUMBER", e.Mobile})
	add("ADR", []string{"WORK"}, [2]string{"LOCALITY", e.Locality}, [2]string{"CTRY", e.Country})
	add("EMAIL", []string{"INTERNET", "PREF"}, [2]string{"USERID", e.Email})
	if !e.Account.IsZero() {
		out = append(out, cardField("JABBERID", xmpp.Text(e.Account.String())))
	}
	if e.Note != "" {
		out = append(out, cardField("DESC", xmpp.Text(e.Note)))
	}
	return out
}

func property(name string, inside ...xmpp.Element) xmpp.Element {
	return xmpp.New(nsVCard4, name, inside...)
}

// written is a property whose value is a text or, for kind "uri", an address of another sort.
func written(name, kind, value string, types ...string) []xmpp.Element {
	if value == "" {
		return nil
	}
	p := property(name)
	if len(types) > 0 {
		t := property("type")
		for _, s := range types {
			t = t.Add(property("text", xmpp.Text(s)))
		}
		p = p.Add(property("parameters", t))
	}
	return []xmpp.Element{p.Add(property(kind, xmpp.Text(value)))}
}

// vcard4 is what is known, as XEP-0292 §4.1.1 has it. The picture is where XEP-0084 has it.
func (e *Entry) vcard4() xmpp.Element {
	card := property("vcard").Add(written("fn", "text", e.Name)...)
	if e.Given != "" || e.Family != "" {
		card = card.Add(property("n", property("surname", xmpp.Text(e.Family)), property("given", xmpp.Text(e.Given)), property("additional")))
	}
	org := written("org", "text", e.Organisation)
	if len(org) > 0 && e.Unit != "" {
		org[0] = org[0].Add(property("text", xmpp.Text(e.Unit)))
	}
	card = card.Add(org...)
	card = card.Add(written("title", "text", e.Title)...)
	card = card.Add(written("tel", "text", e.Phone, "work", "voice")...)
	card = card.Add(written("tel", "text", e.Mobile, "work", "cell")...)
	if e.Locality != "" || e.Country != "" {
		adr := property("adr")
		for _, part := range [][2]string{{"pobox"}, {"ext"}, {"street"}, {"locality", e.Locality}, {"region"}, {"code"}, {"country", e.Country}} {
			value := property(part[0])
			if part[1] != "" {
				value = value.Add(xmpp.Text(part[1]))
			}
			adr = adr.Add(value)
		}
		card = card.Add(adr)
	}
	card = card.Add(written("email", "text", e.Email, "work")...)
	if !e.Account.IsZero() {
		card = card.Add(written("impp", "uri", "xmpp:"+e.Account.String())...)
	}
	return card.Add(written("note", "text", e.Note)...)
}
