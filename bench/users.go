package bench

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"palabre/account"
	"palabre/xmpp"
)

// A User is an account to log in as.
type User struct {
	JID      xmpp.JID // bare
	Password string
}

// ReadUsers reads the files that "palabre user import" reads. Errors name the line.
func ReadUsers(r io.Reader) ([]User, error) {
	var users []User
	for row := range account.ReadRows(r) {
		if row.Err != nil {
			return nil, fmt.Errorf("bench: users: line %d: %w", row.Line, row.Err)
		}
		jid, err := xmpp.ParseJID(row.JID)
		if err != nil || jid.Local() == "" {
			return nil, fmt.Errorf("bench: users: line %d: %q is not the address of a user", row.Line, row.JID)
		}
		users = append(users, User{jid.Bare(), row.Password})
	}
	return users, nil
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
