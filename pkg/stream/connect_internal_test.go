package stream

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/loquent/callstream/schema"
)

// A name that does not resolve yet belongs to a server that is being started;
// a certificate or file that cannot be used stays so.
func TestConnectCodeTellsWaitingFromMending(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]schema.Code{
		&net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "nats", IsNotFound: true}}: schema.Unavailable,
		&tls.CertificateVerificationError{Err: fmt.Errorf("unknown authority")}:                                       schema.Invalid,
		&os.PathError{Op: "open", Path: "user.creds", Err: syscall.ENOENT}:                                            schema.Invalid,
	} {
		if got := connectCode(err); got != want {
			t.Errorf("%v is %s, want %s", err, got, want)
		}
	}
}
