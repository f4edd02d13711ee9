package xep

import (
	"palabre/server"
	"palabre/xmpp"
)

// Contacts tells how to reach the people behind the server (XEP-0157).
type Contacts struct {
	All Addresses            // of the domains that have none of their own
	Of  map[string]Addresses // by domain
}

// Addresses are URIs by purpose: mailto:, xmpp:, https:. What is empty is not told.
type Addresses struct {
	Abuse, Admin, Feedback, Sales, Security, Status, Support []string
}

// Info is part of server.Module.
func (c Contacts) Info() server.Info {
	return server.Info{Name: "contacts", Specs: []server.Spec{{Name: "XEP-0157", Version: "1.1.1"}}}
}

// Register is part of server.Module.
func (c Contacts) Register(h *server.Host) {
	all, of := c.All.form(), map[string][]xmpp.Element{}
	for domain, a := range c.Of {
		of[domain] = a.form()
	}
	h.DomainForm(func(domain string) []xmpp.Element {
		if form, ok := of[domain]; ok {
			return form
		}
		return all
	})
}

// form is §3.
func (a Addresses) form() []xmpp.Element {
	var fields []xmpp.Field
	for _, f := range []xmpp.Field{
		{Var: "abuse-addresses", Values: a.Abuse},
		{Var: "admin-addresses", Values: a.Admin},
		{Var: "feedback-addresses", Values: a.Feedback},
		{Var: "sales-addresses", Values: a.Sales},
		{Var: "security-addresses", Values: a.Security},
		{Var: "status-addresses", Values: a.Status},
		{Var: "support-addresses", Values: a.Support},
	} {
		if len(f.Values) > 0 {
			f.Type = xmpp.FieldListMulti // §7.1
			fields = append(fields, f)
		}
	}
	if len(fields) == 0 {
		return nil
	}
	return []xmpp.Element{xmpp.NewForm(xmpp.FormResult, "http://jabber.org/network/serverinfo", fields...).Element()}
}
