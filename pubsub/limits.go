package pubsub

import "time"

// What an account may keep. Each is generous for people and their clients, and bounds what one account can take from the others.
const (
	mostNodes    = 500
	mostItems    = 5000      // of one node
	mostPayload  = 128 << 10 // bytes of an item
	mostBytes    = 16 << 20  // of all that an account keeps here
	mostName     = 500       // bytes of a node's name: with an item's id it is the key of an index, and PostgreSQL's take 2,704
	mostID       = 1023      // bytes of an item's id
	mostText     = 1023      // bytes of a text in a configuration
	mostGroups   = 100
	mostPeers    = 500 // of one node
	mostPeersOf  = 10  // of one account at one node: its resources may subscribe each
	mostAnswered = 384 << 10
	mostIDs      = 500 // that may be asked for one by one
	mostPage     = 1000
	mostWanted   = 100       // nodes that one client is shown the last items of
	mostShown    = 256 << 10 // bytes of last items that a client is sent before it has to answer

	nodeBytes = 200 // what a node and a peer count for themselves
	peerBytes = 100
)

// patience is how long the store may take to answer, and a request to get its turn.
const patience = 5 * time.Second
