package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/lib/pq"

	"github.com/loquent/callstream/schema"
)

// SQLSTATE codes and classes, from Postgres' Appendix A.
const (
	deadlock      = "40P01"
	serialization = "40001"
	unique        = "23505"
	foreignKey    = "23503"
	readOnly      = "25006" // the other server took over
	noDatabase    = "3D000"
	lockTimeout   = "55P03"
	check         = "23514"
	notNull       = "23502" // such as a message of an account that is nobody's
	classConnect  = "08"
	classData     = "22" // such as an organization id that is no uuid
	classLogin    = "28"
	classResource = "53" // too many connections, memory or disk full
	classOperator = "57" // shut down, starting up, statement cancelled
)

// classify wraps err once, says what was being done, and gives it the code by
// which others act. nil stays nil.
func classify(what string, err error) error {
	if err == nil {
		return nil
	}
	var coded *schema.Error
	if errors.As(err, &coded) {
		return fmt.Errorf("%s: %w", what, err)
	}
	return schema.Errorf(codeOf(err), "%s: %w", what, err)
}

func codeOf(err error) schema.Code {
	var (
		refused *pq.Error
		network net.Error
	)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return schema.NotFound
	case errors.As(err, &refused):
		return codeOfState(string(refused.Code))
	case errors.As(err, &network), errors.Is(err, driver.ErrBadConn), errors.Is(err, io.EOF),
		errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, sql.ErrConnDone), errors.Is(err, sql.ErrTxDone), // rolled back when its context ended
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return schema.Unavailable
	}
	return schema.Internal
}

func codeOfState(state string) schema.Code {
	switch state {
	case unique:
		return schema.Conflict
	case foreignKey:
		return schema.NotFound
	case check, notNull:
		return schema.Invalid
	case deadlock, serialization, readOnly, noDatabase, lockTimeout:
		return schema.Unavailable
	}
	switch state[:min(2, len(state))] {
	case classData:
		return schema.Invalid
	case classConnect, classLogin, classResource, classOperator:
		return schema.Unavailable
	}
	return schema.Internal
}

// stateOf is the SQLSTATE that Postgres refused with, empty for other errors.
func stateOf(err error) string {
	var refused *pq.Error
	if !errors.As(err, &refused) {
		return ""
	}
	return string(refused.Code)
}

// lost reports whether a transaction only has to be done again.
func lost(err error) bool {
	state := stateOf(err)
	return state == deadlock || state == serialization
}

// invalidURL does not repeat the address: it may hold a password.
func invalidURL() error {
	return schema.Errorf(schema.Invalid, "the address is not of the form postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=...")
}
