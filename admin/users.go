package admin

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"palabre/account"
	"palabre/server"
	"palabre/stream"
	"palabre/xmpp"
)

// UserParams names an account and, where one is set, a password.
type UserParams struct {
	JID      string `json:"jid"`
	Password string `json:"password,omitempty"`
}

// UserResult names the account, in its normal form.
type UserResult struct {
	JID  string `json:"jid"`
	Note string `json:"note,omitempty"` // what is to be done yet
}

// ParseAccount reads the address of an account.
func ParseAccount(s string) (xmpp.JID, error) {
	j, err := xmpp.ParseJID(s)
	if err != nil || j.Local() == "" || !j.IsBare() {
		return xmpp.JID{}, &Error{BadRequest, "An account is named like an e-mail address: name@domain."}
	}
	return j, nil
}

// on runs fn for the account that the parameters name.
func on(p UserParams, fn func(j xmpp.JID) error) (UserResult, error) {
	j, err := ParseAccount(p.JID)
	if err != nil {
		return UserResult{}, err
	}
	return UserResult{JID: j.String()}, fn(j)
}

func (a *API) userAdd(ctx context.Context, p UserParams) (UserResult, error) {
	granted := true
	out, err := on(p, func(j xmpp.JID) (err error) {
		if err = a.Accounts.Add(ctx, j, p.Password); err == nil {
			granted, err = a.Accounts.Granted(ctx, j)
		}
		return err
	})
	if err == nil && !granted {
		out.Note = "Chat is not granted to it yet, so it can't log in: 'palabre directory add', or 'set', with chat=yes does that, and so does a group that has chat=yes."
	}
	return out, err
}

func (a *API) userPassword(ctx context.Context, p UserParams) (UserResult, error) {
	return on(p, func(j xmpp.JID) error { return a.Accounts.SetPassword(ctx, j, p.Password) })
}

func (a *API) userDisable(ctx context.Context, p UserParams) (UserResult, error) {
	return on(p, func(j xmpp.JID) error { return a.Accounts.Disable(ctx, j) })
}

func (a *API) userEnable(ctx context.Context, p UserParams) (UserResult, error) {
	return on(p, func(j xmpp.JID) error { return a.Accounts.Enable(ctx, j) })
}

func (a *API) userDelete(ctx context.Context, p UserParams) (UserResult, error) {
	return on(p, func(j xmpp.JID) error { return a.Accounts.Delete(ctx, j) })
}

// ListParams asks for a page of accounts, in the order of their addresses.
type ListParams struct {
	Domain string `json:"domain,omitempty"` // empty: the default domain
	After  string `json:"after,omitempty"`  // the local part after which the page begins
	Limit  int    `json:"limit,omitempty"`  // 1 to 1000; 0: 100
}

// ListResult is a page of accounts.
type ListResult struct {
	Users []User `json:"users"`
	More  bool   `json:"more"` // there may be more: ask again after the last one
}

// A User is an account as it is listed.
type User struct {
	JID      string     `json:"jid"`
	Disabled bool       `json:"disabled"`
	Granted  bool       `json:"granted"` // it may use chat, as far as the directory is concerned
	Created  time.Time  `json:"created"`
	LastSeen *time.Time `json:"last_seen,omitempty"`
	Sessions int        `json:"sessions"` // 0 when no server runs
}

// domain reads the name of one of the server's domains; empty is the default.
func (a *API) domain(name string) (string, error) {
	if name == "" {
		return a.Domains[0], nil
	}
	j, err := xmpp.ParseJID(name)
	if err != nil || j != j.DomainJID() || !slices.Contains(a.Domains, j.Domain()) {
		return "", &Error{NotFound, "The server has no such domain; it has " + strings.Join(a.Domains, ", ") + "."}
	}
	return j.Domain(), nil
}

func (a *API) userList(ctx context.Context, p ListParams) (ListResult, error) {
	domain, err := a.domain(p.Domain)
	if err != nil {
		return ListResult{}, err
	}
	if p.Limit == 0 {
		p.Limit = 100
	}
	if p.Limit < 0 || p.Limit > 1000 {
		return ListResult{}, &Error{BadRequest, "A page has 1 to 1000 accounts."}
	}
	list, err := a.Accounts.List(ctx, domain, p.After, p.Limit)
	if err != nil {
		return ListResult{}, err
	}
	out := ListResult{Users: make([]User, 0, len(list)), More: len(list) == p.Limit}
	for _, acc := range list {
		u := User{JID: acc.JID.String(), Disabled: acc.Disabled, Created: acc.Created}
		if u.Granted, err = a.Accounts.Granted(ctx, acc.JID); err != nil {
			return ListResult{}, err
		}
		if !acc.LastSeen.IsZero() {
			u.LastSeen = &acc.LastSeen
		}
		if a.Host != nil {
			if o := a.Host.Online(acc.JID); o != nil {
				u.Sessions = len(o.Sessions())
			}
		}
		out.Users = append(out.Users, u)
	}
	return out, nil
}

// ImportParams are some accounts of a file: up to 1000.
type ImportParams struct {
	Rows []ImportRow `json:"rows"`
}

// An ImportRow is one account of a file.
type ImportRow struct {
	Line     int    `json:"line"`
	JID      string `json:"jid"`
	Password string `json:"password"`
	Error    string `json:"error,omitempty"` // why the row could not be read
}

// ImportResult says what became of them.
type ImportResult struct {
	Created  int             `json:"created"`
	Existing int             `json:"existing"` // were there already, and have kept their password
	Refused  int             `json:"refused"`
	Problems []ImportProblem `json:"problems,omitempty"`
}

// An ImportProblem is a row that can't be an account.
type ImportProblem struct {
	Line  int    `json:"line"`
	JID   string `json:"jid,omitempty"`
	Error string `json:"error"`
}

func (a *API) userImport(ctx context.Context, p ImportParams) (ImportResult, error) {
	if len(p.Rows) > 1000 {
		return ImportResult{}, &Error{BadRequest, "At most 1000 accounts can be imported at once."}
	}
	rows := func(yield func(account.Row) bool) {
		for _, r := range p.Rows {
			row := account.Row{Line: r.Line, JID: r.JID, Password: r.Password}
			if r.Error != "" {
				row.Err = errors.New(r.Error)
			}
			if !yield(row) {
				return
			}
		}
	}
	out := ImportResult{}
	total, err := a.Accounts.Import(ctx, rows, func(now account.Progress) {
		for _, problem := range now.Problems {
			out.Problems = append(out.Problems, ImportProblem{problem.Line, problem.JID, problem.Err.Error()})
		}
	})
	out.Created, out.Existing, out.Refused = total.Created, total.Existing, total.Refused
	return out, err
}

// SessionsParams asks for the sessions of one account, or of all for an empty address.
type SessionsParams struct {
	JID string `json:"jid,omitempty"`
}

// SessionsResult lists sessions.
type SessionsResult struct {
	Sessions []Session `json:"sessions"`
}

// A Session is a client that is logged in.
type Session struct {
	JID       string    `json:"jid"` // full
	Address   string    `json:"address"`
	Since     time.Time `json:"since"`
	Active    time.Time `json:"active"` // when it last sent something
	Available bool      `json:"available"`
	Priority  int       `json:"priority"`
}

var errNotRunning = &Error{NotRunning, "The server is not running. Start it with 'palabre serve'."}

func (a *API) userSessions(_ context.Context, p SessionsParams) (SessionsResult, error) {
	out := SessionsResult{Sessions: []Session{}}
	if a.Host == nil {
		return out, errNotRunning
	}
	list := a.Host.Sessions()
	if p.JID != "" {
		j, err := ParseAccount(p.JID)
		if err != nil {
			return out, err
		}
		list = nil
		if acc := a.Host.Online(j); acc != nil {
			list = acc.Sessions()
		}
	}
	for _, s := range list {
		out.Sessions = append(out.Sessions, Session{
			JID: s.JID.String(), Address: s.Remote().String(), Since: s.Since, Active: s.LastActive(),
			Available: s.Presence() != nil, Priority: s.Priority(),
		})
	}
	return out, nil
}

// KickParams names an account, or with a resource one session of it.
type KickParams struct {
	JID    string `json:"jid"`
	Reason string `json:"reason,omitempty"` // shown to the user
}

// KickResult says how many sessions were ended.
type KickResult struct {
	Ended int `json:"ended"`
}

func (a *API) userKick(_ context.Context, p KickParams) (KickResult, error) {
	if a.Host == nil {
		return KickResult{}, errNotRunning
	}
	j, err := xmpp.ParseJID(p.JID)
	if err != nil || j.Local() == "" {
		return KickResult{}, &Error{BadRequest, "Name an account, name@domain, or one session, name@domain/resource."}
	}
	var list []*server.Session
	if acc := a.Host.Online(j.Bare()); acc != nil {
		for _, s := range acc.Sessions() {
			if j.IsBare() || s.JID == j {
				list = append(list, s)
			}
		}
	}
	if len(list) == 0 {
		return KickResult{}, &Error{NotFound, "There is no such session. 'palabre user sessions' shows those that there are."}
	}
	reason := p.Reason
	if reason == "" {
		reason = "An administrator has ended this session."
	}
	for _, s := range list {
		s.End(&stream.Error{Condition: stream.PolicyViolation, Text: reason})
	}
	return KickResult{len(list)}, nil
}
