// Package bench puts load on an XMPP server, whichever it is, and measures what the load costs.
//
// It speaks as a client does: RFC 6120 (streams, STARTTLS, SASL, resource binding), RFC 6121 (roster, presence, messages),
// XEP-0368 (direct TLS). A Scenario is one kind of load. Set-up and warm-up are outside of what is measured. What is sent
// carries its sender and a number, and must arrive exactly once and in order: a run in which it does not has failed.
// The figure to trust on a shared machine is the CPU time per unit of the server and its database (see Usage); rates
// and latencies depend on what else runs there, this tool included.
package bench
