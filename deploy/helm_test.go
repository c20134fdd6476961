package deploy

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/schema"
)

// values are what an operator sets, as in a values file.
type values = map[string]any

// render renders the chart as helm install does, schema and all, and returns
// the documents and the notes.
func render(t *testing.T, set values) (documents []string, notes string, err error) {
	t.Helper()
	chart, err := loader.Load("helm/callstream")
	if err != nil {
		t.Fatal(err)
	}
	release := common.ReleaseOptions{Name: "callstream", Namespace: "calls", IsInstall: true}
	all, err := util.ToRenderValues(chart, set, release, common.DefaultCapabilities)
	if err != nil {
		return nil, "", err
	}
	files, err := engine.Engine{Strict: true}.RenderWithContext(t.Context(), chart, all)
	if err != nil {
		return nil, "", err
	}
	for name, content := range files {
		if strings.HasSuffix(name, "NOTES.txt") {
			notes = content
			continue
		}
		for document := range strings.SplitSeq(content, "\n---\n") {
			if strings.Trim(document, "-\n ") != "" && !strings.HasPrefix(path.Base(name), "_") {
				documents = append(documents, document)
			}
		}
	}
	return documents, notes, nil
}

// objects are a rendered chart, by kind.
type objects struct {
	deployments []apps.Deployment
	jobs        []batch.Job
	services    []core.Service
	accounts    []core.ServiceAccount
	ingresses   []networking.Ingress
	budgets     []policy.PodDisruptionBudget
	custom      map[string][]custom
}

// custom is an object of a kind that Kubernetes itself does not have.
type custom struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Metadata   map[string]any `json:"metadata"`
	Spec       map[string]any `json:"spec"`
}

// decode renders the chart and decodes each object strictly: a field that
// Kubernetes does not know is an error.
func decode(t *testing.T, set values) objects {
	t.Helper()
	documents, _, err := render(t, set)
	if err != nil {
		t.Fatal(err)
	}
	found := objects{custom: map[string][]custom{}}
	for _, document := range documents {
		var kind struct{ Kind string }
		if err := yaml.Unmarshal([]byte(document), &kind); err != nil {
			t.Fatalf("%v\n%s", err, document)
		}
		switch kind.Kind {
		case "Deployment":
			found.deployments = append(found.deployments, strict[apps.Deployment](t, document))
		case "Job":
			found.jobs = append(found.jobs, strict[batch.Job](t, document))
		case "Service":
			found.services = append(found.services, strict[core.Service](t, document))
		case "ServiceAccount":
			found.accounts = append(found.accounts, strict[core.ServiceAccount](t, document))
		case "Ingress":
			found.ingresses = append(found.ingresses, strict[networking.Ingress](t, document))
		case "PodDisruptionBudget":
			found.budgets = append(found.budgets, strict[policy.PodDisruptionBudget](t, document))
		case "ScaledObject", "ServiceMonitor":
			found.custom[kind.Kind] = append(found.custom[kind.Kind], strict[custom](t, document))
		default:
			t.Errorf("a %s that nobody checks:\n%s", kind.Kind, document)
		}
	}
	return found
}

func strict[T any](t *testing.T, document string) T {
	t.Helper()
	var object T
	if err := yaml.UnmarshalStrict([]byte(document), &object); err != nil {
		t.Fatalf("%v\n%s", err, document)
	}
	return object
}

// pods returns every pod that the chart makes, by its owner's name.
func (o objects) pods() map[string]core.PodSpec {
	pods := map[string]core.PodSpec{}
	for _, d := range o.deployments {
		pods[d.Name] = d.Spec.Template.Spec
	}
	for _, j := range o.jobs {
		pods[j.Name] = j.Spec.Template.Spec
	}
	return pods
}

// workloads returns the chart's containers. A variable that is a file has to
// lie in the mounted secret.
func (o objects) workloads(t *testing.T) []workload {
	t.Helper()
	var workloads []workload
	for owner, pod := range o.pods() {
		mounted := map[string]bool{}
		for _, item := range pod.Volumes[0].Secret.Items {
			mounted[item.Path] = true
		}
		for _, container := range slices.Concat(pod.InitContainers, pod.Containers) {
			w := workload{name: owner + "/" + container.Name, args: container.Args, env: map[string]string{}}
			for _, variable := range container.Env {
				if strings.HasPrefix(variable.Name, "GO") {
					continue // the runtime's
				}
				w.env[variable.Name] = variable.Value
				if strings.HasSuffix(variable.Name, "_FILE") {
					dir, file := path.Split(variable.Value)
					if dir != container.VolumeMounts[0].MountPath+"/" || !mounted[file] {
						t.Errorf("%s: %s is %s, which is not mounted", w.name, variable.Name, variable.Value)
					}
					w.env[variable.Name] = file
				}
			}
			workloads = append(workloads, w)
		}
	}
	return workloads
}

// The least that has to be set, and everything that can be switched on.
func least() values {
	return values{"appHost": "calls.example.com", "bucket": values{"endpoint": "http://s3:7070"}}
}

func most() values {
	return values{
		"appHost":          "calls.example.com",
		"publicBaseURL":    "https://calls.example.com/phone",
		"existingSecret":   "other",
		"image":            values{"tag": "v1"},
		"imagePullSecrets": []any{values{"name": "registry"}},
		"bucket":           values{"name": "recordings", "endpoint": "http://s3:7070", "accessKeys": true},
		"transcription":    values{"baseURL": "http://127.0.0.1:1/v1"},
		"defaults": values{
			"nodeSelector": values{"pool": "calls"},
			"tolerations":  []any{values{"key": "calls", "operator": "Exists"}},
			"affinity":     values{"nodeAffinity": values{}},
			"autoscaling":  values{"enabled": true, "lagThreshold": 2000000},
		},
		"consumers":      values{"recorder": values{"autoscaling": values{"enabled": false}, "replicas": 0}},
		"ingress":        values{"enabled": true, "className": "nginx", "annotations": values{"a": "b"}, "tls": []any{values{"hosts": []any{"calls.example.com"}, "secretName": "tls"}}},
		"serviceMonitor": values{"enabled": true, "labels": values{"release": "prometheus"}},
		"serviceAccount": values{"create": true, "annotations": values{"role": "calls"}},
		"podAnnotations": values{"a": "b"}, "podLabels": values{"team": "calls"},
		"extraEnv":          []any{values{"name": "GOMEMLIMIT", "value": "200MiB"}},
		"extraVolumes":      []any{values{"name": "ca", "secret": values{"secretName": "ca"}}},
		"extraVolumeMounts": []any{values{"name": "ca", "mountPath": "/etc/ca"}},
	}
}

func TestHelmPods(t *testing.T) {
	t.Parallel()
	for extras, set := range []values{least(), most()} {
		for owner, pod := range decode(t, set).pods() {
			restricted(t, owner, pod)
			if len(pod.Volumes) != 1+extras || len(pod.Containers[0].VolumeMounts) != 1+extras {
				t.Errorf("%s: volumes %v, mounts %v", owner, pod.Volumes, pod.Containers[0].VolumeMounts)
			}
			if strings.HasSuffix(owner, "-prepare") {
				continue
			}
			container := pod.Containers[0]
			if grace := time.Duration(*pod.TerminationGracePeriodSeconds) * time.Second; grace < stopTime+preStop(container) {
				t.Errorf("%s: is killed after %s, before it has handed back its work", owner, grace)
			}
			if live, ready := container.LivenessProbe.HTTPGet.Path, container.ReadinessProbe.HTTPGet.Path; live != "/healthz" || ready != "/readyz" {
				t.Errorf("%s: probes %s and %s", owner, live, ready)
			}
			if container.Resources.Limits.Memory().IsZero() {
				t.Errorf("%s: nothing limits its memory", owner)
			}
		}
	}
}

func preStop(c core.Container) time.Duration {
	if c.Lifecycle == nil {
		return 0
	}
	return time.Duration(c.Lifecycle.PreStop.Sleep.Seconds) * time.Second
}

// restricted checks what Kubernetes' pod security standard "restricted" asks,
// and a root file system that nobody writes.
func restricted(t *testing.T, owner string, pod core.PodSpec) {
	t.Helper()
	if p := pod.SecurityContext; !*p.RunAsNonRoot || p.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault || *pod.AutomountServiceAccountToken {
		t.Errorf("%s: the pod may more than it needs", owner)
	}
	for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
		if s := c.SecurityContext; *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || !slices.Equal(s.Capabilities.Drop, []core.Capability{"ALL"}) {
			t.Errorf("%s: container %s may more than it needs", owner, c.Name)
		}
	}
}

// Each consumer scales by its own durable's lag, except those that are told a
// number; what is not to scale keeps its replicas, even none.
func TestHelmAutoscaling(t *testing.T) {
	t.Parallel()
	found := decode(t, most())
	scaled := map[string]bool{}
	for _, object := range found.custom["ScaledObject"] {
		target := object.Spec["scaleTargetRef"].(values)["name"].(string)
		scaled[target] = true
		trigger := object.Spec["triggers"].([]any)[0].(values)
		want := fmt.Sprintf(`{"account":"CALLSTREAM","consumer":%q,"lagThreshold":"2000000","natsServerMonitoringEndpoint":"nats.nats.svc:8222","stream":%q}`,
			strings.TrimPrefix(target, "callstream-"), schema.StreamCalls)
		if got, _ := json.Marshal(trigger["metadata"]); trigger["type"] != "nats-jetstream" || string(got) != want {
			t.Errorf("%s scales by %s %s, want %s", target, trigger["type"], got, want)
		}
	}
	for _, name := range consumers.Names() {
		if scaled["callstream-"+name] == (name == consumers.Recorder) {
			t.Errorf("%s scales by its lag: %v", name, scaled["callstream-"+name])
		}
	}
	for _, d := range found.deployments {
		if scaled[d.Name] != (d.Spec.Replicas == nil) {
			t.Errorf("%s: both the chart and KEDA set its replicas, or neither", d.Name)
		}
		if d.Name == "callstream-recorder" && *d.Spec.Replicas != 0 {
			t.Errorf("recorder: %d replicas, want the 0 that were asked for", *d.Spec.Replicas)
		}
	}
}

// What selects pods selects some, and ports have names that are there.
func TestHelmSelectors(t *testing.T) {
	t.Parallel()
	found := decode(t, most())
	matches := func(selector map[string]string) (n int) {
		for _, d := range found.deployments {
			if contains(d.Spec.Template.Labels, selector) {
				n++
			}
		}
		return n
	}
	services := map[string]bool{}
	for _, s := range found.services {
		services[s.Name] = true
		if n := matches(s.Spec.Selector); n != 1 && !(s.Name == "callstream-metrics" && n == len(found.deployments)) {
			t.Errorf("service %s: leads to %d roles", s.Name, n)
		}
	}
	for _, b := range found.budgets {
		if n := matches(b.Spec.Selector.MatchLabels); n != 1 {
			t.Errorf("disruption budget %s: is about %d roles", b.Name, n)
		}
	}
	if len(found.budgets) != len(found.deployments) || len(found.accounts) != 1 || len(found.custom["ServiceMonitor"]) != 1 {
		t.Errorf("%d budgets for %d roles, %d service accounts", len(found.budgets), len(found.deployments), len(found.accounts))
	}
	open := map[string]bool{}
	for _, route := range found.ingresses[0].Spec.Rules[0].HTTP.Paths {
		open[route.Path] = true
		if !services[route.Backend.Service.Name] {
			t.Errorf("%s leads to %s, which is no service", route.Path, route.Backend.Service.Name)
		}
	}
	for _, page := range consolePaths(t) {
		if !open[page] {
			t.Errorf("the console's %s has no way in", page)
		}
	}
	for _, inside := range []string{"/metrics", "/healthz", "/readyz"} {
		if open[inside] {
			t.Errorf("%s is open to everybody", inside)
		}
	}
}

// consolePaths returns the first parts of the paths of the console's pages.
func consolePaths(t *testing.T) (first []string) {
	t.Helper()
	source, err := os.ReadFile("../pkg/console/route.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile(`"(?:GET|POST) (/[a-z-]+)`).FindAllSubmatch(source, -1) {
		first = append(first, string(found[1]))
	}
	if len(first) < 10 {
		t.Fatalf("the console has %d pages", len(first))
	}
	return first
}

func contains(labels, selector map[string]string) bool {
	for name, value := range selector {
		if labels[name] != value {
			return false
		}
	}
	return true
}

// What an operator gets wrong is told before anything is installed.
func TestHelmRefuses(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]struct {
		set  values
		says string
	}{
		"no host":        {values{}, "appHost is required"},
		"unknown value":  {values{"appHost": "a.example.com", "replicaCount": 3}, "replicaCount"},
		"unknown role":   {values{"appHost": "a.example.com", "consumers": values{"archivist": values{}}}, "archivist"},
		"killed early":   {values{"appHost": "a.example.com", "terminationGracePeriodSeconds": 30}, "terminationGracePeriodSeconds"},
		"two replicas":   {values{"appHost": "a.example.com", "streamReplicas": 2}, "streamReplicas"},
		"address as URL": {values{"appHost": "https://a.example.com"}, "appHost"},
	} {
		if _, _, err := render(t, wrong.set); err == nil || !strings.Contains(err.Error(), wrong.says) {
			t.Errorf("%s: %v, want an error about %q", name, err, wrong.says)
		}
	}
}

func TestHelmNotes(t *testing.T) {
	t.Parallel()
	if _, notes, err := render(t, least()); err != nil || !strings.Contains(notes, "https://calls.example.com/twilio/") {
		t.Errorf("notes: %v\n%s", err, notes)
	}
}
