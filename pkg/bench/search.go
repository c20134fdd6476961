package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	permissions "github.com/loquent/callstream/pkg/api"
	"github.com/loquent/callstream/schema"
)

// Goals of the part, in milliseconds.
const (
	listP95   = 50
	searchP95 = 200
)

// search measures the API over a database as large as years make it.
func (b *bench) search(ctx context.Context) ([]Figure, error) {
	w, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	defer w.close()
	if err := w.seed(ctx, b.Calls, min(b.Transcripts, b.Calls)); err != nil {
		return nil, err
	}
	console, err := w.start(ctx, nil, "console")
	if err != nil {
		return nil, err
	}
	api := &reader{addr: console.addr, keys: []string{w.key}}
	for range 30 { // one would be held back for asking too often
		key, err := w.db.CreateAPIKey(ctx, w.account.OrganizationID, organizationName, []string{permissions.PermissionRead})
		if err != nil {
			return nil, fmt.Errorf("create API key: %w", err)
		}
		api.keys = append(api.keys, key)
	}
	over := fmt.Sprintf("%s calls, %s transcripts", number(float64(b.Calls)), number(float64(min(b.Transcripts, b.Calls))))
	var figures []Figure
	for _, q := range []struct {
		name    string
		most    float64
		queries []url.Values
	}{
		{"list, newest first", listP95, []url.Values{{}}},
		{"list, by status, direction, time", listP95, filters()},
		{"list, ten pages deep", listP95, nil},
		{"list, by a part of a number", listP95, []url.Values{{"number": {"0001234"}}, {"number": {"+1555000"}}}},
		{"search, a rare word", searchP95, words("w1900", "w1801", "w1777")},
		{"search, a word of one transcript in ten", searchP95, words("w60", "w70", "w80")},
		{"search, a word of most transcripts", searchP95, words("w1", "w2", "w3")},
		{"search, two words", searchP95, words("w10 w20", "w300 w400", "w1 w1900")},
	} {
		took, err := api.times(ctx, q.queries, b.size(200))
		if err != nil {
			return figures, fmt.Errorf("%s: %w", q.name, err)
		}
		figures = append(figures, alone(q.name+", p95", "ms", series{took.quantile(.95)}).atMost(q.most))
	}
	figures[0].Note = over
	return figures, nil
}

func filters() (queries []url.Values) {
	for i := range 12 {
		since := time.Now().AddDate(0, -i-1, 0).UTC()
		queries = append(queries, url.Values{"since": {since.Format(time.RFC3339)}, "until": {since.AddDate(0, 0, 20).Format(time.RFC3339)}})
	}
	for _, status := range []string{"completed", "busy", "no-answer"} {
		queries = append(queries, url.Values{"status": {status}}, url.Values{"status": {status}, "direction": {"inbound"}, "recorded": {"true"}})
	}
	return queries
}

func words(texts ...string) (queries []url.Values) {
	for _, text := range texts {
		queries = append(queries, url.Values{"text": {text}})
	}
	return queries
}

// seed fills the database: calls of two years, the newest last, of which some
// have transcripts of a hundred words. Of 2,000 words the first are in most of
// them and the last in few, as in language.
func (w *world) seed(ctx context.Context, calls, transcripts int) error {
	every := max(calls/max(transcripts, 1), 1)
	for _, statement := range []struct {
		text string
		args []any
	}{
		{`INSERT INTO call (call_sid, account_sid, organization_id, from_number, to_number, direction, leg, phone_number, status, started_at, answered_at, ended_at, duration, recording_url)
		SELECT 'CA' || md5(i::text), $1, $2::uuid, '+1555' || lpad((i::bigint * 7919 % 10000000)::text, 7, '0'), $3, CASE WHEN i % 3 = 0 THEN 'outbound' ELSE 'inbound' END,
			CASE WHEN i % 3 = 0 THEN 'outbound-api' ELSE 'inbound' END::call_leg, $3, (ARRAY['completed', 'completed', 'completed', 'busy', 'no-answer'])[i % 5 + 1]::call_status,
			t, t + interval '8 seconds', t + interval '5 minutes', 292, CASE WHEN i % $5 = 0 THEN 's3://bucket/' || i END
		FROM generate_series(1, $4::int) AS i, LATERAL (SELECT now() - ($4::int - i) * (interval '730 days' / $4::int) AS t) AS at`,
			[]any{w.account.AccountSID, w.account.OrganizationID, ownNumber, calls, every}},
		{`INSERT INTO recording (recording_sid, call_sid, account_sid, organization_id, status, source, channels, duration, started_at, recording_url, object_key, object_size, object_sha256, archived_at)
		SELECT 'RE' || md5(i::text), 'CA' || md5(i::text), $1, $2::uuid, 'completed', 'DialVerb', 2, 292, now(), 's3://bucket/' || i, i::text, 1200000, md5(i::text), now()
		FROM generate_series($3::int, $4::int, $3::int) AS i`, []any{w.account.AccountSID, w.account.OrganizationID, every, calls}},
		{`INSERT INTO transcript (recording_sid, text, language, model, duration)
		SELECT 'RE' || md5(i::text), (SELECT string_agg('w' || 1 + floor(2000 * power(random(), 3))::int, ' ') FROM generate_series(1, 100) WHERE i = i), 'en', 'whisper-1', 292
		FROM generate_series($1::int, $2::int, $1::int) AS i`, []any{every, calls}},
		{`ANALYZE`, nil},
	} {
		began := time.Now()
		if _, err := w.pool.ExecContext(ctx, statement.text, statement.args...); err != nil {
			return fmt.Errorf("fill the database: %w", err)
		}
		w.bench.log.Info("filled", "took", time.Since(began).Round(time.Second))
	}
	return nil
}

// reader asks the API, with one key after the other.
type reader struct {
	addr  string
	keys  []string
	asked int
}

// times asks n times, the queries in turn, and returns how long each took in
// milliseconds. Without queries it turns pages.
func (r *reader) times(ctx context.Context, queries []url.Values, n int) (series, error) {
	var took series
	var cursor string
	for i := range n + len(queries) { // the first of each warms up
		query := url.Values{"limit": {"50"}}
		if len(queries) == 0 {
			if i%10 == 0 {
				cursor = ""
			}
			query.Set("cursor", cursor)
		} else {
			for name, values := range queries[i%len(queries)] {
				query[name] = values
			}
		}
		began := time.Now()
		next, err := r.get(ctx, query)
		if err != nil {
			return nil, err
		}
		if cursor = next; i >= len(queries) {
			took = append(took, float64(time.Since(began))/float64(time.Millisecond))
		}
	}
	return took, nil
}

// get reads one page whole and returns the cursor of the next.
func (r *reader) get(ctx context.Context, query url.Values) (next string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.addr+"/api/calls?"+query.Encode(), nil)
	if err != nil {
		return "", fmt.Errorf("ask the API: %w", err)
	}
	r.asked++
	request.Header.Set("Authorization", "Bearer "+r.keys[r.asked%len(r.keys)])
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", fmt.Errorf("ask the API: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return "", fmt.Errorf("read the API's answer: %w", err)
	case response.StatusCode != http.StatusOK:
		return "", schema.Errorf(schema.Internal, "the API answered %s: %.200s", response.Status, body)
	}
	return nextOf(body), nil
}

// nextOf reads the cursor out of a page.
func nextOf(page []byte) string {
	var body struct {
		Next string `json:"next"`
	}
	_ = json.Unmarshal(page, &body) // without one the pages begin anew
	return body.Next
}
