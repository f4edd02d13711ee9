// Package chaos finds out whether the server keeps its word while everything around it breaks: it kills it, its database and its
// connections, fills its disk, and compares what was acknowledged with what is in the archives and with what readers saw.
//
// It is black-box: clients of its own speak XMPP over TLS to a server built for the test (RFC 6120, RFC 6121, XEP-0198, XEP-0313,
// XEP-0359; for rooms XEP-0045 and XEP-0410), and note what they were told in a History. Check, a function of nothing but the History, judges. README.md says what is promised.
package chaos
