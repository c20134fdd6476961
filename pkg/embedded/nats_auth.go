package embedded

import (
	"crypto/subtle"

	"github.com/nats-io/nats-server/v2/server"
)

// natsAuth lets everyone in who is within the process and asks all others for
// the password.
type natsAuth struct{ password string }

// Check implements server.Authentication.
func (a natsAuth) Check(client server.ClientAuthentication) bool {
	if addr := client.RemoteAddress(); addr != nil && addr.Network() == "pipe" {
		return true
	}
	given := client.GetOpts()
	return given.Username == natsUser &&
		subtle.ConstantTimeCompare([]byte(given.Password), []byte(a.password)) == 1
}
