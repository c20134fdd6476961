package deploy

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// compose loads compose.yaml as docker compose does, APP_HOST given.
func compose(t *testing.T) *types.Project {
	t.Helper()
	dir, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  dir,
		ConfigFiles: []types.ConfigFile{{Filename: "compose.yaml"}},
		Environment: types.Mapping{"APP_HOST": "calls.example.com"},
	}, func(o *loader.Options) { o.SkipResolveEnvironment = true }) // the secrets are not written yet
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// composeWorkloads returns the services that run callstream's image.
func composeWorkloads(t *testing.T, project *types.Project) []workload {
	t.Helper()
	var workloads []workload
	for name, service := range project.Services {
		if !strings.HasPrefix(service.Image, "callstream") {
			continue
		}
		w := workload{name: name, args: service.Command, env: map[string]string{}}
		mounted := map[string]bool{}
		for _, secret := range service.Secrets {
			mounted["/run/secrets/"+secret.Source] = true
		}
		for variable, value := range service.Environment {
			w.env[variable] = *value
			if strings.HasSuffix(variable, "_FILE") {
				w.env[variable] = path.Base(*value)
				if !mounted[*value] {
					t.Errorf("%s: %s is %s, which is not mounted", name, variable, *value)
				}
				delete(mounted, *value)
			}
		}
		for secret := range mounted {
			t.Errorf("%s: %s is mounted and no variable names it", name, secret)
		}
		workloads = append(workloads, w)
	}
	return workloads
}

func TestComposeServices(t *testing.T) {
	t.Parallel()
	project := compose(t)
	for name, service := range project.Services {
		ours := strings.HasPrefix(service.Image, "callstream")
		if ours {
			if !service.ReadOnly || len(service.CapDrop) != 1 || len(service.SecurityOpt) != 1 {
				t.Errorf("%s: has more rights than it needs", name)
			}
			if grace := time.Duration(*service.StopGracePeriod); grace < stopTime {
				t.Errorf("%s: is killed after %s, before it has handed back its work (%s)", name, grace, stopTime)
			}
		}
		if _, tag, ok := strings.Cut(service.Image, ":"); !ok || (tag == "latest" && !ours) {
			t.Errorf("%s: image %s has no version", name, service.Image)
		}
		for dependency, how := range service.DependsOn {
			on := project.Services[dependency]
			if how.Condition == types.ServiceConditionHealthy && on.HealthCheck == nil {
				t.Errorf("%s waits for the health of %s, which has no check", name, dependency)
			}
			if how.Condition == types.ServiceConditionCompletedSuccessfully && on.Restart == types.RestartPolicyUnlessStopped {
				t.Errorf("%s waits for the end of %s, which is restarted for ever", name, dependency)
			}
		}
	}
	if replicas := project.Services["ingress"].Deploy.Replicas; replicas == nil || *replicas < 2 {
		t.Error("one ingress is no ingress while it restarts")
	}
}

// The proxy leads to services that are there, at the port that they listen on.
func TestCaddyfile(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("compose/Caddyfile")
	if err != nil {
		t.Fatal(err)
	}
	project := compose(t)
	upstreams := regexp.MustCompile(`(?m)^\s*(?:dynamic a|reverse_proxy) ([a-z][\w-]*)[: ](\d+)$`).FindAllStringSubmatch(string(content), -1)
	if len(upstreams) != 2 {
		t.Fatalf("upstreams: %v, want the ingress and the console", upstreams)
	}
	for _, upstream := range upstreams {
		service, ok := project.Services[upstream[1]]
		if !ok {
			t.Errorf("the proxy leads to %s, which is no service", upstream[1])
			continue
		}
		if address := service.Environment["HTTP_ADDR"]; address == nil || *address != ":"+upstream[2] {
			t.Errorf("the proxy asks %s at port %s", upstream[1], upstream[2])
		}
	}
}
