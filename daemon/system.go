package daemon

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// errNoAddress is what listening on an address of a family that the machine does not have gives.
const errNoAddress = syscall.EADDRNOTAVAIL

// openFiles is how many files and connections this process may have open: Go's runtime has raised the limit as far as it goes. 0: not known.
func openFiles() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return limit.Cur
}

// writable tells whether this process may make files in a folder.
func writable(dir string) bool { return unix.Access(dir, unix.W_OK|unix.X_OK) == nil }
