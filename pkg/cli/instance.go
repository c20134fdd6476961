package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// instanceFile is where up writes how its parts are reached, for the commands
// of administration that are run beside it.
const instanceFile = "instance.env"

// instance is the environment of a callstream that runs, by variable.
type instance map[string]string

// instanceOf returns what the callstream that runs on c's folder would be
// given as environment if its parts were real ones.
func (c *upCommand) instanceOf() instance {
	return instance{
		"DATABASE_URL":          c.DatabaseURL,
		"NATS_URL":              c.NATSURL,
		"S3_ENDPOINT":           c.S3Endpoint,
		"S3_BUCKET":             c.S3Bucket,
		"S3_REGION":             c.S3Region,
		"AWS_ACCESS_KEY_ID":     c.S3AccessKey,
		"AWS_SECRET_ACCESS_KEY": c.S3SecretKey,
		"OPENAI_API_KEY":        c.OpenAIKey,
		"OPENAI_BASE_URL":       c.OpenAIBaseURL,
		"TWILIO_API_URL":        c.TwilioAPIURL,
		"TWILIO_EVENTS_URL":     c.TwilioEventsURL,
		"TWILIO_INSIGHTS_URL":   c.TwilioInsightsURL,
		"PUBLIC_BASE_URL":       c.mustBase(),
		"CALLSTREAM_SECRET_KEY": c.SecretKey,
	}
}

// quoted is a single quote within single quotes, for a shell.
const quoted = `'\''`

// write writes i to dir, as a shell reads it, readable by the owner only: it
// holds every secret. A value of several lines, which no header or address can
// be, is an error that names its variable.
func (i instance) write(dir string) error {
	var text strings.Builder
	for name, value := range i {
		if strings.ContainsAny(value, "\r\n") {
			return fmt.Errorf("%s has a line break in it; take it out", name)
		}
		if value != "" {
			_, _ = fmt.Fprintf(&text, "%s='%s'\n", name, strings.ReplaceAll(value, "'", quoted))
		}
	}
	return writeSecret(dir, instanceFile, strings.TrimSuffix(text.String(), "\n"))
}

// readInstance returns what up wrote to dir, or nothing where none runs.
func readInstance(dir string) (instance, error) {
	text, err := os.ReadFile(filepath.Join(dir, instanceFile)) //nolint:gosec // the data folder is the operator's
	if errors.Is(err, fs.ErrNotExist) {
		return instance{}, nil
	}
	if err != nil {
		return nil, err
	}
	i := instance{}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "="); ok {
			i[name] = strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(value, "'"), "'"), quoted, "'")
		}
	}
	return i, nil
}

// removeInstance forgets the callstream that ran on dir.
func removeInstance(dir string) error {
	if err := os.Remove(filepath.Join(dir, instanceFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// localConfig lets a command work on the callstream that runs on a folder of
// this machine, where its variables name no other.
type localConfig struct {
	Data string `name:"data" env:"CALLSTREAM_DATA" default:"${data}" placeholder:"DIR" group:"Dependencies:" help:"Folder of the callstream (up) to work on where no address is given."`
}

// fill completes variables from the running callstream, unless the leading one
// is given: the parts of two installations are never mixed.
func (c localConfig) fill(leading string, variables map[string]*string) error {
	if *variables[leading] != "" {
		return nil
	}
	running, err := readInstance(c.Data)
	if err != nil {
		return fmt.Errorf("look for a callstream on %s: %w", c.Data, err)
	}
	for name, variable := range variables {
		if value := running[name]; value != "" {
			*variable = value
		}
	}
	if *variables[leading] == "" {
		return fmt.Errorf("%s is not set, and no callstream (up) runs on the folder %s", leading, c.Data)
	}
	return nil
}
