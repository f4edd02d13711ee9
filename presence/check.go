package presence

import (
	"strconv"
	"strings"

	"palabre/xmpp"
)

// shows are the values of RFC 6121 §4.7.2.1. An empty element says what its absence says; some clients send it.
var shows = map[string]bool{"": true, "away": true, "chat": true, "dnd": true, "xa": true}

// check reads what the server understands of available presence (RFC 6121 §4.7.2).
func check(st *xmpp.Stanza) (priority int8, err error) {
	show, err := single(st, "show")
	if err != nil {
		return 0, err
	}
	if !shows[show] {
		return 0, xmpp.ErrBadRequest.With("What <show/> says is one of away, chat, dnd and xa.")
	}
	value, err := single(st, "priority")
	if err != nil || value == "" {
		return 0, err
	}
	n, err := strconv.ParseInt(value, 10, 8)
	if err != nil {
		return 0, xmpp.ErrBadRequest.With("A priority is a number between -128 and 127.")
	}
	return int8(n), nil
}

// single is the text of an element that may be there once and holds nothing but text; empty if it is not there.
func single(st *xmpp.Stanza, local string) (string, error) {
	n := 0
	for i := range st.Children {
		if c := &st.Children[i]; c.Name.Local == local && c.Name.Space == xmpp.NSClient {
			n++
		}
	}
	if n == 0 {
		return "", nil
	}
	e, _ := st.Child(xmpp.NSClient, local)
	if n > 1 || len(e.Elements()) > 0 {
		return "", xmpp.ErrBadRequest.With("Presence has one <" + local + "/> at most, and text alone in it.")
	}
	return strings.TrimSpace(e.Content()), nil
}
