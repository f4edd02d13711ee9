package directory

import (
	"time"

	"palabre/server"
)

// asking is how often the user of an account may ask, with all their sessions: who types fast asks five times in a second, and then for the pictures of those that were found.
var asking = server.Pace{Burst: 60, Each: 100 * time.Millisecond}

// membersCost is what it counts to ask for the members of a group: all of them are read.
const membersCost = 10
