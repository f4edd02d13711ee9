// Package websocket is the transport for clients in browsers: XMPP over WebSocket (RFC 7395), on the HTTPS port.
//
// It translates, and decides nothing. What a client sends in frames it hands on as the stream that TCP would carry, and what is written to such a stream it
// sends in frames; whoever takes the connections serves them as those of TCP, with the same scanner, limits, authentication, sessions and their resumption.
// A frame is read piece by piece as it comes: its length makes nobody hold memory. A connection has one goroutine here, which reads.
// It also says where it is (XEP-0156).
package websocket
