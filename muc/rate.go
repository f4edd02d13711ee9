package muc

import (
	"sync"

	"palabre/server"
)

// invited counts the invitations of one account, to whichever rooms. It hangs on the account, and so lasts as long as a session.
type invited struct {
	mu sync.Mutex // tier 4
	server.Bucket
}
