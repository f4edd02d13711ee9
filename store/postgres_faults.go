package store

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// refusal is a sentence for a server that can't be reached, or does not want us.
func refusal(c *pgx.ConnConfig, err error) error {
	var said *pgconn.PgError
	if errors.As(err, &said) {
		return fmt.Errorf("the PostgreSQL server at %s refuses (%s); correct [database] url, or the server", c.Host, said.Message)
	}
	cause := err.Error() // of several tries: the last line is the last one's
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		cause = dns.Error()
	case errors.As(err, &op):
		cause = op.Err.Error()
	default:
		cause = strings.TrimSpace(cause[strings.LastIndexByte(cause, '\n')+1:])
	}
	return fmt.Errorf("the PostgreSQL server at %s does not answer (%s); start it, or correct [database] url", c.Host, cause)
}

// A lostError says that there is no connection, or none any more.
type lostError struct{ error }

func (e *lostError) Unwrap() error { return e.error }

// lost marks an error after which the connection is gone.
func lost(c *pgx.Conn, err error) error {
	if err != nil && c.IsClosed() {
		return &lostError{err}
	}
	return err
}

// Fault sorts by SQLSTATE (PostgreSQL, appendix A).
func (db *postgresDB) Fault(err error) fault {
	var gone *lostError
	var e *pgconn.PgError
	switch {
	case errors.Is(err, errStolen):
		return fatal
	case errors.As(err, &gone), errors.Is(err, ErrUnknown):
		return away
	case !errors.As(err, &e) || len(e.Code) != 5:
		return ours
	}
	switch e.Code[:2] {
	// Connection, rolled back for others' sake, resources, not in the state for it, an operator's doing, the system.
	case "08", "40", "53", "55", "57", "58":
		return away
	}
	if e.Code == pgReadOnly {
		return away
	}
	return ours
}

const (
	pgReadOnly         = "25006" // the answer of a standby that is not the primary yet
	pgInvalidParameter = "22023"
)
