//go:build unix

package stream

import (
	"io"
	"net"
	"os"
	"syscall"
)

// A Socket is a TCP connection on which a silent peer costs next to nothing: who waits for it holds no buffer, and stands on so little stack
// that the runtime can take back what earlier work has made it grow to. A wait inside tls.Conn.Read needs 2.5 KiB, which keeps a stack at 8 KiB; Wait
// needs less than 1 KiB, which lets it shrink to 4.
//
// A Socket begins as an ordinary connection. Once Hasty was called, Read does not wait any more; it fails with a temporary error, which a tls.Conn passes
// on and survives, and Wait is the place to wait. Wait, Read and Hasty belong to one goroutine.
type Socket struct {
	*net.TCPConn

	raw   syscall.RawConn
	try   func(fd uintptr) bool // s.read
	hasty bool
	more  bool   // there may be more than what was kept
	kept  []byte // what Wait has read and Read has not yet given
	at    int    // where in kept Read goes on
	err   error  // what reading ended with
}

// NewSocket makes a Socket of a connection.
func NewSocket(c *net.TCPConn) (*Socket, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &Socket{TCPConn: c, raw: raw}
	s.try = s.read
	return s, nil
}

// Hasty says whether Read shall fail where it would have to wait.
func (s *Socket) Hasty(on bool) { s.hasty = on }

// Wait waits until there is something to read: bytes, the end, or an error that Read will give. Its own error is that of a deadline, or of a closed connection.
func (s *Socket) Wait() error {
	if s.kept != nil || s.more || s.err != nil {
		return nil
	}
	return s.raw.Read(s.try)
}

// read takes what the socket has; false means that there is nothing yet.
func (s *Socket) read(fd uintptr) bool {
	b := getBuffer(mediumBuffer)
	for {
		n, err := syscall.Read(int(fd), b)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			putBuffer(b)
			return false
		case err != nil:
			s.err = os.NewSyscallError("read", err)
		case n == 0:
			s.err = io.EOF
		default:
			s.kept, s.at, s.more = b[:n], 0, n == len(b)
			return true
		}
		putBuffer(b)
		return true
	}
}

// Read gives what Wait has read, or what there is.
func (s *Socket) Read(b []byte) (int, error) {
	if !s.hasty && s.kept == nil && s.err == nil {
		return s.TCPConn.Read(b)
	}
	if s.kept == nil && s.more {
		s.more = false
		if err := s.raw.Read(func(fd uintptr) bool { s.read(fd); return true }); err != nil {
			return 0, err
		}
	}
	switch {
	case s.kept != nil:
		n := copy(b, s.kept[s.at:])
		if s.at += n; s.at == len(s.kept) {
			putBuffer(s.kept)
			s.kept = nil
		}
		return n, nil
	case s.err != nil:
		return 0, s.err
	}
	return 0, errWait
}

// errWait is the temporary failure of a Socket that is hasty.
var errWait net.Error = waitError{}

type waitError struct{}

func (waitError) Error() string   { return "nothing to read yet" }
func (waitError) Timeout() bool   { return true }
func (waitError) Temporary() bool { return true }
