package s3

import (
	"net"
	"net/http"
	"net/url"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loquent/callstream/schema"
)

// Config says where the bucket is and who opens it.
type Config struct {
	Endpoint string // "http://host:port" or "https://host"; empty: Amazon's, by Region
	Bucket   string
	Region   string // empty: us-east-1, or at Amazon the bucket's own

	// The key pair. Both empty: Amazon's usual chain of environment, shared
	// credentials file, and the role of the container or machine.
	AccessKey string
	SecretKey string

	CreateBucket bool              // make the bucket when it does not exist
	Transport    http.RoundTripper // nil: minio-go's own

	// Wrap returns what requests go through in place of the transport, as a tracer
	// does that goes around it; nil: the transport itself.
	Wrap func(http.RoundTripper) http.RoundTripper

	Registerer prometheus.Registerer // nil: the metrics are not exposed
}

const (
	amazonHost    = "s3.amazonaws.com"
	defaultRegion = "us-east-1"
)

// retries bounds how often minio-go repeats a request without a body, at most
// a second apart. The stream's runner has longer patience.
const retries = 3

// client makes the client for the configuration; it sends nothing.
func (c Config) client() (*minio.Client, error) {
	host, secure, err := c.host()
	if err != nil {
		return nil, err
	}
	creds, err := c.credentials()
	if err != nil {
		return nil, err
	}
	region := c.Region
	if region == "" && host != amazonHost {
		region = defaultRegion // saves asking, which the keys may not be allowed to
	}
	transport, err := c.transport(secure)
	if err != nil {
		return nil, schema.Errorf(schema.Invalid, "S3 transport: %w", err)
	}
	client, err := minio.New(host, &minio.Options{
		Creds:        creds,
		Secure:       secure,
		Region:       region,
		Transport:    transport,
		BucketLookup: lookup(host),
		MaxRetries:   retries,
	})
	if err != nil {
		return nil, schema.Errorf(schema.Invalid, "S3 endpoint %q: %w", c.Endpoint, err)
	}
	return client, nil
}

// transport returns what requests go through.
func (c Config) transport(secure bool) (http.RoundTripper, error) {
	transport := c.Transport
	if transport == nil {
		own, err := minio.DefaultTransport(secure)
		if err != nil {
			return nil, err //nolint:wrapcheck // client does
		}
		transport = own
	}
	if c.Wrap != nil {
		return c.Wrap(transport), nil
	}
	return transport, nil
}

// host returns the endpoint as minio-go wants it: without a scheme.
func (c Config) host() (host string, secure bool, err error) {
	if c.Endpoint == "" {
		return amazonHost, true, nil
	}
	u, err := url.Parse(c.Endpoint)
	switch {
	case err != nil:
		return "", false, schema.Errorf(schema.Invalid, "S3 endpoint is no URL; want http://host:port or https://host") // err quotes it, with any password
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return "", false, schema.Errorf(schema.Invalid, "S3 endpoint %q: want http://host:port or https://host", u.Redacted())
	case u.Path != "" && u.Path != "/", u.RawQuery != "", u.User != nil:
		return "", false, schema.Errorf(schema.Invalid,
			"S3 endpoint %q: want scheme and host only; the bucket and the keys have settings of their own", u.Redacted())
	}
	return u.Host, u.Scheme == "https", nil
}

// lookup says how requests name the bucket. A server reached by address has no
// name to put the bucket in front of; for the others minio-go knows which
// services want it there.
func lookup(host string) minio.BucketLookupType {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	if name == "localhost" || net.ParseIP(name) != nil {
		return minio.BucketLookupPath
	}
	return minio.BucketLookupAuto
}

func (c Config) credentials() (*credentials.Credentials, error) {
	switch {
	case c.AccessKey != "" && c.SecretKey != "":
		return credentials.NewStaticV4(c.AccessKey, c.SecretKey, ""), nil
	case c.AccessKey != "" || c.SecretKey != "":
		return nil, schema.Errorf(schema.Invalid, "half of the S3 credentials: set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither")
	}
	return credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvAWS{},
		&credentials.FileAWSCredentials{},
		&credentials.IAM{},
	}), nil
}
