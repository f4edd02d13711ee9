package muc

import (
	"strconv"
	"time"

	"palabre/xmpp"
)

// usualHistory is how many messages somebody is sent who comes in and does not say how many.
const usualHistory = 20

// A historyRequest is how much of what was said a newcomer wants (XEP-0045 §7.2.13).
type historyRequest struct {
	stanzas, chars int // at most; -1: not said
	since          time.Time
	said           bool
}

// parseHistory reads the <history/> in an <x/>. The error is an *xmpp.Error.
func parseHistory(x xmpp.Element, now time.Time) (historyRequest, error) {
	ask := historyRequest{stanzas: -1, chars: -1}
	h, ok := x.Child(nsMUC, "history")
	if !ok {
		return ask, nil
	}
	ask.said = true
	var seconds = -1
	for name, n := range map[string]*int{"maxstanzas": &ask.stanzas, "maxchars": &ask.chars, "seconds": &seconds} {
		if !h.HasAttr(name) {
			continue
		}
		var err error
		if *n, err = strconv.Atoi(h.Attr(name)); err != nil || *n < 0 {
			return ask, xmpp.ErrBadRequest.With("In the request for history, " + name + " is not a number.")
		}
	}
	if seconds >= 0 {
		ask.since = now.Add(-time.Duration(min(seconds, 1e9)) * time.Second)
	}
	if h.HasAttr("since") {
		t, err := time.Parse(time.RFC3339Nano, h.Attr("since"))
		if err != nil {
			return ask, xmpp.ErrBadRequest.With("In the request for history, since is not a time.")
		}
		if t.After(ask.since) {
			ask.since = t
		}
	}
	return ask, nil
}

// subjectLocked is the message that ends the arrival (§7.2.15): also where there is no subject.
func (r *Room) subjectLocked() *xmpp.Stanza {
	st := &xmpp.Stanza{Kind: xmpp.Message, Type: xmpp.TypeGroupchat, From: r.JID, Inner: r.subject.Text}
	if r.subject.Text == "" {
		st.Inner = "<subject/>"
		return st
	}
	if r.subject.Nick != "" {
		st.From = r.from(r.subject.Nick)
	}
	st.Inner += r.stamp(r.subject.At)
	return st
}

// stamp is the delay of what was said before (XEP-0203).
func (r *Room) stamp(at time.Time) string {
	b := append(make([]byte, 0, 128), "<delay xmlns='"+nsDelay+"'"...)
	b = xmpp.AppendAttr(b, "from", r.JID.String())
	b = xmpp.AppendAttr(b, "stamp", at.UTC().Format("2006-01-02T15:04:05.000Z"))
	return string(append(b, "/>"...))
}
