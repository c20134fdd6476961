// Package migrations holds the database's migrations: forward only, applied in
// the order of their names, embedded in the binary.
package migrations

import "embed"

// Files are the migrations, in goose's form.
//
//go:embed *.sql
var Files embed.FS
