// Package attack lets hostile clients loose on the whole server, over real sockets: each class of attack that servers of our kind have met is a test,
// which says what is sent and what must happen. A test is named after its class: X is XML and the stream, A is authentication and identity, F is what
// stanzas say, W is the log. Everywhere: a clear stream or stanza error, bounded memory, nobody else affected, nothing secret in the log.
//
// What comes with a feature comes to this package with it: S1 to S5 (other servers), X9 (WebSocket), A8 (resumption and FAST), F3 and what F2 says of archives and personal
// events, F11 (offline messages), F8's relay (calls), F10's budget for strangers, W1 to W11 (the web, the API, files, mail). Of rooms, F4 holds the authority matrix
// (testdata/matrix.txt): who may do what, in which kind of room.
package attack
