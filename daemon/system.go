package daemon

import (
	"errors"
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// noIPv6 tells whether an address could not be taken because this machine has no IPv6; that the default [::1] is missing then is no error.
func noIPv6(addr string, err error) bool {
	host, _, _ := net.SplitHostPort(addr)
	return host == "::1" && (errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT))
}

// whyNot says why an address can't be listened on, and what to do.
func whyNot(addr string, err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return addr + " is in use by another program; stop that one, or choose another address"
	case errors.Is(err, syscall.EACCES):
		return "this user may not listen on " + addr + "; choose a port above 1023, or give palabre the capability CAP_NET_BIND_SERVICE"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "this machine does not have the address " + addr + "; choose one that it has, or 0.0.0.0 for all"
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	return fmt.Sprintf("%s can't be listened on (%v); choose another address", addr, err)
}

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
