package courier

import (
	"strconv"
	"strings"
)

// Notice tells, in the language of the letter, that somebody sends it, and to whom. Addresses that are in no directory are named where secret is false, else counted.
func (o *Order) Notice(by string, secret bool) string {
	t := noticeTexts[o.wish.language]
	if t.sent == "" {
		t = noticeTexts["en"]
	}
	to := append([]string(nil), o.named...)
	switch n := len(o.foreign); {
	case !secret:
		to = append(to, o.foreign...)
	case n == 1:
		to = append(to, t.one)
	case n > 1:
		to = append(to, strings.ReplaceAll(t.several, "{count}", strconv.Itoa(n)))
	}
	list := to[0]
	if n := len(to); n > 1 {
		list = strings.Join(to[:n-1], ", ") + " " + t.and + " " + to[n-1]
	}
	return strings.NewReplacer("{name}", by, "{list}", list).Replace(t.sent)
}

type noticeText struct{ sent, and, one, several string }

var noticeTexts = map[string]noticeText{
	"en": {"{name} sends what was said here by e-mail to {list}.", "and", "another address", "{count} other addresses"},
	"fr": {"{name} envoie par courriel ce qui a été dit ici à {list}.", "et", "une autre adresse", "{count} autres adresses"},
	"sv": {"{name} skickar det som har sagts här med e-post till {list}.", "och", "en annan adress", "{count} andra adresser"},
}
