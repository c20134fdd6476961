package deploy

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/loquent/callstream/pkg/embedded"
	"github.com/loquent/callstream/pkg/embedded/embeddedtest"
	"github.com/loquent/callstream/pkg/s3"
)

// world is what the workloads of a shipped file find around them: a Postgres,
// an S3 server and the three NATS nodes that compose.yaml describes, with the
// secrets that compose/secrets.sh writes.
type world struct {
	secrets  string // the folder
	nodes    *strings.Replacer
	database string
	bucket   *embedded.S3
}

func newWorld(t *testing.T, project *types.Project) world {
	t.Helper()
	w := world{secrets: writeSecrets(t), database: embeddedtest.Postgres(t), bucket: embeddedtest.S3(t)}
	w.nodes = startNodes(t, project, filepath.Join(w.secrets, "nats.env"))
	_, err := s3.Open(t.Context(), s3.Config{
		Endpoint: w.bucket.Endpoint(), Bucket: "recordings", AccessKey: w.bucket.AccessKey(), SecretKey: w.bucket.SecretKey(), CreateBucket: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// value returns what variable is set to here, for value in the shipped file.
// Addresses are this world's; secrets are read from the file that is named.
func (w world) value(t *testing.T, variable, value string, isFile bool) string {
	t.Helper()
	switch variable {
	case "HTTP_ADDR":
		return "127.0.0.1:0"
	case "DATABASE_URL":
		return w.database
	case "NATS_URL":
		// The chart's keys say the user as compose's files do, in another order.
		user := strings.ToLower(strings.TrimPrefix(value, "NATS_URL_"))
		return w.nodes.Replace(w.secret(t, "nats_"+strings.TrimSuffix(strings.TrimPrefix(user, "nats_"), "_url")+"_url"))
	case "S3_ENDPOINT":
		return w.bucket.Endpoint()
	case "AWS_ACCESS_KEY_ID":
		return w.bucket.AccessKey()
	case "AWS_SECRET_ACCESS_KEY":
		return w.bucket.SecretKey()
	case "CALLSTREAM_SECRET_KEY":
		return w.secret(t, "secret_key")
	case "OPENAI_API_KEY":
		return w.secret(t, "openai_api_key")
	}
	if isFile {
		t.Errorf("no secret for %s", variable)
	}
	return value
}

func (w world) secret(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(w.secrets, name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimRight(string(content), "\n")
}

// writeSecrets runs compose/secrets.sh, twice since that has to change
// nothing, and returns the folder.
func writeSecrets(t *testing.T) string {
	t.Helper()
	script, err := os.ReadFile("compose/secrets.sh")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var before []byte
	for range 2 {
		command := exec.CommandContext(t.Context(), "bash", "-s")
		command.Dir, command.Stdin = dir, strings.NewReader(strings.Replace(string(script), `"$(dirname "$0")"`, `"$PWD"`, 1))
		command.Env = append(os.Environ(), "OPENAI_API_KEY=any")
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("secrets.sh: %v\n%s", err, out)
		}
		after, err := os.ReadFile(filepath.Join(dir, "secrets", "nats.env"))
		if err != nil {
			t.Fatal(err)
		}
		if before != nil && string(before) != string(after) {
			t.Error("secrets.sh changed passwords that were there")
		}
		before = after
	}
	return filepath.Join(dir, "secrets")
}

// startNodes starts the NATS nodes of project as their files and command lines
// say, but for addresses, and returns what turns their names into addresses.
func startNodes(t *testing.T, project *types.Project, envFile string) *strings.Replacer {
	t.Helper()
	variables, err := dotenv.Read(envFile)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range variables {
		t.Setenv(name, value)
	}
	names := []string{"nats-1", "nats-2", "nats-3"}
	var (
		servers   []*server.Server
		addresses []string
		// The first node, whose address the others are told, has to be told one
		// too, or it would not start as a part of a cluster.
		routes = "nats://127.0.0.1:1"
	)
	for _, name := range names {
		options := nodeOptions(t, project.Services[name])
		options.Routes = server.RoutesFromStr(routes)
		s, err := server.NewServer(options)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		if !s.ReadyForConnections(10 * time.Second) {
			t.Fatalf("%s is not ready", name)
		}
		if len(servers) == 0 {
			routes = fmt.Sprintf("nats://route:%s@%s", variables["CALLSTREAM_NATS_ROUTE"], s.ClusterAddr())
		}
		servers = append(servers, s)
		addresses = append(addresses, name+":4222", s.Addr().String())
	}
	waitFor(t, "a leader of the cluster", func() bool {
		for _, s := range servers {
			if s.JetStreamIsLeader() {
				return len(s.JetStreamClusterPeers()) == len(names)
			}
		}
		return false
	})
	return strings.NewReplacer(addresses...)
}

// nodeOptions parses a node's command line and the configuration that is
// mounted for it, and moves it to free ports.
func nodeOptions(t *testing.T, service types.ServiceConfig) *server.Options {
	t.Helper()
	dir := t.TempDir()
	args := strings.Join(service.Command, " ")
	for _, volume := range service.Volumes {
		target := filepath.Join(dir, volume.Target)
		if volume.Type == types.VolumeTypeBind {
			content, err := os.ReadFile(volume.Source)
			if err != nil {
				t.Fatalf("%s: %v", service.Name, err)
			}
			if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(target, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		args = strings.ReplaceAll(args, volume.Target, target)
	}
	stop := func() {}
	options, err := server.ConfigureOptions(flag.NewFlagSet("nats-server", flag.ContinueOnError), strings.Fields(args), stop, stop, stop)
	if err != nil {
		t.Fatalf("%s: %v", service.Name, err)
	}
	switch {
	case !options.SyncAlways:
		t.Errorf("%s acknowledges before fsync", service.Name)
	case len(options.Routes) != 3 || len(options.Cluster.Password) < 32:
		t.Errorf("%s: %d routes and a password of %d characters", service.Name, len(options.Routes), len(options.Cluster.Password))
	case options.HTTPPort != 8222:
		t.Errorf("%s: health is asked at 8222, and it listens at %d", service.Name, options.HTTPPort)
	}
	options.Host, options.Port, options.HTTPPort = "127.0.0.1", server.RANDOM_PORT, 0
	options.Cluster.Host, options.Cluster.Port = "127.0.0.1", server.RANDOM_PORT
	options.NoSigs, options.NoLog, options.NoSystemAccount = true, true, false
	return options
}
