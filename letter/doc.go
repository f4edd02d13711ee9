// Package letter writes what was said in a room, or between two people, as a document to be sent by mail: plain text, and HTML.
//
// A letter shows what its reader could see in a client: of a message that was corrected what it says now (XEP-0308), of one that was taken back that there was one
// (XEP-0424, XEP-0425), of an encrypted one that it is. Invariants: what was said is never in memory as a whole; nothing that was said, no name, and no address
// becomes markup, a header or a link that runs something; no text of a message that was taken back is in a letter.
package letter
