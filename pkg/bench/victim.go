package bench

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"syscall"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/pkg/crash"
	"github.com/loquent/callstream/schema"
)

// ingressRole is the role that is no durable.
const ingressRole = "ingress"

// victim is a role whose process is killed and started again, at the same
// address and behind the same wires.
type victim struct {
	name string // ingress, or a durable
	args []string
	addr string
	env  []string
	trap *crash.Trap
	role *role
}

// newVictim returns a role with nothing started.
func (m *matrix) newVictim(ctx context.Context, name string) (*victim, error) {
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	v := &victim{name: name, addr: addr, args: []string{"consume", name}, trap: crash.NewTrap()}
	if name == ingressRole {
		v.args = []string{name}
	}
	m.victims = append(m.victims, v)
	return v, nil
}

// front stands before the role as a balancer does, and returns its address.
func (v *victim) front(m *matrix) string {
	wire := crash.HTTP(v.addr, v.trap, crash.Webhook)
	m.onClose(wire.Close)
	server := httptest.NewServer(m.callers.watch(wire.Config.Handler))
	server.Config.ErrorLog = wire.Config.ErrorLog
	m.onClose(server.Close)
	return server.Listener.Addr().String()
}

// begin wires and starts a process of each role.
func (m *matrix) begin(ctx context.Context) error {
	for _, name := range consumers.Names() {
		if _, err := m.newVictim(ctx, name); err != nil {
			return err
		}
	}
	double := httptest.NewServer(unannounced(m.sim.Handler()))
	m.onClose(double.Close)
	for _, v := range m.victims {
		if err := m.wire(v, double.Listener.Addr().String()); err != nil {
			return err
		}
		if err := m.launch(ctx, v); err != nil {
			return err
		}
		m.onClose(func() { v.role.stop() })
	}
	return nil
}

// unannounced has every other recording come without its length, so that the
// archiver copies it in parts.
func unannounced(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if sid, ok := strings.CutSuffix(r.URL.Path, ".mp3"); ok && sid[len(sid)-1]%2 == 0 {
			w = &lengthless{ResponseWriter: w}
		}
		next.ServeHTTP(w, r)
	})
}

// lengthless does not say how long the answer is.
type lengthless struct {
	http.ResponseWriter
	told bool
}

// WriteHeader leaves the length out.
func (l *lengthless) WriteHeader(status int) {
	l.told = true
	l.Header().Del("Content-Length")
	l.ResponseWriter.WriteHeader(status)
	_ = http.NewResponseController(l.ResponseWriter).Flush() // or it is told at the end
}

// Write writes the body.
func (l *lengthless) Write(p []byte) (int, error) {
	if !l.told {
		l.WriteHeader(http.StatusOK)
	}
	return l.ResponseWriter.Write(p) //nolint:wrapcheck // the server's own
}

// wire puts wires between the role and everything that it leans on.
func (m *matrix) wire(v *victim, double string) error {
	env := map[string]string{}
	for name, value := range m.variables {
		env[name] = value
	}
	for name, open := range map[string]func(string, *crash.Trap) (*crash.Wire, error){"DATABASE_URL": crash.Postgres, "NATS_URL": crash.NATS} {
		u, err := url.Parse(env[name])
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		wire, err := open(u.Host, v.trap)
		if err != nil {
			return fmt.Errorf("wire %s: %w", name, err)
		}
		m.onClose(wire.Close)
		u.Host = wire.Addr()
		env[name] = u.String()
	}
	endpoint, err := url.Parse(env["S3_ENDPOINT"])
	if err != nil {
		return fmt.Errorf("read S3_ENDPOINT: %w", err)
	}
	env["S3_ENDPOINT"] = m.serveWire(endpoint.Host, v, crash.Object)
	api := m.serveWire(double, v, crash.API)
	env["TWILIO_API_URL"], env["TWILIO_EVENTS_URL"], env["OPENAI_BASE_URL"], env["OPENAI_API_KEY"] = api, api, api+"/v1", "any"
	env["HTTP_ADDR"] = v.addr
	for name, value := range env {
		v.env = append(v.env, name+"="+value)
	}
	return nil
}

func (m *matrix) serveWire(upstream string, v *victim, name func(*http.Request) string) string {
	server := crash.HTTP(upstream, v.trap, name)
	m.onClose(server.Close)
	return server.URL
}

// launch starts a process of the role and waits until it is ready.
func (m *matrix) launch(ctx context.Context, v *victim) error {
	r, err := m.bench.launch(slices.Clone(v.env), v.args...)
	if err != nil {
		return err
	}
	r.addr, v.role = v.addr, r
	return r.await(ctx, r.answers)
}

// kill ends the process as nothing but the machine could, and returns when it is
// gone.
func (v *victim) kill() {
	_ = v.role.command.Process.Signal(syscall.SIGKILL) // or it has ended
	<-v.role.over
}

// leases are the names under which each durable holds leases.
var leases = map[string]string{
	consumers.Recorder: "call:", consumers.Archiver: "recording:", consumers.Transcriber: "transcript:", consumers.Reaper: "deletion:",
}

// spare spares the wait for what a killed process held. The database believes
// that its leases have run out, and its messages are given back to the broker,
// which after AckWait would deliver them again without that.
// It is for a process that is gone, before the next.
func (m *matrix) spare(ctx context.Context, v *victim) error {
	if prefix, ok := leases[v.name]; ok {
		if _, err := m.pool.ExecContext(ctx, `UPDATE lease SET expires_at = clock_timestamp() WHERE starts_with(name, $1)`, prefix); err != nil {
			return fmt.Errorf("end leases of %s: %w", v.name, err)
		}
	}
	nc := m.js.Conn()
	for _, subject := range v.trap.Held() {
		if err := nc.Publish(subject, []byte("-NAK")); err != nil {
			return fmt.Errorf("give back what %s held: %w", v.name, err)
		}
	}
	if err := nc.Flush(); err != nil {
		return fmt.Errorf("give back what %s held: %w", v.name, err)
	}
	return nil
}

// died says how a process ended that nobody killed.
func (v *victim) died() error {
	return schema.Errorf(schema.Internal, "callstream %s ended by itself: %s\n%s", strings.Join(v.args, " "), v.role.command.ProcessState, v.role.output)
}
