package embeddedtest_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/pkg/embedded/embeddedtest"
)

func TestPostgresGivesEachTestItsOwnDatabase(t *testing.T) {
	t.Parallel()
	for range 3 {
		db, err := sql.Open("postgres", embeddedtest.Postgres(t))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec(`CREATE TABLE mine (id int)`); err != nil {
			t.Errorf("the database is not empty: %v", err)
		}
	}
}

func TestS3TakesAnObject(t *testing.T) {
	t.Parallel()
	server := embeddedtest.S3(t)
	client, err := minio.New(strings.TrimPrefix(server.Endpoint(), "http://"), &minio.Options{
		Creds: credentials.NewStaticV4(server.AccessKey(), server.SecretKey(), ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	bucket := strings.ToLower(rand.Text())
	if err := client.MakeBucket(ctx, bucket, minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutObject(ctx, bucket, "a/b", strings.NewReader("x"), 1, minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestNATSGivesEachTestItsOwnStore(t *testing.T) {
	t.Parallel()
	for range 2 {
		conn, err := nats.Connect("", nats.InProcessServer(embeddedtest.NATS(t).InProcess()))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		js, err := jetstream.New(conn)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := js.CreateStream(context.Background(), jetstream.StreamConfig{Name: "MINE", Subjects: []string{"x"}}); err != nil {
			t.Errorf("the store is not empty: %v", err)
		}
	}
}
