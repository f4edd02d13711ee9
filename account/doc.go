// Package account knows who may log in: it keeps the accounts and speaks the server's half of SASL.
//
// It implements RFC 5802 and RFC 7677 (SCRAM, with -PLUS over RFC 5929 and RFC 9266), RFC 4616 (PLAIN), XEP-0474 and XEP-0077.
// A password is never kept, only what SCRAM needs to check it. Until a proof is right, an account that exists, one that does
// not and one that is disabled answer with the same bytes and at the same cost. Whoever is logged in is named by a full bare JID.
package account
