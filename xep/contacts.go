package xep

import (
	"palabre/server"
	"palabre/xmpp"
)

// Contacts are addresses of the people behind the server (XEP-0157), as URIs: mailto:, xmpp:, https:. What is empty is not told.
type Contacts struct {
	Abuse, Admin, Feedback, Sales, Security, Status, Support []string
}

// Info is part of server.Module.
func (c Contacts) Info() server.Info {
	return server.Info{Name: "contacts", Specs: []server.Spec{{Name: "XEP-0157", Version: "1.1.1"}}}
}

// Register is part of server.Module.
func (c Contacts) Register(h *server.Host) {
	var fields []xmpp.Field
	for _, f := range []xmpp.Field{
		{Var: "abuse-addresses", Values: c.Abuse},
		{Var: "admin-addresses", Values: c.Admin},
		{Var: "feedback-addresses", Values: c.Feedback},
		{Var: "sales-addresses", Values: c.Sales},
		{Var: "security-addresses", Values: c.Security},
		{Var: "status-addresses", Values: c.Status},
		{Var: "support-addresses", Values: c.Support},
	} {
		if len(f.Values) > 0 {
			f.Type = xmpp.FieldListMulti // §7.1
			fields = append(fields, f)
		}
	}
	if len(fields) == 0 {
		return
	}
	form := xmpp.NewForm(xmpp.FormResult, "http://jabber.org/network/serverinfo", fields...).Element()
	h.DomainForm(func(string) []xmpp.Element { return []xmpp.Element{form} })
}
