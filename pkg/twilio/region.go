package twilio

import (
	"net/url"
	"strings"

	"github.com/loquent/callstream/schema"
)

// edges are the edge locations through which each region is reached where the
// settings name none. A host with a region alone does not answer since April
// 2026. Source: Twilio's "Regional API credentials" and edge locations.
var edges = map[string]string{"us1": "ashburn", "ie1": "dublin", "au1": "sydney"}

// apiOf returns the REST API's address for the account: Twilio's host in the
// account's region, or the configured address where that is not Twilio's own.
// Event Streams and Voice Insights are in us1 only, whatever the region.
func (c *Client) apiOf(a schema.Account) *base {
	host, regional := regionalHost(a)
	if !regional || c.api.target.Host != c.api.own {
		return c.api
	}
	return &base{own: c.api.own, target: &url.URL{Scheme: c.api.target.Scheme, Host: host}}
}

// regionalHost returns api.EDGE.REGION.twilio.com; false for an account of the
// default region that names no edge.
func regionalHost(a schema.Account) (host string, regional bool) {
	region, edge := a.Region, a.Edge
	if region == "" && edge == "" {
		return "", false
	}
	if region == "" {
		region = "us1"
	}
	if edge == "" {
		edge = edges[region]
	}
	return "api." + edge + "." + region + ".twilio.com", true
}

// checkRegion refuses a region or edge that cannot be part of a host's name, so
// that credentials go to Twilio whatever somebody enters, and a region that is
// not known without an edge.
func checkRegion(a schema.Account) error {
	for _, name := range []string{a.Region, a.Edge} {
		if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || len(name) > 32 {
			return schema.Errorf(schema.Invalid, "%q is no Twilio region or edge; regions are like ie1, edges like dublin", name)
		}
	}
	if a.Region != "" && a.Edge == "" && edges[a.Region] == "" {
		return schema.Errorf(schema.Invalid, "region %q is not one that is known here; name its edge too, as dublin for ie1", a.Region)
	}
	return nil
}
