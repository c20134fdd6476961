package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"github.com/loquent/callstream/schema"
)

func TestCodes(t *testing.T) {
	t.Parallel()
	state := func(code string) error { return &pq.Error{Code: pqerror.Code(code)} }
	for _, c := range []struct {
		name string
		err  error
		code schema.Code
	}{
		{"no row", sql.ErrNoRows, schema.NotFound},
		{"refused", &net.OpError{Op: "dial", Err: errors.New("connection refused")}, schema.Unavailable},
		{"bad connection", driver.ErrBadConn, schema.Unavailable},
		{"cut off", io.ErrUnexpectedEOF, schema.Unavailable},
		{"deadline", context.DeadlineExceeded, schema.Unavailable},
		{"ended with its context", sql.ErrTxDone, schema.Unavailable},
		{"shut down", state("57P01"), schema.Unavailable},
		{"starting up", state("57P03"), schema.Unavailable},
		{"statement timeout", state("57014"), schema.Unavailable},
		{"too many connections", state("53300"), schema.Unavailable},
		{"disk full", state("53100"), schema.Unavailable},
		{"failed over", state("25006"), schema.Unavailable},
		{"deadlock", state("40P01"), schema.Unavailable},
		{"password", state("28P01"), schema.Unavailable},
		{"unique", state("23505"), schema.Conflict},
		{"reference", state("23503"), schema.NotFound},
		{"check", state("23514"), schema.Invalid},
		{"no uuid", state("22P02"), schema.Invalid},
		{"no table", state("42P01"), schema.Internal},
		{"no code", state(""), schema.Internal},
		{"anything", errors.New("x"), schema.Internal},
		{"coded before", fmt.Errorf("in: %w", schema.Errorf(schema.Corrupt, "x")), schema.Corrupt},
	} {
		for _, err := range []error{c.err, fmt.Errorf("wrapped: %w", c.err)} {
			got := classify("do it", err)
			if schema.CodeOf(got) != c.code || !errors.Is(got, err) {
				t.Errorf("%s: %v of code %s", c.name, got, schema.CodeOf(got))
			}
		}
	}
	if classify("do it", nil) != nil {
		t.Error("nil is an error")
	}
}
