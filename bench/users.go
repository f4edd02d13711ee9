package bench

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"

	"palabre/xmpp"
)

// A User is an account to log in as.
type User struct {
	JID      xmpp.JID // bare
	Password string
}

// ReadUsers reads accounts as "palabre user import" does: CSV of address and password, where a first line
// "jid,password" is a title. Errors name the line.
func ReadUsers(r io.Reader) ([]User, error) {
	in := csv.NewReader(r)
	in.FieldsPerRecord = 2
	in.Comment = '#'
	var users []User
	for {
		record, err := in.Read()
		if err == io.EOF {
			return users, nil
		}
		if err != nil {
			return nil, fmt.Errorf("bench: users: %w", err)
		}
		if len(users) == 0 && record[0] == "jid" && record[1] == "password" {
			continue
		}
		line, _ := in.FieldPos(0)
		jid, err := xmpp.ParseJID(record[0])
		if err != nil || jid.Local() == "" {
			return nil, fmt.Errorf("bench: users: line %d: %q is not the address of a user", line, record[0])
		}
		users = append(users, User{jid.Bare(), record[1]})
	}
}

// NumberedUsers gives the accounts PREFIX0@DOMAIN, PREFIX1@DOMAIN and so on, all with one password.
func NumberedUsers(prefix, domain, password string, count int) ([]User, error) {
	if domain == "" {
		return nil, errors.New("bench: users: the domain is missing")
	}
	users := make([]User, 0, max(count, 0))
	for i := range count {
		jid, err := xmpp.NewJID(prefix+strconv.Itoa(i), domain, "")
		if err != nil {
			return nil, fmt.Errorf("bench: users: %q at %q is not an address", prefix+strconv.Itoa(i), domain)
		}
		users = append(users, User{jid, password})
	}
	return users, nil
}
