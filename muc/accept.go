package muc

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"palabre/xmpp"
)

// mostMarkup bounds, in a room with a longest message, what stands around the texts of one: names, attributes, ids. It is in bytes.
const mostMarkup = 4 << 10

// acceptLocked is the one place where what is said is held against the room's policy. The error is an *xmpp.Error.
//
// It looks at every element, however deep and whatever its prefix. Where the policy bears on what a message holds, one that is encrypted end to end can't be let
// through: nobody could tell what is in it. The characters that count are those of all texts together: another language, a subject, or an element that nobody knows is
// no way round the limit.
func (r *Room) acceptLocked(st *xmpp.Stanza) error {
	p := &r.config.Policy
	if p.acceptsAll() {
		return nil
	}
	x := examined{policy: p}
	for _, c := range st.Children {
		e, err := xmpp.ParseIn(st.RawChild(c), xmpp.NSClient, st.Extra)
		if err != nil {
			return xmpp.ErrBadRequest
		}
		if err := x.element(e); err != nil {
			return err
		}
	}
	if p.Longest == 0 {
		return nil
	}
	return x.measure(st)
}

// acceptsAll tells whether a policy does not bear on what somebody says.
func (p *Policy) acceptsAll() bool {
	return p.Edits && p.Attachments && p.Longest == 0 && !p.volatile()
}

// examined is what has been found in a message so far.
type examined struct {
	policy             *Policy
	characters, markup int
}

func (x *examined) element(e xmpp.Element) error {
	x.markup += len(e.Name.Space) + len(e.Name.Local)
	for _, a := range e.Attrs {
		x.markup += len(a.Name.Space) + len(a.Name.Local) + len(a.Value)
		if !x.policy.Attachments && inlineValue.MatchString(a.Value) {
			return errAttachments
		}
	}
	if err := x.policy.allows(e); err != nil {
		return err
	}
	for _, c := range e.Children {
		if c.Name.Local != "" {
			if err := x.element(c); err != nil {
				return err
			}
			continue
		}
		text := c.Content()
		x.characters += utf8.RuneCountInString(text)
		if !x.policy.Attachments && inlineText.MatchString(text) {
			return errAttachments
		}
	}
	return nil
}

// measure holds what has been found against the longest message.
func (x *examined) measure(st *xmpp.Stanza) error {
	if x.characters > x.policy.Longest {
		return xmpp.ErrNotAcceptable.With("A message in this room has at most " + grouped(x.policy.Longest) + " characters. This one has " + grouped(x.characters) + ".")
	}
	around := len(st.Inner)
	for _, c := range st.Children {
		around -= c.End - c.Start
	}
	if x.markup+around+len(st.ID)+len(st.Lang)+len(st.Extra) > mostMarkup {
		return xmpp.ErrPolicyViolation.With("This message carries too much beside its text for this room.")
	}
	return nil
}

// mostStatus bounds, in such a room, the text of a presence: presence is not another way to say things.
const mostStatus = 300

// presences are the elements of presence that pass where the policy bears on what is said.
var presences = map[xmpp.Name]bool{
	{Space: xmpp.NSClient, Local: "show"}:                     true,
	{Space: xmpp.NSClient, Local: "status"}:                   true,
	{Space: xmpp.NSClient, Local: "priority"}:                 true,
	{Space: "http://jabber.org/protocol/caps", Local: "c"}:    true, // XEP-0115
	{Space: "urn:xmpp:caps", Local: "c"}:                      true, // XEP-0390
	{Space: "urn:xmpp:idle:1", Local: "idle"}:                 true, // XEP-0319
	{Space: "http://jabber.org/protocol/nick", Local: "nick"}: true, // XEP-0172
	{Space: "vcard-temp:x:update", Local: "x"}:                true, // XEP-0153: a hash
}

// silences gives the children of a presence that a policy does not let pass, by where they begin.
func (p *Policy) silences(st *xmpp.Stanza) map[int]bool {
	if p.acceptsAll() {
		return nil
	}
	out, x := map[int]bool{}, examined{policy: p}
	for _, c := range st.Children {
		e, err := xmpp.ParseIn(st.RawChild(c), xmpp.NSClient, st.Extra)
		isText := c.Name == xmpp.Name{Space: xmpp.NSClient, Local: "status"} // where nothing is kept: presence is, over a restart
		if err != nil || p.volatile() && isText || !presences[c.Name] || x.element(e) != nil || x.characters > mostStatus || x.markup > mostMarkup {
			out[c.Start] = true
		}
	}
	return out
}

// grouped writes a number as people read it.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

var (
	errAttachments = xmpp.ErrPolicyViolation.With("Files and inline images can't be sent in this room. Put a link into the text.")
	errEncrypted   = xmpp.ErrPolicyViolation.With("This room's rules on what may be sent are held by the server, so it takes no messages that the server can't read. Turn encryption off for this room.")
)

// allows tells whether a policy lets an element pass.
func (p *Policy) allows(e xmpp.Element) error {
	space := withoutVersion(e.Name.Space)
	switch {
	case !p.Edits && edits[space]:
		return errEdits
	case !p.Attachments && (attachments[space] || pictures[strings.ToLower(e.Name.Local)]):
		return errAttachments
	case (!p.Edits || !p.Attachments) && encryptions[space]:
		return errEncrypted
	}
	return nil
}

// withoutVersion cuts the number from the end of a namespace: what is refused is refused in its next version, too.
func withoutVersion(space string) string {
	s := strings.TrimRight(space, "0123456789")
	if len(s) < len(space) && strings.HasSuffix(s, ":") {
		return s[:len(s)-1]
	}
	return space
}

// Namespaces, without their versions.
var (
	edits = map[string]bool{
		"urn:xmpp:message-correct":  true, // XEP-0308
		"urn:xmpp:message-retract":  true, // XEP-0424
		"urn:xmpp:message-moderate": true, // XEP-0425
		"urn:xmpp:fasten":           true, // XEP-0422, by which both were said before
		"urn:xmpp:ephemeral":        true, // it would vanish from the screens of others
	}
	attachments = map[string]bool{
		"jabber:x:oob":                           true, // XEP-0066
		"jabber:iq:oob":                          true,
		"http://jabber.org/protocol/xhtml-im":    true, // XEP-0071
		"http://www.w3.org/1999/xhtml":           true,
		"http://www.w3.org/2000/svg":             true,
		"urn:xmpp:bob":                           true, // XEP-0231
		"urn:xmpp:reference":                     true, // XEP-0372
		"urn:xmpp:sims":                          true, // XEP-0385
		"urn:xmpp:sfs":                           true, // XEP-0447
		"urn:xmpp:esfs":                          true, // XEP-0448
		"urn:xmpp:file:metadata":                 true, // XEP-0446
		"urn:xmpp:thumbs":                        true, // XEP-0264
		"urn:xmpp:media-element":                 true, // XEP-0221
		"urn:xmpp:stickers":                      true, // XEP-0449
		"http://jabber.org/protocol/ibb":         true, // XEP-0047
		"http://jabber.org/protocol/si":          true, // XEP-0095
		"urn:xmpp:jingle:apps:file-transfer":     true, // XEP-0234
		"urn:xmpp:jinglepub":                     true, // XEP-0358
		"http://jabber.org/protocol/url-data":    true, // XEP-0103
		"http://jabber.org/protocol/bytestreams": true, // XEP-0065
		"vcard-temp":                             true,
		"urn:xmpp:avatar:data":                   true,
	}
	encryptions = map[string]bool{
		"eu.siacs.conversations.axolotl": true, // XEP-0384, as it was
		"urn:xmpp:omemo":                 true, // XEP-0384
		"urn:xmpp:openpgp":               true, // XEP-0373
		"urn:xmpp:sce":                   true, // XEP-0420
		"jabber:x:encrypted":             true, // XEP-0027
	}
	pictures = map[string]bool{
		"img": true, "image": true, "picture": true, "svg": true, "object": true, "embed": true, "iframe": true, "video": true, "audio": true,
	}
)

// Pictures and files that stand in the stanza itself: in a text, and in an attribute, which can name another part of the stanza, too.
var (
	inlineText  = regexp.MustCompile(`(?i)\bdata:((image|video|audio|application|font)/[-+.\w]+[;,]|[^\s,]*;base64,)`)
	inlineValue = regexp.MustCompile(`(?i)^\s*(data|cid):`)
)
