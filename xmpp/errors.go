package xmpp

import (
	"fmt"

	"mellium.im/xmpp/stanza"
)

// Condition is a defined condition of a stanza error (RFC 6120 §8.3.3).
type Condition = stanza.Condition

// ErrorType tells the sender what to do about an error (RFC 6120 §8.3.2).
type ErrorType = stanza.ErrorType

// An Error is a stanza error: the only kind of error that reaches a peer inside a stream.
type Error struct {
	Type      ErrorType
	Condition Condition
	Text      string  // for people, or empty
	App       Element // an application-specific condition, or nothing
	Beside    Element // what of the stanza is repeated beside the error (RFC 6120 §8.3.1), or nothing
}

func (e *Error) Error() string {
	if e.Text == "" {
		return string(e.Condition)
	}
	return fmt.Sprintf("%s: %s", e.Condition, e.Text)
}

// With gives a copy that says more.
func (e *Error) With(text string) *Error {
	out := *e
	out.Text = text
	return &out
}

// WithApp gives a copy with an application-specific condition (RFC 6120 §8.3.4).
func (e *Error) WithApp(app Element) *Error {
	out := *e
	out.App = app
	return &out
}

// WithBeside gives a copy that repeats something of the stanza which it answers.
func (e *Error) WithBeside(child Element) *Error {
	out := *e
	out.Beside = child
	return &out
}

// Element is the error as the child of a stanza.
func (e *Error) Element() Element {
	el := New(NSClient, "error", New(NSStanzas, string(e.Condition))).With("type", string(e.Type))
	if e.Text != "" {
		t := New(NSStanzas, "text", Text(e.Text))
		t.Attrs = []Attr{{Name{NSXML, "lang"}, "en"}}
		el = el.Add(t)
	}
	if !e.App.IsZero() {
		el = el.Add(e.App)
	}
	return el
}

// The errors that the server gives, each with the type that RFC 6120 §8.3.3 recommends.
var (
	ErrBadRequest            = &Error{Type: stanza.Modify, Condition: stanza.BadRequest}
	ErrConflict              = &Error{Type: stanza.Cancel, Condition: stanza.Conflict}
	ErrFeatureNotImplemented = &Error{Type: stanza.Cancel, Condition: stanza.FeatureNotImplemented}
	ErrForbidden             = &Error{Type: stanza.Auth, Condition: stanza.Forbidden}
	ErrGone                  = &Error{Type: stanza.Cancel, Condition: stanza.Gone}
	ErrInternal              = &Error{Type: stanza.Cancel, Condition: stanza.InternalServerError}
	ErrItemNotFound          = &Error{Type: stanza.Cancel, Condition: stanza.ItemNotFound}
	ErrJIDMalformed          = &Error{Type: stanza.Modify, Condition: stanza.JIDMalformed}
	ErrNotAcceptable         = &Error{Type: stanza.Modify, Condition: stanza.NotAcceptable}
	ErrNotAllowed            = &Error{Type: stanza.Cancel, Condition: stanza.NotAllowed}
	ErrNotAuthorized         = &Error{Type: stanza.Auth, Condition: stanza.NotAuthorized}
	ErrPolicyViolation       = &Error{Type: stanza.Modify, Condition: stanza.PolicyViolation}
	ErrRegistrationRequired  = &Error{Type: stanza.Auth, Condition: stanza.RegistrationRequired}
	ErrRemoteServerNotFound  = &Error{Type: stanza.Cancel, Condition: stanza.RemoteServerNotFound}
	ErrRemoteServerTimeout   = &Error{Type: stanza.Wait, Condition: stanza.RemoteServerTimeout}
	ErrResourceConstraint    = &Error{Type: stanza.Wait, Condition: stanza.ResourceConstraint}
	ErrServiceUnavailable    = &Error{Type: stanza.Cancel, Condition: stanza.ServiceUnavailable}
	ErrUnexpectedRequest     = &Error{Type: stanza.Modify, Condition: stanza.UnexpectedRequest}
)
