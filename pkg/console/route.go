package console

// anyone is the permission of routes for which nobody has to be signed in.
const anyone = "anyone"

// The permissions that keys hold, as the API names them.
const (
	mayRead       = "read"
	mayPlay       = "play"
	mayUpdate     = "update"
	mayOperate    = "operate"
	mayAdmin      = "admin" // implies every other
	maySinkCreate = "TwilioCollectionPermission::Create"
	maySinkDelete = "TwilioCollectionPermission::Delete"
)

// route is one address of the console.
type route struct {
	pattern    string // as [net/http.ServeMux] takes it
	permission string // that the visitor's key must hold; empty: any key
	serve      func(*visit) error
}

// routes are all addresses but those of static files. What a route asks the API
// for is checked there again; the permission here chooses the page that says so.
func (c *console) routes() []route {
	return []route{
		{"GET /sign-in", anyone, c.signIn},
		{"POST /sign-in", anyone, c.signedIn},
		{"POST /sign-out", anyone, c.signOut},
		{"POST /organization", "", c.chooseOrganization},

		{"GET /{$}", "", c.start},
		{"GET /calls", mayRead, c.calls},

		{"/", "", c.nowhere},
	}
}
