// Package mail keeps the outbox and hands what is in it to the organisation's mail relay (RFC 5321), as MIME (RFC 2045).
//
// A letter is written bit by bit into a draft in the store, so that a long one is never in memory. It is sent from the moment when a write flips
// the draft to queued; that write goes with others in one transaction. What the relay has taken is stored as taken before another command
// goes to the relay: a mail arrives at least once, and twice only if the relay's answer was lost. Recipients are tried again one by one, for a
// day unless the configuration says otherwise; who asked for the mail is told of those who can't be reached. Nothing that others write reaches
// a command or a header as it is: addresses are parsed, words are encoded, bodies are quoted-printable or base64.
package mail
