package cli

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/pkg/s3"
	"github.com/loquent/callstream/pkg/twilio"
	"github.com/loquent/callstream/pkg/whisper"
)

// FuzzFlags: any command line is taken, explained, or refused with a reason.
func FuzzFlags(f *testing.F) {
	for _, line := range []string{
		"", "up\n--simulate\n--calls\n300", "up\n--help", "replay\n--consumer\n\n--rate\nNaN\n--since\n-1h", "consume\nall\nall", "--log-level\nloud", "status\n-\n--\n--",
		"numbers\nvoice\n+1555\nforward\n--to\n<Dial/>", "simulate\n--faults\nall,all", "keys\ncreate\nx\n--permission\nread,", "deadletters\nls\n--limit=0x7fffffffffffffff", "\x00\n=\n--=",
	} {
		f.Add(line)
	}
	var said bytes.Buffer
	exited := false
	parser, err := newParser(&commands{}, &said, &said, func(int) { exited = true })
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line string) {
		exited = false
		said.Reset()
		kctx, err := parser.Parse(strings.Split(line, "\n"))
		var wrong *kong.ParseError
		switch {
		case exited && said.Len() == 0:
			t.Errorf("%q ends without a word", line)
		case err != nil && (!errors.As(err, &wrong) || err.Error() == ""):
			t.Errorf("%q is refused with %v", line, err)
		case err == nil && !exited && kctx.Command() == "":
			t.Errorf("%q is no command and passes", line)
		}
	})
}

// FuzzMoments: what the parser lets through is a time, and nothing else is.
func FuzzMoments(f *testing.F) {
	for _, s := range []string{"", "24h", "-24h", "2026-01-02T15:04:05Z", "2026-01-02", "1e9h", "2562047h47m16.854775807s", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999-23:59"} {
		f.Add(s)
	}
	now := time.Date(2026, 3, 4, 18, 15, 40, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		m := moment(s)
		if valid, at := m.Validate() == nil, m.at(now); valid && s != "" && at.IsZero() || (!valid || s == "") && !at.IsZero() {
			t.Errorf("%q is valid: %t, and is %v", s, valid, at)
		}
	})
}

// FuzzInstance: what up writes for the commands beside it is what they read,
// whatever a secret is made of.
func FuzzInstance(f *testing.F) {
	for _, s := range []string{"", "o'clock", `'\''`, `\`, "$(reboot)", "a\nDATABASE_URL='x", "a\rb", "\xff\x00", "a=b", "  ", strings.Repeat("'", 20_000), strings.Repeat("x", 70_000)} {
		f.Add(s)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, value string) {
		err := instance{"OPENAI_API_KEY": value, "NATS_URL": "nats://127.0.0.1"}.write(dir)
		if strings.ContainsAny(value, "\r\n") != (err != nil) {
			t.Fatalf("%q: %v", value, err)
		}
		if err != nil {
			return
		}
		read, err := readInstance(dir)
		if err != nil || read["OPENAI_API_KEY"] != value || read["NATS_URL"] != "nats://127.0.0.1" || len(read) > 2 {
			t.Errorf("%q was written, %q read (%v)", value, read, err)
		}
	})
}

// FuzzAddresses: no error about an address repeats the password in it, and the
// public one, once taken, has room for a path.
func FuzzAddresses(f *testing.F) {
	for _, s := range [][2]string{
		{"postgres://callstream:", "@db.example.com/callstream?sslmode=require"}, {"host=db password='", "' dbname=x"}, {"postgres://u:", "@[::1"}, {"postgresql://u:", "%zz@h:x/"},
		{"https://u:", "@calls.example.com/"}, {"https://u:", "@calls.example.com?x#y"}, {"http://", ""}, {"https://u:", "@h:99999"}, {"ftp://u:", "@h"}, {"://", "\x7f"}, {"https://h/?token=", ""},
	} {
		f.Add(s[0], s[1])
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	const password = "aPasswordThatNobodyMayRead"
	f.Fuzz(func(t *testing.T, before, after string) {
		address := before + password + after
		base, err := publicConfig{PublicBaseURL: address}.base()
		if err == nil {
			if u, err := url.Parse(base + "/twilio/events?org=7"); err != nil || !strings.HasSuffix(u.Path, "/twilio/events") || u.RawQuery != "org=7" || u.Host == "" {
				t.Errorf("%q becomes %v (%v)", address, u, err)
			}
		}
		errs := []error{err}
		db, err := postgres.Open(gone, address, postgres.Options{})
		if err == nil {
			db.Close()
		}
		_, twilioErr := twilio.New(twilio.Config{APIURL: address, EventsURL: address, InsightsURL: address})
		_, whisperErr := whisper.New(whisper.Config{BaseURL: address, APIKey: password})
		_, bucketErr := s3.Open(gone, s3.Config{Endpoint: address, Bucket: "b", AccessKey: "k", SecretKey: password})
		for _, err := range append(errs, err, twilioErr, whisperErr, bucketErr) {
			if err != nil && strings.Contains(err.Error(), password) {
				t.Errorf("%q: %v", address, err)
			}
		}
	})
}
