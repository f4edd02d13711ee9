package letter

import (
	"strconv"
	"strings"

	"palabre/xmpp"
)

// Namespaces of what messages hold.
const (
	nsCorrect     = "urn:xmpp:message-correct:0" // XEP-0308
	nsRetract     = "urn:xmpp:message-retract:1" // XEP-0424
	nsRetractOld  = "urn:xmpp:message-retract:0"
	nsModerate    = "urn:xmpp:message-moderate:1" // XEP-0425
	nsModerateOld = "urn:xmpp:message-moderate:0"
	nsFasten      = "urn:xmpp:fasten:0"
	nsReactions   = "urn:xmpp:reactions:0" // XEP-0444
	nsReply       = "urn:xmpp:reply:0"     // XEP-0461
	nsFallback    = "urn:xmpp:fallback:0"  // XEP-0428
	nsOOB         = "jabber:x:oob"         // XEP-0066
	nsFiles       = "urn:xmpp:sfs:0"       // XEP-0447
	nsMetadata    = "urn:xmpp:file:metadata:0"
	nsURLData     = "http://jabber.org/protocol/url-data" // XEP-0103
	nsStanzaID    = "urn:xmpp:sid:0"                      // XEP-0359
	nsConference  = "jabber:x:conference"                 // XEP-0249
	nsMUCUser     = "http://jabber.org/protocol/muc#user"
	nsCalls       = "urn:xmpp:jingle-message:0" // XEP-0353
)

// encrypted are the names of what holds or tells of an encrypted text: the body beside it is for clients that can't read it.
var encrypted = []xmpp.Name{
	{Space: "eu.siacs.conversations.axolotl", Local: "encrypted"}, // XEP-0384, as most clients have it
	{Space: "urn:xmpp:omemo:2", Local: "encrypted"},               // XEP-0384
	{Space: "urn:xmpp:openpgp:0", Local: "openpgp"},               // XEP-0373
	{Space: "jabber:x:encrypted", Local: "x"},                     // XEP-0027
	{Space: "urn:xmpp:eme:0", Local: "encryption"},                // XEP-0380
}

// A kind is what a message is to people.
type kind uint8

const (
	nothing kind = iota // what is for clients only, or says what becomes of another message
	words
	subject    // of a room
	invitation // to one
	call
	reaction
	notice // what a room says by itself
)

// content is what a message says.
type content struct {
	kind      kind
	text      string // or the subject, the room, the reactions
	title     string // of the message: its subject, if it has a text, too
	files     []file
	encrypted bool
	act       bool  // /me (XEP-0245)
	reply     int64 // the row that it answers, if it does not repeat it; 0: none
}

// size is how much it says, in bytes, about.
func (c *content) size() int64 {
	n := len(c.text) + len(c.title)
	for _, f := range c.files {
		n += len(f.name) + len(f.url)
	}
	return int64(n)
}

// A file is one that was shared.
type file struct {
	name string // empty if it is not told
	url  string
	size int64 // 0 if it is not told
}

// contentOf reads a message. Of texts in several languages it takes the one in lang, or else the one without a language, or else the first.
func contentOf(st *xmpp.Stanza, lang string) content {
	switch {
	case st.Type == xmpp.TypeError, st.Has(nsRetract, "retract"), st.Has(nsFasten, "apply-to"):
		return content{}
	case st.Has(nsReactions, "reactions"):
		return reactionsOf(st)
	}
	for _, n := range encrypted {
		if st.Has(n.Space, n.Local) {
			return content{kind: words, encrypted: true}
		}
	}
	text, title := textOf(st, "body", lang), textOf(st, "subject", lang)
	c := content{kind: words, text: text, title: title, files: filesOf(st)}
	switch {
	case text != "" && st.Type == xmpp.TypeGroupchat && st.From.IsBare():
		return content{kind: notice, text: text}
	case text != "" || len(c.files) > 0:
		c.withoutAddress(st)
		c.text, c.act = strings.CutPrefix(c.text, "/me ") // XEP-0245 §2
		return c
	case st.Type == xmpp.TypeGroupchat && st.Has(xmpp.NSClient, "subject") && !st.Has(xmpp.NSClient, "thread"):
		return content{kind: subject, text: title} // XEP-0045 §8.1
	case title != "":
		return content{kind: words, title: title}
	}
	return eventOf(st)
}

// textOf is the text of a body or a subject.
func textOf(st *xmpp.Stanza, local, lang string) string {
	best, rank := "", 0
	for _, c := range st.Children {
		if c.Name != (xmpp.Name{Space: xmpp.NSClient, Local: local}) {
			continue
		}
		e, err := xmpp.ParseIn(st.RawChild(c), xmpp.NSClient, st.Extra)
		if err != nil {
			continue
		}
		r := 1
		switch own := langOf(e); {
		case own == lang:
			r = 3
		case own == "":
			r = 2
		}
		if r > rank {
			best, rank = e.Content(), r
		}
	}
	return best
}

// langOf is the language that an element names, without its country.
func langOf(e xmpp.Element) string {
	for _, a := range e.Attrs {
		if a.Name == (xmpp.Name{Space: xmpp.NSXML, Local: "lang"}) {
			base, _, _ := strings.Cut(a.Value, "-")
			return strings.ToLower(base)
		}
	}
	return ""
}

// filesOf are the files that a message shares, each once.
func filesOf(st *xmpp.Stanza) (files []file) {
	for _, c := range st.Children {
		if c.Name.Space != nsFiles && c.Name.Space != nsOOB {
			continue
		}
		e, err := xmpp.ParseIn(st.RawChild(c), xmpp.NSClient, st.Extra)
		if err != nil {
			continue
		}
		f := file{url: e.ContentOf(nsOOB, "url"), name: e.ContentOf(nsOOB, "desc")}
		if c.Name.Space == nsFiles {
			f = sharedFile(e)
		}
		known := false
		for i := range files {
			known = known || files[i].url == f.url
		}
		if (f.url != "" || f.name != "") && !known {
			files = append(files, f)
		}
	}
	return files
}

// sharedFile reads a <file-sharing/> (XEP-0447).
func sharedFile(e xmpp.Element) (f file) {
	meta, _ := e.Child(nsMetadata, "file")
	f.name = meta.ContentOf(nsMetadata, "name")
	f.size, _ = strconv.ParseInt(meta.ContentOf(nsMetadata, "size"), 10, 64)
	sources, _ := e.Child(nsFiles, "sources")
	if data, ok := sources.Child(nsURLData, "url-data"); ok {
		f.url = data.Attr("target")
	}
	return f
}

// withoutAddress takes the text away that says no more than the files do, and what stands in it for clients that know no files (XEP-0447).
func (c *content) withoutAddress(st *xmpp.Stanza) {
	if len(c.files) > 0 {
		c.text = withoutFallback(st, c.text, nsFiles)
	}
	text := strings.TrimSpace(c.text)
	for _, f := range c.files {
		if text == f.url {
			c.text = ""
		}
	}
}

// reactionsOf reads XEP-0444 §3.
func reactionsOf(st *xmpp.Stanza) content {
	e, _ := st.Child(nsReactions, "reactions")
	var all []string
	for _, r := range e.Elements() {
		if r.Is(nsReactions, "reaction") {
			all = append(all, r.Content())
		}
	}
	if len(all) == 0 {
		return content{}
	}
	return content{kind: reaction, text: strings.Join(all, " ")}
}

// eventOf is what a message tells that has no text.
func eventOf(st *xmpp.Stanza) content {
	if e, ok := st.Child(nsConference, "x"); ok && e.Attr("jid") != "" {
		return content{kind: invitation, text: e.Attr("jid")}
	}
	if e, ok := st.Child(nsMUCUser, "x"); ok {
		if _, ok := e.Child(nsMUCUser, "invite"); ok {
			return content{kind: invitation, text: st.From.Bare().String()}
		}
	}
	if st.Has(nsCalls, "propose") {
		return content{kind: call}
	}
	return content{}
}
