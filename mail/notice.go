package mail

import (
	"fmt"
	"strings"
)

// noticeTexts are what the requester is told, by language: the text before the recipients, with the subject, and the one after.
var noticeTexts = map[string][2]string{
	"en": {"Your mail “%s” did not reach:", "The others it was sent to are not affected."},
	"fr": {"Votre courriel « %s » n’est pas parvenu à :", "Les autres destinataires ne sont pas concernés."},
	"sv": {"Ditt mejl ”%s” kom inte fram till:", "Övriga mottagare berörs inte."},
}

// noticeOf is what the requester of a mail is told of the recipients who can't be reached.
func noticeOf(m *Mail) string {
	lang, _, _ := strings.Cut(strings.ToLower(m.Language), "-")
	texts, ok := noticeTexts[lang]
	if !ok {
		texts = noticeTexts["en"]
	}
	var b strings.Builder
	fmt.Fprintf(&b, texts[0], m.Subject)
	n := 0
	for _, d := range m.To {
		if d.State != Refused {
			continue
		}
		n++
		name := d.Address.String()
		if d.Name != "" {
			name = d.Name + " <" + name + ">"
		}
		fmt.Fprintf(&b, "\n%s: %s", name, d.Answer)
	}
	if n < len(m.To) {
		b.WriteString("\n" + texts[1])
	}
	return b.String()
}
