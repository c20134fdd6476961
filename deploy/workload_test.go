// Package deploy checks every file that is shipped for running callstream: each
// is parsed by what will read it, each role that a file describes is started
// with exactly the settings that the file gives it, and whatever names a
// metric, a variable or a command names one that exists.
package deploy

import (
	"bytes"
	"context"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/pkg/cli"
)

// workload is a process of callstream's that a shipped file describes.
type workload struct {
	name string
	args []string
	env  map[string]string // variables; for NAME_FILE the file's base name
}

// A flag in a command's help, and the variable that is told at its end.
var (
	helpFlag     = regexp.MustCompile(`(?m)^ +(?:-\w, +)?--([a-z0-9-]+)`)
	helpVariable = regexp.MustCompile(`\(\$([A-Z0-9_]+)\)`)
)

// flags returns the flags of w's command by the variables that set them.
func (w workload) flags(t *testing.T) map[string]string {
	t.Helper()
	var out bytes.Buffer
	if status := cli.Run(t.Context(), append(slices.Clone(w.args), "--help"), &out, &out); status != 0 {
		t.Fatalf("%s: callstream %s --help: %s", w.name, strings.Join(w.args, " "), out.String())
	}
	flags := map[string]string{}
	help := out.String()
	starts := append(helpFlag.FindAllStringSubmatchIndex(help, -1), []int{len(help)})
	for i, at := range starts[:len(starts)-1] {
		if variable := helpVariable.FindStringSubmatch(help[at[0]:starts[i+1][0]]); variable != nil {
			flags[variable[1]] = help[at[2]:at[3]]
		}
	}
	return flags
}

// ends says whether the workload does its work and exits.
func (w workload) ends() bool { return w.args[0] == "migrate" || w.args[0] == "streams" }

// run starts w with the settings that its file names, and their values in this
// world, until it says that it is ready (or, if it ends, that it is done).
func (w workload) run(t *testing.T, world world) {
	t.Helper()
	flags := w.flags(t)
	args := slices.Clone(w.args)
	for name, value := range w.env {
		variable, isFile := strings.CutSuffix(name, "_FILE")
		flag, ok := flags[variable]
		if !ok {
			t.Errorf("%s: callstream %s does not know the variable %s", w.name, strings.Join(w.args, " "), variable)
			continue
		}
		args = append(args, "--"+flag+"="+world.value(t, variable, value, isFile))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var output watched
	if !w.ends() {
		output = watched{word: []byte("ready"), seen: cancel}
	}
	if status := cli.Run(ctx, args, &output, &output); status != 0 {
		t.Errorf("%s: callstream %s: exit status %d\n%s", w.name, strings.Join(w.args, " "), status, output.String())
	} else if !w.ends() && !strings.Contains(output.String(), "ready") {
		t.Errorf("%s: callstream %s was not ready in time\n%s", w.name, strings.Join(w.args, " "), output.String())
	}
}

// complete checks that every role is among workloads.
func complete(t *testing.T, workloads []workload) {
	t.Helper()
	want := []string{"console", "ingress", "migrate up", "streams apply"}
	for _, name := range consumers.Names() {
		want = append(want, "consume "+name)
	}
	got := map[string]bool{}
	for _, w := range workloads {
		got[strings.Join(w.args, " ")] = true
	}
	slices.Sort(want)
	if have := slices.Sorted(maps.Keys(got)); !slices.Equal(have, want) {
		t.Errorf("roles: %v, want %v", have, want)
	}
}

// natsUsers are the least-privilege users by command; others need no NATS.
var natsUsers = map[string]string{"ingress": "ingress", "consume": "consume", "console": "console", "streams": "operate"}

// leastPrivilege checks that w connects to NATS as its role's user, and that
// its secrets are files.
func leastPrivilege(t *testing.T, w workload) {
	t.Helper()
	user := natsUsers[w.args[0]]
	if file, ok := w.env["NATS_URL_FILE"]; ok != (user != "") || !strings.Contains(strings.ToLower(file), user) {
		t.Errorf("%s: its NATS URL is %q; callstream %s connects as the user %q", w.name, file, w.args[0], user)
	}
	for name := range w.env {
		switch name {
		case "DATABASE_URL", "NATS_URL", "CALLSTREAM_SECRET_KEY", "OPENAI_API_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY":
			t.Errorf("%s: %s is in the open; give it as a file", w.name, name)
		}
	}
	for _, name := range []string{"OPENAI_API_KEY_FILE", "CALLSTREAM_SECRET_KEY_FILE", "AWS_SECRET_ACCESS_KEY_FILE"} {
		if _, ok := w.env[name]; ok && !needs(w.args, name) {
			t.Errorf("%s: %s is not its business", w.name, name)
		}
	}
}

// needs says who is given a secret.
func needs(args []string, variable string) bool {
	who := map[string][]string{
		"OPENAI_API_KEY_FILE":        {"consume transcriber"},
		"AWS_SECRET_ACCESS_KEY_FILE": {"console", "consume archiver", "consume transcriber"},
		"CALLSTREAM_SECRET_KEY_FILE": {"console", "ingress", "consume recorder", "consume archiver", "consume transcriber", "consume reaper"},
	}
	return slices.Contains(who[variable], strings.Join(args, " "))
}

// watched collects output and calls seen once word is in it.
type watched struct {
	mu   sync.Mutex
	all  bytes.Buffer
	word []byte
	seen func()
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.all.Write(p)
	if w.seen != nil && bytes.Contains(w.all.Bytes(), w.word) {
		w.seen()
	}
	return n, err
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.String()
}

// stopTime is how long a role may take to stop: its HTTP server drains (15 s),
// the consumer ends or hands back its work (20 s), connections close (10 s).
const stopTime = 45 * time.Second

// Every role of every shipped file comes up with the settings that the file
// gives it, over the cluster of three and with the secrets of compose.yaml.
func TestRoles(t *testing.T) { // not parallel: nats-server reads its passwords from the environment
	project := compose(t)
	world := newWorld(t, project)
	for name, secret := range project.Secrets {
		if world.secret(t, filepath.Base(secret.File)) == "" {
			t.Errorf("secrets.sh writes no %s", name)
		}
	}
	for file, workloads := range map[string][]workload{
		"compose":                   composeWorkloads(t, project),
		"the chart":                 decode(t, least()).workloads(t),
		"the chart with everything": decode(t, most()).workloads(t),
	} {
		t.Run(file, func(t *testing.T) { runAll(t, workloads, world) })
	}
}

// runAll checks and runs the workloads: first those that prepare, then the
// others at once.
func runAll(t *testing.T, workloads []workload, world world) {
	t.Helper()
	complete(t, workloads)
	for _, w := range workloads {
		leastPrivilege(t, w)
		if w.ends() {
			w.run(t, world)
		}
	}
	var wg sync.WaitGroup
	for _, w := range workloads {
		if !w.ends() {
			wg.Go(func() { w.run(t, world) })
		}
	}
	wg.Wait()
}

// waitFor asks until what is true is true.
func waitFor(t *testing.T, what string, isTrue func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !isTrue(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no %s", what)
		}
	}
}
