// Package pubsub is what every account publishes to those who see it, and keeps for its own devices: XEP-0163 on XEP-0060.
//
// On it stand avatars (XEP-0084, XEP-0153, XEP-0398) and bookmarks (XEP-0402, XEP-0048), each kept in step with the older place where clients look
// for them. Invariants: the account alone writes; who may read is decided at each request and each notification anew; changes of one account are
// carried out one after the other, and told in that order, when they are durable; who may not see an account learns nothing from it, not even
// whether there is one, unless a node is open to everybody.
package pubsub
