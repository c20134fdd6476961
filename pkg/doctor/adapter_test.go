package doctor_test

import (
	"github.com/loquent/callstream/pkg/doctor"
	"github.com/loquent/callstream/pkg/eventsink"
	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/pkg/s3"
	"github.com/loquent/callstream/pkg/twilio"
	"github.com/loquent/callstream/pkg/whisper"
)

// What the doctor looks at in production fits as it is.
var (
	_ doctor.Directory   = (*postgres.DB)(nil)
	_ doctor.Settings    = (*postgres.DB)(nil)
	_ doctor.Bucket      = (*s3.Store)(nil)
	_ doctor.Transcriber = (*whisper.Client)(nil)
	_ doctor.Accounts    = (*twilio.Client)(nil)
	_ doctor.Media       = (*twilio.Client)(nil)
	_ doctor.Sinks       = (*eventsink.Sinks)(nil)
)
