package cli

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/loquent/callstream/pkg/console"
)

// pages returns the routes that people and programs reach: the API, and the
// console, which asks it.
func (p *parts) pages() (map[string]http.Handler, error) {
	api := p.api()
	pages, err := console.New(console.Config{
		API:    api,
		Sealer: p.keyring,
		Secure: strings.HasPrefix(p.base, "https://"),
		Logger: p.log,
	})
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	return map[string]http.Handler{"/api/": api, "/": pages}, nil
}
