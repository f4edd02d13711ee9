package daemon

import "syscall"

// errNoAddress is what listening on an address of a family that the machine does not have gives.
const errNoAddress = syscall.EADDRNOTAVAIL
