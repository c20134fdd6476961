package twilio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/loquent/callstream/schema"
)

const (
	maxMedia = 1 << 30 // bytes of one recording; four hours, Twilio's longest call, have about 115 million
	maxHops  = 5       // redirects of one download
)

// DownloadMedia starts the download of the recording's MP3. Body must be
// closed; until then, or until it is read to its end, the download counts
// against the account's limit. A transfer that breaks, stalls or is shorter
// than announced ends in an error, never in io.EOF; only where Size is -1 can
// a clean end not be told from an early one.
//
// The number of channels is left to Twilio: it sends a two-party recording as
// it was started (ours dual), a conference as mono, and refuses two channels
// of a recording that has one. Should it refuse all the same, one channel is
// asked for.
//
// NotFound: not there yet (up to minutes after the callback), deleted, or kept
// in the account's own storage. Refused: encrypted by the account's own key,
// among others. Corrupt: what came is not audio, as an error page.
func (c *Client) DownloadMedia(ctx context.Context, a schema.Account, recordingSID string) (media schema.Media, err error) {
	start := time.Now()
	defer func() { c.metrics.observe("download_media", err, time.Since(start)) }()
	if err := checkCredentials(a); err != nil {
		return schema.Media{}, err
	}
	if err := schema.CheckSID("recording_sid", recordingSID, schema.RecordingPrefix); err != nil {
		return schema.Media{}, err
	}
	release, err := c.limits.download(ctx, a.AccountSID)
	if err != nil {
		return schema.Media{}, err
	}
	d := newDownload(ctx, c, a, release)
	media, err = d.start(recordingSID)
	if err != nil {
		d.end()
		return schema.Media{}, fmt.Errorf("download %s: %w", recordingSID, err)
	}
	return media, nil
}

// download is one recording's transfer: the whole of it ends with the caller's
// context, each wait for bytes after a time.
type download struct {
	client  *Client
	account schema.Account
	ctx     context.Context // carried from DownloadMedia to the last Read
	cancel  context.CancelCauseFunc
	watch   *time.Timer // armed while bytes are waited for, and only then: a slow reader is no stall
	release func()
}

var errStalled = errors.New("nothing came for too long")

func newDownload(ctx context.Context, c *Client, a schema.Account, release func()) *download {
	ctx, cancel := context.WithCancelCause(ctx)
	return &download{
		client: c, account: a, ctx: ctx, cancel: cancel,
		watch:   time.AfterFunc(c.config.Timeout, func() { cancel(errStalled) }),
		release: sync.OnceFunc(release),
	}
}

// end frees what the download holds. It may be called more than once.
func (d *download) end() {
	d.watch.Stop()
	d.cancel(nil)
	d.release()
}

// start gets as far as the first byte of the audio.
func (d *download) start(recordingSID string) (schema.Media, error) {
	path := "/2010-04-01/Accounts/" + d.account.AccountSID + "/Recordings/" + recordingSID + ".mp3"
	target := d.client.apiOf(d.account).join(path)
	res, err := d.get(target)
	var answer *Error
	if errors.As(err, &answer) && answer.Code == codeMonoOnly {
		target.RawQuery = "RequestedChannels=1"
		res, err = d.get(target)
	}
	if err != nil {
		return schema.Media{}, err
	}
	contentType, err := checkAudio(res)
	if err != nil {
		_ = res.Body.Close()
		return schema.Media{}, err
	}
	d.watch.Stop()
	return schema.Media{Body: &mediaBody{download: d, body: res.Body}, Size: res.ContentLength, ContentType: contentType}, nil
}

// get asks for target with each of the account's tokens until one is accepted.
func (d *download) get(target *url.URL) (res *http.Response, err error) {
	for _, token := range tokens(d.account) {
		res, err = d.follow(target, token)
		if !tokenRefused(err) {
			return res, err
		}
	}
	return nil, err
}

// follow asks for target and goes where it is redirected to. It follows by
// hand, because credentials must not: off the configured address they are left
// out, and only https is followed there.
func (d *download) follow(target *url.URL, token string) (*http.Response, error) {
	for range maxHops {
		res, err := d.ask(target, token)
		if err != nil {
			return nil, err
		}
		ours := d.client.apiOf(d.account).holds(target)
		switch {
		case res.StatusCode == http.StatusOK:
			return res, nil
		case res.StatusCode < 300 || res.StatusCode > 399:
			return nil, d.refused(res, ours)
		}
		_ = res.Body.Close()
		if target, err = d.next(target, res.Header.Get("Location")); err != nil {
			return nil, err
		}
	}
	return nil, schema.Errorf(schema.Internal, "redirected more than %d times", maxHops)
}

// ask makes one request. Compression is declined: the length that is announced
// is then that of the audio.
func (d *download) ask(target *url.URL, token string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(d.ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, schema.Errorf(schema.Internal, "make the request: %w", err)
	}
	req.Header.Set("Accept-Encoding", "identity")
	if d.client.apiOf(d.account).holds(target) {
		req.SetBasicAuth(d.account.AccountSID, token)
	}
	res, err := d.client.config.Transport.RoundTrip(req)
	if err != nil {
		return nil, d.broken(err)
	}
	return res, nil
}

// next resolves a redirect.
func (d *download) next(from *url.URL, location string) (*url.URL, error) {
	target, err := from.Parse(location)
	if err != nil || location == "" {
		return nil, schema.Errorf(schema.Internal, "redirected to something that is not a URL")
	}
	target.User = nil
	if d.client.apiOf(d.account).holds(target) {
		return target, nil
	}
	if !d.client.apiOf(d.account).mayLeadTo(target) {
		return nil, schema.Errorf(schema.Internal, "redirected to %s, which is no public host or not by https", target.Host)
	}
	d.client.config.Logger.DebugContext(d.ctx, "media redirected; credentials are not sent on",
		slog.String("account_sid", d.account.AccountSID), slog.String("host", target.Host))
	return target, nil
}

// refused classifies an answer that is not 200. Storage that Twilio redirected
// to knows nothing of the account: its 401 and 403 mean that the link was no
// longer good, so a new one has to be asked for.
func (d *download) refused(res *http.Response, ours bool) error {
	if res.StatusCode < 300 {
		_ = res.Body.Close()
		return schema.Errorf(schema.Unavailable, "Twilio answered %d and no audio", res.StatusCode)
	}
	err := refused(res, tokens(d.account))
	if !ours && schema.CodeOf(err) == schema.Unauthorized {
		return schema.Errorf(schema.Unavailable, "the storage that Twilio redirected to answered %d", res.StatusCode)
	}
	return err
}

// broken classifies an error of the connection by who ended it.
func (d *download) broken(err error) error {
	if cause := context.Cause(d.ctx); cause != nil {
		return schema.Errorf(schema.Unavailable, "no answer from Twilio: %w", cause)
	}
	return schema.Errorf(schema.Unavailable, "reach Twilio: %w", err)
}

// checkAudio returns the answer's media type, or Corrupt for an answer that
// cannot be a recording's audio.
func checkAudio(res *http.Response) (contentType string, err error) {
	contentType, _, err = mime.ParseMediaType(res.Header.Get("Content-Type"))
	encoding := res.Header.Get("Content-Encoding")
	switch {
	case err != nil || !strings.HasPrefix(contentType, "audio/"):
		return "", schema.Errorf(schema.Corrupt, "Twilio sent %q in place of audio", presentable(res.Header.Get("Content-Type"), nil))
	case encoding != "" && encoding != "identity":
		return "", schema.Errorf(schema.Corrupt, "Twilio sent compressed audio that was not asked for")
	case res.ContentLength == 0:
		return "", schema.Errorf(schema.Corrupt, "Twilio sent audio of no length")
	case res.ContentLength > maxMedia:
		return "", schema.Errorf(schema.Corrupt, "Twilio announced %d bytes, more than any call has", res.ContentLength)
	}
	return contentType, nil
}

// mediaBody is a download's audio.
type mediaBody struct {
	*download
	body io.ReadCloser
	read int64
}

// Read reads on. The watch runs only while it waits for bytes.
func (m *mediaBody) Read(p []byte) (int, error) {
	m.watch.Reset(m.client.config.Stall)
	n, err := m.body.Read(p)
	m.watch.Stop()
	m.read += int64(n)
	switch {
	case m.read > maxMedia:
		return n, schema.Errorf(schema.Corrupt, "more than %d bytes, more than any call has", maxMedia)
	case err == io.EOF: //nolint:errorlint // a Reader returns io.EOF itself
		m.end()
		return n, io.EOF
	case err != nil:
		return n, m.broken(err)
	}
	return n, nil
}

// Close ends the download, finished or not.
func (m *mediaBody) Close() error {
	defer m.end()
	return m.body.Close() //nolint:wrapcheck // of a body that nobody reads any more
}
