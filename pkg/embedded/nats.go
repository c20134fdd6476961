package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/schema"
)

// NATSOptions say where a NATS server keeps its store and who reaches it.
type NATSOptions struct {
	Dir      string       // the data folder; the store is Dir/nats
	Logger   *slog.Logger // nil: silent
	MaxStore int64        // bytes that all streams may take; 0: by the free space
	Listen   string       // "127.0.0.1:4222"; empty: reachable within the process only
	Fast     bool         // acknowledge before fsync; for tests
}

// NATS is a NATS server with JetStream in this process. An acknowledgement of
// its JetStream means that the message is fsynced, unless Fast was set.
type NATS struct {
	server   *server.Server
	url      string
	maxStore int64
}

// maxPayload is room for an event that carries, inside its own form, the 1 MiB
// that Twilio may have sent.
const maxPayload = 4 << 20

// natsUser is the one user of a listening server; connections within the
// process need none.
const natsUser = "callstream"

// StartNATS starts a server and returns once its JetStream answers. A start
// that fails leaves nothing running; its error has the code
// [schema.Unavailable].
func StartNATS(ctx context.Context, options NATSOptions) (*NATS, error) {
	dir := filepath.Join(options.Dir, "nats")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create JetStream folder: %w", err)
	}
	configured, err := natsConfig(dir, options)
	if err != nil {
		return nil, err
	}
	password, err := natsListener(configured, dir, options.Listen)
	if err != nil {
		return nil, err
	}
	started, err := server.NewServer(configured)
	if err != nil {
		return nil, fmt.Errorf("configure NATS: %w", err)
	}
	log := &natsLog{logger: orDiscard(options.Logger)}
	started.SetLoggerV2(log, false, false, false)
	started.Start() // returns when the streams are read back from disk
	part := &NATS{server: started, url: natsURL(started, options.Listen, password), maxStore: configured.JetStreamMaxStore}
	if err := part.ready(ctx, log); err != nil {
		part.Stop()
		return nil, schema.Errorf(schema.Unavailable, "start NATS in %s: %w", dir, err)
	}
	return part, nil
}

// InProcess gives connections that stay within the process, for
// nats.InProcessServer. They need no credentials.
func (n *NATS) InProcess() nats.InProcessConnProvider { return n.server }

// URL returns the address for clients outside the process, user and password
// included, or nothing when the server does not listen.
func (n *NATS) URL() string { return n.url }

// MaxStore returns the bytes that all streams together may have promised.
func (n *NATS) MaxStore() int64 { return n.maxStore }

// Stop ends the server and waits until its store is closed. Drain every
// connection first. A second call does nothing.
func (n *NATS) Stop() {
	n.server.Shutdown()
	n.server.WaitForShutdown()
}

// natsConfig sets what holds with and without a listener. NoSigs matters:
// without it the server ends the process itself on SIGINT and SIGTERM.
func natsConfig(dir string, options NATSOptions) (*server.Options, error) {
	maxStore := options.MaxStore
	if maxStore == 0 {
		var err error
		if maxStore, err = storeLimit(dir); err != nil {
			return nil, err
		}
	}
	return &server.Options{
		ServerName:         "callstream",
		DontListen:         true,
		NoSigs:             true,
		JetStream:          true,
		StoreDir:           dir,
		JetStreamMaxStore:  maxStore,
		JetStreamMaxMemory: 64 << 20,
		SyncAlways:         !options.Fast,
		SyncInterval:       2 * time.Minute,
		MaxPayload:         maxPayload,
		MaxPending:         64 << 20,
	}, nil
}

// natsListener opens the configuration to clients with the password that it
// returns, when there is an address to listen on.
func natsListener(configured *server.Options, dir, listen string) (password string, err error) {
	if listen == "" {
		return "", nil
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", schema.Errorf(schema.Invalid, "NATS address %q: %w", listen, err)
	}
	if configured.Port, err = strconv.Atoi(port); err != nil {
		return "", schema.Errorf(schema.Invalid, "NATS address %q: %w", listen, err)
	}
	if configured.Port == 0 {
		configured.Port = server.RANDOM_PORT
	}
	if password, err = secret(filepath.Join(dir, "password")); err != nil {
		return "", err
	}
	configured.Host = host
	configured.DontListen = false
	configured.CustomClientAuthentication = natsAuth{password: password}
	return password, nil
}

func natsURL(s *server.Server, listen, password string) string {
	addr := s.Addr()
	if listen == "" || addr == nil {
		return ""
	}
	return (&url.URL{Scheme: "nats", User: url.UserPassword(natsUser, password), Host: addr.String()}).String()
}

// ready waits for connections and then asks JetStream itself: a server whose
// JetStream did not start still reports it as enabled.
func (n *NATS) ready(ctx context.Context, log *natsLog) error {
	wait := time.Minute
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline))
	}
	if err := log.fatal(); err != nil {
		return err
	}
	if !n.server.ReadyForConnections(wait) {
		return errors.Join(errors.New("no connections accepted"), log.fatal())
	}
	conn, err := nats.Connect("", nats.InProcessServer(n.server))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return fmt.Errorf("probe JetStream: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if _, err := js.AccountInfo(ctx); err != nil {
		return errors.Join(fmt.Errorf("probe JetStream: %w", err), log.fatal())
	}
	return nil
}
