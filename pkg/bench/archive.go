package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/schema"
)

// Goals of the part.
const (
	archiveShare  = 0.90
	archiveMemory = 20 // MB above idle, eight at once
	recordingMB   = 60 // four hours of a call, nearly
	atOnce        = 8
)

// archive measures copies from Twilio to S3: fetched, checked for being whole
// audio, put, read back and compared, and committed; beside one request that
// gets and one that puts, joined by a pipe.
func (b *bench) archive(ctx context.Context) ([]Figure, error) {
	w, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	defer w.close()
	twilio, err := newDouble(ctx)
	if err != nil {
		return nil, err
	}
	defer twilio.close()
	twilio.size = int64(b.size(recordingMB)) << 20
	straight, err := w.straight(twilio)
	if err != nil {
		return nil, err
	}
	consumer, err := w.start(ctx, twilio.env(), "consume", consumers.Archiver)
	if err != nil {
		return nil, err
	}
	a := &archiving{world: w, twilio: twilio, sids: newSIDs(), idle: consumer.own(), consumer: consumer}
	run := func(n int, chunked bool, memory *series) contestant {
		return contestant{fmt.Sprintf("archiver, %d, chunked %v", n, chunked), func(ctx context.Context, _ bool) (float64, error) {
			return a.round(ctx, n, chunked, memory)
		}}
	}
	put := func(n int) contestant {
		return contestant{fmt.Sprintf("straight PUT, %d", n), func(ctx context.Context, _ bool) (float64, error) { return straight.round(ctx, n) }}
	}
	var oneMB, manyMB, chunkedMB series
	// The length known first and then not: what one takes in memory is not to be
	// found in the other.
	results, err := b.contest(ctx, min(b.rounds(), 3), run(1, false, &oneMB), put(1), run(atOnce, false, &manyMB), put(atOnce))
	if err != nil {
		return nil, err
	}
	chunked, err := b.contest(ctx, min(b.rounds(), 3), run(1, true, nil), put(1), run(atOnce, true, &chunkedMB), put(atOnce))
	if err != nil {
		return nil, err
	}
	const limit = "straight PUT"
	figures := []Figure{
		against("1 at once, length known", "MB/s", results[0], results[1], limit).atLeast(archiveShare),
		against("8 at once, length known", "MB/s", results[2], results[3], limit).atLeast(archiveShare),
		against("1 at once, chunked", "MB/s", chunked[0], chunked[1], limit).atLeast(archiveShare),
		against("8 at once, chunked", "MB/s", chunked[2], chunked[3], limit).atLeast(archiveShare),
		alone("memory above idle, 1 at once", "MB", series{oneMB.quantile(1)}),
		alone("memory above idle, 8 at once", "MB", series{manyMB.quantile(1)}).atMost(archiveMemory),
		alone("memory above idle, 8 at once, chunked", "MB", series{chunkedMB.quantile(1)}).atMost(archiveMemory),
	}
	figures[0].Note = "the archiver also reads the copy back from S3 and compares its SHA-256; the limit does not"
	return figures, nil
}

// archiving is the part at work.
type archiving struct {
	*world
	twilio   *double
	sids     *sids
	consumer *role
	idle     float64 // MB
}

// round has n recordings copied at once and returns MB/s of all together.
func (a *archiving) round(ctx context.Context, n int, chunked bool, memory *series) (float64, error) {
	a.twilio.chunked = chunked
	events, err := a.recordings(ctx, a.sids, n, int(a.twilio.size/frameSize*36/1000))
	if err != nil {
		return 0, err
	}
	peak := a.consumer.peak()
	began := time.Now()
	err = errors.Join(a.store(ctx, events), a.archived(ctx, events))
	took, most := time.Since(began), peak()
	if err != nil {
		return 0, err
	}
	if memory != nil {
		*memory = append(*memory, most-a.idle)
	}
	return float64(a.twilio.size) * float64(n) / (1 << 20) / took.Seconds(), nil
}

// recordings makes n calls with rows and returns the news that their recordings
// are ready.
func (w *world) recordings(ctx context.Context, s *sids, n, seconds int) ([]schema.Event, error) {
	at := time.Now().UTC().Truncate(time.Second)
	header := schema.Header{AccountSID: w.account.AccountSID, OrganizationID: w.account.OrganizationID, OccurredAt: at, Origin: schema.OriginCallback}
	var events []schema.Event
	var updates []schema.CallUpdate
	for range n {
		facts := schema.CallFacts{CallSID: s.take(schema.CallPrefix), From: ownNumber, To: "+15005550006", Leg: schema.LegOutboundAPI, Status: schema.StatusCompleted}
		updates = append(updates, schema.CallUpdate{
			AccountSID: w.account.AccountSID, OrganizationID: w.account.OrganizationID, Facts: facts, Direction: schema.Outbound, Creates: true,
			Entry: schema.Entry(schema.CallCompleted{Header: header, Call: facts}, 1, at, ""),
		})
		events = append(events, schema.RecordingProcessed{Header: header, Recording: schema.RecordingFacts{
			RecordingSID: s.take(schema.RecordingPrefix), CallSID: facts.CallSID, Status: schema.RecordingCompleted,
			Source: "DialVerb", Channels: 1, Duration: &seconds, StartedAt: &at,
		}})
	}
	if _, err := w.db.MergeCalls(ctx, updates); err != nil {
		return nil, fmt.Errorf("make calls: %w", err)
	}
	return events, nil
}

// archived waits until all the recordings are.
func (w *world) archived(ctx context.Context, events []schema.Event) error {
	deadline := time.Now().Add(5 * time.Minute)
	for _, e := range events {
		_, sid := e.Refs()
		for {
			record, err := w.db.Recording(ctx, sid)
			if err == nil && record.Object != nil {
				break
			}
			if err != nil && schema.CodeOf(err) != schema.NotFound {
				return fmt.Errorf("look for recording %s: %w", sid, err)
			}
			if time.Now().After(deadline) {
				return schema.Errorf(schema.Internal, "recording %s is not archived", sid)
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(2 * time.Millisecond):
			}
		}
	}
	return nil
}

// straight copies from the double into the bucket and looks at nothing.
type straight struct {
	twilio *double
	client *minio.Client
	bucket string
}

func (w *world) straight(twilio *double) (*straight, error) {
	endpoint, err := url.Parse(w.variables["S3_ENDPOINT"])
	if err != nil || endpoint.Host == "" {
		endpoint = &url.URL{Scheme: "https", Host: "s3.amazonaws.com"}
	}
	client, err := minio.New(endpoint.Host, &minio.Options{
		Creds:  credentials.NewStaticV4(w.variables["AWS_ACCESS_KEY_ID"], w.variables["AWS_SECRET_ACCESS_KEY"], ""),
		Secure: endpoint.Scheme == "https", Region: w.variables["S3_REGION"],
	})
	if err != nil {
		return nil, fmt.Errorf("open the bucket: %w", err)
	}
	return &straight{twilio, client, w.variables["S3_BUCKET"]}, nil
}

// round copies n recordings at once and returns MB/s of all together.
func (s *straight) round(ctx context.Context, n int) (float64, error) {
	s.twilio.chunked = false
	began := time.Now()
	var crew sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		crew.Go(func() { errs[i] = s.copy(ctx, fmt.Sprintf("bench/straight-%d.mp3", i)) })
	}
	crew.Wait()
	return float64(s.twilio.size) * float64(n) / (1 << 20) / time.Since(began).Seconds(), errors.Join(errs...)
}

func (s *straight) copy(ctx context.Context, key string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.twilio.url+"/2010-04-01/Accounts/AC/Recordings/RE.mp3", nil)
	if err != nil {
		return fmt.Errorf("ask for media: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("get media: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	// The body as a plain reader: a client that could seek would hash it first.
	_, err = s.client.PutObject(ctx, s.bucket, key, struct{ io.Reader }{response.Body}, response.ContentLength,
		minio.PutObjectOptions{ContentType: "audio/mpeg", DisableMultipart: true})
	if err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	return nil
}
