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

// operatorsMay begins a permission that only operators' keys can hold.
const operatorsMay = "operators:"

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
		{"GET /calls/{sid}", mayRead, c.call},
		{"GET /calls/{sid}/transcripts/{file}", mayRead, c.transcript},
		{"POST /calls/{sid}/recordings/{recording}/transcribe", mayOperate, c.transcribeAgain},
		{"GET /recordings/{sid}/audio", mayPlay, c.audio},
		{"GET /recordings/{sid}/waveform", mayPlay, c.waveform},

		{"GET /pipeline", operatorsMay + mayOperate, c.pipeline},
		{"GET /pipeline/plots", operatorsMay + mayOperate, c.plots},

		{"GET /dead-letters", mayOperate, c.letters},
		{"POST /dead-letters/retry", mayOperate, c.retryLetters},
		{"POST /dead-letters/retry-all", mayOperate, c.sweepLetters},
		{"GET /dead-letters/{id}", mayOperate, c.letter},
		{"POST /dead-letters/{id}/retry", mayOperate, c.retryLetter},
		{"POST /dead-letters/{id}/remove", mayOperate, c.removeLetter},

		{"GET /replays", mayOperate, c.replays},
		{"POST /replays", mayOperate, c.startReplay},
		{"GET /replays/new", mayOperate, c.newReplay},
		{"POST /replays/estimate", mayOperate, c.estimateReplay},
		{"GET /replays/{id}", mayOperate, c.replay},
		{"POST /replays/{id}/cancel", mayOperate, c.cancelReplay},
		{"POST /replays/{id}/resume", mayOperate, c.resumeReplay},

		{"GET /settings", mayRead, c.settings},
		{"GET /settings/telephony", mayRead, c.telephony},
		{"POST /settings/telephony", mayUpdate, c.changeTelephony},
		{"POST /settings/telephony/recording", mayUpdate, c.turnRecording},
		{"GET /settings/events", mayRead, c.streaming},
		{"POST /settings/events/{kind}/setup", maySinkCreate, c.setupEvents},
		{"POST /settings/events/{kind}/update", maySinkCreate, c.updateEvents},
		{"POST /settings/events/{kind}/remove", maySinkDelete, c.removeEvents},
		{"GET /settings/events/{kind}/progress", mayRead, c.eventsProgress},
		{"GET /settings/credentials", mayRead, c.credentials},
		{"POST /settings/credentials", mayAdmin, c.changeCredentials},
		{"GET /settings/health", mayRead, c.health},
		{"GET /settings/health/findings", mayRead, c.findings},
		{"GET /numbers", mayRead, c.numbers},
		{"POST /numbers", mayUpdate, c.addNumber},
		{"POST /numbers/connect", mayUpdate, c.connectNumber},
		{"POST /numbers/remove", mayUpdate, c.removeNumber},
		{"GET /numbers/voice", mayUpdate, c.voice},
		{"POST /numbers/voice", mayUpdate, c.setVoice},

		{"GET /keys", mayAdmin, c.keys},
		{"POST /keys", mayAdmin, c.createKey},
		{"POST /keys/{id}/rotate", mayAdmin, c.rotateKey},
		{"POST /keys/{id}/revoke", mayAdmin, c.revokeKey},
		{"GET /audit", mayAdmin, c.audit},
		{"GET /organizations", operatorsMay + mayAdmin, c.organizations},
		{"POST /organizations", operatorsMay + mayAdmin, c.createOrganization},
		{"POST /organizations/{id}/name", operatorsMay + mayAdmin, c.renameOrganization},

		{"/", "", c.nowhere},
	}
}
