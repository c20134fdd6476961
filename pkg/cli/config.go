package cli

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

// The groups of settings below are embedded in the commands that need them.
// Their tags are the one place where flags, environment and help are written.

type databaseConfig struct {
	DatabaseURL string `name:"database-url" env:"DATABASE_URL" placeholder:"URL" group:"Dependencies:" help:"Postgres, postgres://USER:PASSWORD@HOST/NAME."`
}

type natsConfig struct {
	NATSURL        string `name:"nats-url" env:"NATS_URL" placeholder:"URL" group:"Dependencies:" help:"NATS servers, comma separated, nats:// or tls://."`
	NATSCreds      string `name:"nats-creds" env:"NATS_CREDS" placeholder:"FILE" group:"Dependencies:" help:"NATS credentials file."`
	NATSCA         string `name:"nats-ca" env:"NATS_CA" placeholder:"FILE" group:"Dependencies:" help:"Certificate authority that signed the NATS servers' certificates."`
	NATSCert       string `name:"nats-cert" env:"NATS_CERT" placeholder:"FILE" group:"Dependencies:" help:"Client certificate for NATS."`
	NATSKey        string `name:"nats-key" env:"NATS_KEY" placeholder:"FILE" group:"Dependencies:" help:"Client certificate's key."`
	StreamReplicas int    `name:"stream-replicas" env:"STREAM_REPLICAS" default:"1" group:"Dependencies:" help:"Copies of each stream: 1, or 3 on a cluster."`
}

type bucketConfig struct {
	S3Endpoint  string `name:"s3-endpoint" env:"S3_ENDPOINT" placeholder:"URL" group:"Dependencies:" help:"S3 server; empty for AWS."`
	S3Bucket    string `name:"s3-bucket" env:"S3_BUCKET" placeholder:"NAME" group:"Dependencies:" help:"Bucket that keeps the recordings."`
	S3Region    string `name:"s3-region" env:"S3_REGION" default:"us-east-1" group:"Dependencies:" help:"Region of the bucket."`
	S3AccessKey string `name:"aws-access-key-id" env:"AWS_ACCESS_KEY_ID" placeholder:"ID" group:"Dependencies:" help:"Access key; empty for the machine's own role."`
	S3SecretKey string `name:"aws-secret-access-key" env:"AWS_SECRET_ACCESS_KEY" placeholder:"KEY" group:"Dependencies:" help:"Secret of the access key."`
}

type transcriptionConfig struct {
	OpenAIKey     string `name:"openai-api-key" env:"OPENAI_API_KEY" placeholder:"KEY" group:"Dependencies:" help:"Key of the transcription service."`
	OpenAIBaseURL string `name:"openai-base-url" env:"OPENAI_BASE_URL" placeholder:"URL" group:"Dependencies:" help:"OpenAI-compatible service, up to and with /v1; empty for OpenAI."`
	WhisperModel  string `name:"whisper-model" env:"WHISPER_MODEL" default:"whisper-1" group:"Dependencies:" help:"Transcription model."`
}

type twilioConfig struct {
	TwilioAPIURL      string `name:"twilio-api-url" env:"TWILIO_API_URL" default:"https://api.twilio.com" group:"Dependencies:" help:"Twilio's REST API."`
	TwilioEventsURL   string `name:"twilio-events-url" env:"TWILIO_EVENTS_URL" default:"https://events.twilio.com" group:"Dependencies:" help:"Twilio's Event Streams API."`
	TwilioInsightsURL string `name:"twilio-insights-url" env:"TWILIO_INSIGHTS_URL" placeholder:"URL" group:"Dependencies:" help:"Twilio's Voice Insights API; Twilio's own unless the others are not."`
}

type publicConfig struct {
	AppHost       string `name:"app-host" env:"APP_HOST" placeholder:"HOST" group:"Serving:" help:"Public host name, where Twilio reaches callstream."`
	PublicBaseURL string `name:"public-base-url" env:"PUBLIC_BASE_URL" placeholder:"URL" group:"Serving:" help:"Public address that Twilio signs; default https://APP_HOST."`
}

type listenConfig struct {
	HTTPAddr string `name:"http-addr" env:"HTTP_ADDR" default:"127.0.0.1:8080" group:"Serving:" help:"Address to listen on."`
}

type secretConfig struct {
	SecretKey string `name:"secret-key" env:"CALLSTREAM_SECRET_KEY" placeholder:"BASE64" group:"Dependencies:" help:"32 bytes that encrypt Twilio tokens at rest (openssl rand -base64 32)."`
}

// base returns the public base URL, without a slash at its end. Its text is not
// repeated in the error: it may hold a password.
func (c publicConfig) base() (string, error) {
	base := c.PublicBaseURL
	if base == "" && c.AppHost != "" {
		base = "https://" + c.AppHost
	}
	if base == "" {
		return "", errors.New("APP_HOST (or PUBLIC_BASE_URL) is not set: Twilio's signatures are checked against the public address")
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || strings.ContainsAny(base, "?#") {
		return "", errors.New("PUBLIC_BASE_URL (or APP_HOST) is not an address like https://calls.example.com, to which a path can be added")
	}
	return strings.TrimRight(base, "/"), nil
}

// missing returns one error that names every variable that is empty, with
// what it is for, so that a role's configuration is mended in one go.
func missing(needed ...[3]string) error {
	var errs []error
	for _, n := range needed {
		name, value, purpose := n[0], n[1], n[2]
		if value == "" {
			errs = append(errs, fmt.Errorf("%s is not set: %s", name, purpose))
		}
	}
	return errors.Join(errs...)
}

func (c databaseConfig) needed() [3]string {
	return [3]string{"DATABASE_URL", c.DatabaseURL, "the Postgres that keeps the calls"}
}

func (c natsConfig) needed() [3]string {
	return [3]string{"NATS_URL", c.NATSURL, "the NATS servers that carry the events"}
}

func (c bucketConfig) needed() [3]string {
	return [3]string{"S3_BUCKET", c.S3Bucket, "the bucket that keeps the recordings"}
}

func (c secretConfig) needed() [3]string {
	return [3]string{"CALLSTREAM_SECRET_KEY", c.SecretKey, "32 bytes, base64, that encrypt Twilio tokens at rest"}
}

// secretFiles lets every variable NAME be given as NAME_FILE, a file that
// holds its value, as container platforms mount secrets.
func secretFiles(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		path, ok := os.LookupEnv(name + "_FILE")
		if !ok || path == "" {
			continue
		}
		if os.Getenv(name) != "" {
			return nil, fmt.Errorf("%s and %s_FILE are both set; keep one", name, name)
		}
		content, err := os.ReadFile(path) //nolint:gosec // the operator names the file
		if err != nil {
			return nil, fmt.Errorf("read %s_FILE: %w", name, err)
		}
		return strings.TrimRight(string(content), "\r\n"), nil
	}
	return nil, nil //nolint:nilnil // kong's way to say "not from here"
}
