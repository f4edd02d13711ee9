package xmpp

// Namespaces of RFC 6120 and RFC 6121 that are met everywhere.
const (
	NSClient    = "jabber:client"
	NSServer    = "jabber:server"
	NSComponent = "jabber:component:accept" // XEP-0114
	NSStream    = "http://etherx.jabber.org/streams"
	NSStanzas   = "urn:ietf:params:xml:ns:xmpp-stanzas"
	NSStreams   = "urn:ietf:params:xml:ns:xmpp-streams"
	NSXML       = "http://www.w3.org/XML/1998/namespace"
)
