package directory

import (
	"fmt"

	"palabre/xmpp"
)

// A Kind says what an entry is.
type Kind uint8

// The kinds of entry.
const (
	Person  Kind = 1
	Group   Kind = 2 // of persons of its domain
	Mailbox Kind = 3 // that several people read
)

// Kinds are all kinds.
var Kinds = []Kind{Person, Group, Mailbox}

var kindNames = map[Kind]string{Person: "person", Group: "group", Mailbox: "mailbox"}

// String is the name of a kind, as commands and files have it.
func (k Kind) String() string {
	if name := kindNames[k]; name != "" {
		return name
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// ParseKind finds the kind of this name.
func ParseKind(name string) (Kind, bool) {
	for k, n := range kindNames {
		if n == name {
			return k, true
		}
	}
	return 0, false
}

// An Entry is somebody, or something, that can be found.
type Entry struct {
	Domain  string
	ID      string // a normalised local part
	Kind    Kind
	Account xmpp.JID // bare, of the domain, of a person; zero if there is none
	Name    string   // never empty
	Email   string   // as it is written; found whatever its case is. Empty if there is none
	Chat    bool     // may use chat, or all its members may: heeded where the configuration grants it to some only
	Details
	Photo Photo
}

// Details are what else is known. Each may be empty.
type Details struct {
	Given        string `json:"given,omitempty"`
	Family       string `json:"family,omitempty"`
	Organisation string `json:"organisation,omitempty"`
	Unit         string `json:"unit,omitempty"`
	Title        string `json:"title,omitempty"`
	Phone        string `json:"phone,omitempty"`
	Mobile       string `json:"mobile,omitempty"`
	Locality     string `json:"locality,omitempty"`
	Country      string `json:"country,omitempty"`
	Note         string `json:"note,omitempty"` // the only one with lines
}

// A Photo is a picture of somebody.
type Photo struct {
	Type string // image/png, image/jpeg, image/gif or image/webp, as its bytes say; empty: there is none
	SHA1 string // of its bytes, in hexadecimal
	Size int    // bytes
	Data []byte // nil in what searches and lists give: Source.Photo gives them
}
