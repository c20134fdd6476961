package deploy

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	_ "github.com/lib/pq" // runs the pages' SQL

	"github.com/loquent/callstream/pkg/cli"
	"github.com/loquent/callstream/pkg/embedded/embeddedtest"
	"github.com/loquent/callstream/pkg/postgres/postgrestest"
)

// pages returns what is written for operators, by path.
func pages(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("runbook/*.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, path := range append(paths, "README.md") {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all[path] = string(content)
	}
	return all
}

var (
	codeBlock   = regexp.MustCompile("(?s)```sh\n(.*?)```")
	commandLine = regexp.MustCompile(`(?m)^ *callstream (.+?)(?:\s+#.*)?$`)
	inlineCode  = regexp.MustCompile("`callstream ([^`]+)`")
	sqlCommand  = regexp.MustCompile(`-c "([^"]+)"`)
	link        = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
	metricName  = regexp.MustCompile(`\bcallstream_[a-z_]+`)
)

// Every command that a page tells to type is one that callstream has, with the
// flags that it has.
func TestRunbookCommands(t *testing.T) {
	t.Parallel()
	for path, content := range pages(t) {
		for _, match := range inlineCode.FindAllStringSubmatch(content, -1) {
			checkCommand(t, path, match[1])
		}
		for _, block := range codeBlock.FindAllStringSubmatch(content, -1) {
			for _, match := range commandLine.FindAllStringSubmatch(block[1], -1) {
				checkCommand(t, path, match[1])
			}
		}
	}
}

func checkCommand(t *testing.T, path, line string) {
	t.Helper()
	words := strings.Fields(line)
	var out bytes.Buffer
	cli.Run(t.Context(), []string{"--help"}, &out, &out)
	if !regexp.MustCompile(`(?m)^  ` + words[0] + `\b`).Match(out.Bytes()) {
		t.Errorf("%s: there is no callstream %s", path, line)
		return
	}
	out.Reset()
	command := []string{}
	for _, word := range words {
		if strings.HasPrefix(word, "-") || word == strings.ToUpper(word) { // flags and arguments
			break
		}
		command = append(command, word)
	}
	if status := cli.Run(t.Context(), append(command, "--help"), &out, &out); status != 0 || !strings.HasPrefix(out.String(), "Usage: callstream "+words[0]) {
		t.Errorf("%s: callstream %s: %s", path, line, out.String())
	}
	for _, word := range words[len(command):] {
		if flag, _, _ := strings.Cut(word, "="); strings.HasPrefix(flag, "--") && !strings.Contains(out.String(), flag) {
			t.Errorf("%s: callstream %s: there is no flag %s", path, line, flag)
		}
	}
}

// The SQL of the pages runs on the tables of this version.
func TestRunbookSQL(t *testing.T) {
	t.Parallel()
	url := embeddedtest.Postgres(t)
	postgrestest.Open(t, url)
	db, err := sql.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	statements := 0
	for path, content := range pages(t) {
		for _, match := range sqlCommand.FindAllStringSubmatch(content, -1) {
			statements++
			if _, err := db.ExecContext(t.Context(), strings.ReplaceAll(match[1], "$LAST", "0")); err != nil {
				t.Errorf("%s: %s: %v", path, match[1], err)
			}
		}
	}
	if statements == 0 {
		t.Error("found no SQL")
	}
}

// Links lead to files, and metrics that are named exist.
func TestRunbookNames(t *testing.T) {
	t.Parallel()
	metrics, err := exposed()
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range pages(t) {
		for _, match := range link.FindAllStringSubmatch(content, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), match[1])); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		for _, name := range metricName.FindAllString(content, -1) {
			if _, ok := metrics[name]; !ok {
				t.Errorf("%s: there is no metric %s", path, name)
			}
		}
	}
}
