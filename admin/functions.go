package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"palabre/account"
	"palabre/directory"
	"palabre/mail"
	"palabre/muc"
	"palabre/server"
	"palabre/xmpp"
)

// API holds what the functions work on.
type API struct {
	Accounts  *account.Registry
	Domains   []string
	Directory *directory.Book
	Rooms     *muc.Service
	RoomsOf   func(domain string) string         // where the rooms of a domain's users are
	Outbox    *mail.Outbox                       // sends only while a server runs
	Host      *server.Host                       // nil: no server runs
	Reload    func() error                       // reads certificates anew; nil: no server runs
	Status    func(context.Context) ServerStatus // nil: no server runs
}

// A Caller carries out functions by name. Its errors are sentences for people.
type Caller interface {
	Call(ctx context.Context, name string, params, result any) error
}

// functions are everything that can be called. The names are part of the interface: they do not change.
var functions = map[string]function{
	"directory.add":    of((*API).entryAdd),
	"directory.delete": of((*API).entryDelete),
	"directory.import": of((*API).entryImport),
	"directory.list":   of((*API).entryList),
	"directory.set":    of((*API).entrySet),
	"directory.show":   of((*API).entryShow),
	"group.members":    of((*API).groupMembers),
	"mail.drop":        of((*API).mailDrop),
	"mail.queue":       of((*API).mailQueue),
	"mail.retry":       of((*API).mailRetry),
	"mail.show":        of((*API).mailShow),
	"mail.test":        of((*API).mailTest),
	"room.affiliation": of((*API).roomAffiliation),
	"room.close":       of((*API).roomClose),
	"room.create":      of((*API).roomCreate),
	"room.destroy":     of((*API).roomDestroy),
	"room.invite":      of((*API).roomInvite),
	"room.list":        of((*API).roomList),
	"room.members":     of((*API).roomMembers),
	"room.open":        of((*API).roomOpen),
	"room.set":         of((*API).roomSet),
	"room.show":        of((*API).roomShow),
	"server.reload":    of((*API).reload),
	"server.status":    of((*API).status),
	"user.add":         of((*API).userAdd),
	"user.delete":      of((*API).userDelete),
	"user.disable":     of((*API).userDisable),
	"user.enable":      of((*API).userEnable),
	"user.import":      of((*API).userImport),
	"user.kick":        of((*API).userKick),
	"user.list":        of((*API).userList),
	"user.password":    of((*API).userPassword),
	"user.sessions":    of((*API).userSessions),
}

type function func(ctx context.Context, a *API, params []byte) (any, error)

// of makes a function of a method, whose parameters it decodes strictly.
func of[P, R any](method func(*API, context.Context, P) (R, error)) function {
	return func(ctx context.Context, a *API, params []byte) (any, error) {
		var p P
		d := json.NewDecoder(strings.NewReader(string(params)))
		d.DisallowUnknownFields()
		err := d.Decode(&p)
		if err == nil && d.More() {
			err = errors.New("something follows them")
		}
		if err != nil {
			return nil, &Error{Kind: BadRequest, Text: "The parameters can't be read: " + strings.TrimPrefix(err.Error(), "json: ") + "."}
		}
		return method(a, ctx, p)
	}
}

// Kind says what an Error is about.
type Kind string

// The kinds of error.
const (
	BadRequest Kind = "bad-request"
	NotFound   Kind = "not-found"
	Conflict   Kind = "conflict"
	NotRunning Kind = "not-running"
	Failed     Kind = "failed"
)

// An Error is why a function was not carried out, for people.
type Error struct {
	Kind Kind   `json:"kind"`
	Text string `json:"error"`
}

func (e *Error) Error() string { return e.Text }

// explain turns what a part says into an Error.
func explain(err error) *Error {
	var e *Error
	var refusal *xmpp.Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &refusal):
		return refused(refusal)
	case errors.Is(err, account.ErrUnknown):
		return &Error{NotFound, "There is no such account. 'palabre user list' shows those that there are."}
	case errors.Is(err, account.ErrExists):
		return &Error{Conflict, "This account exists already. To change its password use 'palabre user password'."}
	case errors.Is(err, mail.ErrUnknown):
		return &Error{NotFound, "There is no such mail in the outbox. 'palabre mail queue' shows those that there are."}
	case errors.Is(err, account.ErrAddress), errors.Is(err, account.ErrDomain), errors.Is(err, account.ErrPassword):
		return &Error{BadRequest, sentence(err.Error())}
	}
	return &Error{Failed, sentence(err.Error())}
}

// refused is what a part would have told a client.
func refused(e *xmpp.Error) *Error {
	out := &Error{BadRequest, e.Text}
	switch e.Condition {
	case xmpp.ErrItemNotFound.Condition:
		out.Kind = NotFound
	case xmpp.ErrConflict.Condition:
		out.Kind = Conflict
	}
	if out.Text == "" {
		out.Text = sentence("this was refused: " + string(e.Condition))
	}
	return out
}

func sentence(s string) string {
	if s == "" {
		return s
	}
	s = strings.ToUpper(s[:1]) + s[1:]
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}

// Call carries a function out here. It is part of Caller.
func (a *API) Call(ctx context.Context, name string, params, result any) error {
	raw, err := json.Marshal(params)
	if err != nil {
		return fmt.Errorf("admin: %s: %w", name, err)
	}
	out, err := a.call(ctx, name, raw)
	if err != nil {
		return err
	}
	return json.Unmarshal(out, result)
}

// call carries a function out. The error is an *Error.
func (a *API) call(ctx context.Context, name string, params []byte) ([]byte, error) {
	fn := functions[name]
	if fn == nil {
		return nil, &Error{NotFound, "There is no function " + name + "."}
	}
	result, err := fn(ctx, a, params)
	if err != nil {
		return nil, explain(err)
	}
	out, err := json.Marshal(result)
	if err != nil {
		return nil, explain(err)
	}
	return out, nil
}
