package twilio_test

// Answers as Twilio gives them, with made-up SIDs and numbers. The OpenAPI test
// checks them too.
const (
	callJSON = `{"sid":"` + callSID + `","account_sid":"` + accountSID + `","parent_call_sid":null,"from":"+15005550006","to":"+15005550001",
	"from_formatted":"(500) 555-0006","to_formatted":"(500) 555-0001","phone_number_sid":"PN00000000000000000000000000000001",
	"status":"completed","start_time":"Tue, 24 Mar 2026 18:15:38 +0000","end_time":"Tue, 24 Mar 2026 18:15:53 +0000","duration":"15",
	"price":null,"price_unit":"USD","direction":"inbound","answered_by":null,"api_version":"2010-04-01","forwarded_from":null,
	"group_sid":null,"caller_name":"José & Söhne","queue_time":"0","trunk_sid":null,"uri":"/2010-04-01/Accounts/` + accountSID + `/Calls/` + callSID + `.json",
	"date_created":"Tue, 24 Mar 2026 18:15:37 +0000","date_updated":"Tue, 24 Mar 2026 18:15:53 +0000","annotation":null,"subresource_uris":{}}`

	startedJSON = `{"sid":"` + recordingSID + `","account_sid":"` + accountSID + `","call_sid":"` + callSID + `","conference_sid":null,
	"api_version":"2010-04-01","date_created":"Tue, 24 Mar 2026 18:15:40 +0000","date_updated":"Tue, 24 Mar 2026 18:15:40 +0000",
	"start_time":"Tue, 24 Mar 2026 18:15:40 +0000","duration":null,"price":null,"price_unit":"USD","status":"in-progress","channels":2,
	"source":"StartCallRecordingAPI","error_code":null,"track":"both","encryption_details":null,
	"uri":"/2010-04-01/Accounts/` + accountSID + `/Calls/` + callSID + `/Recordings/` + recordingSID + `.json"}`

	recordingJSON = `{"sid":"` + recordingSID + `","account_sid":"` + accountSID + `","call_sid":"` + callSID + `","conference_sid":null,
	"api_version":"2010-04-01","date_created":"Tue, 24 Mar 2026 18:15:40 +0000","date_updated":"Tue, 24 Mar 2026 18:15:54 +0000",
	"start_time":"Tue, 24 Mar 2026 18:15:40 +0000","duration":"13","price":"-0.0025","price_unit":"USD","status":"completed","channels":2,
	"source":"StartCallRecordingAPI","error_code":null,"encryption_details":null,"subresource_uris":{},
	"uri":"/2010-04-01/Accounts/` + accountSID + `/Recordings/` + recordingSID + `.json",
	"media_url":"http://api.twilio.com/2010-04-01/Accounts/` + accountSID + `/Recordings/` + recordingSID + `"}`

	sinkJSON = `{"sid":"` + sinkSID + `","description":"callstream calls","sink_type":"webhook","status":"active",
	"sink_configuration":{"destination":"https://app.example.com/twilio/events?org=1&kind=call","method":"POST","batch_events":false},
	"date_created":"2026-03-24T18:15:40Z","date_updated":"2026-03-24T18:15:40Z","url":"https://events.twilio.com/v1/Sinks/` + sinkSID + `",
	"links":{"sink_test":"https://events.twilio.com/v1/Sinks/` + sinkSID + `/Test","sink_validate":"https://events.twilio.com/v1/Sinks/` + sinkSID + `/Validate"}}`

	subscriptionJSON = `{"sid":"` + subSID + `","account_sid":"` + accountSID + `","sink_sid":"` + sinkSID + `","description":"callstream calls",
	"date_created":"2026-03-24T18:15:40Z","date_updated":"2026-03-24T18:15:40Z","url":"https://events.twilio.com/v1/Subscriptions/` + subSID + `",
	"links":{"subscribed_events":"https://events.twilio.com/v1/Subscriptions/` + subSID + `/SubscribedEvents"}}`

	accountJSON = `{"sid":"` + accountSID + `","friendly_name":"Example","status":"active","type":"Full","owner_account_sid":"` + accountSID + `",
	"auth_token":"` + token + `","date_created":"Tue, 24 Mar 2026 18:15:37 +0000","date_updated":"Tue, 24 Mar 2026 18:15:37 +0000",
	"uri":"/2010-04-01/Accounts/` + accountSID + `.json","subresource_uris":{}}`

	numberJSON = `{"sid":"` + numberSID + `","account_sid":"` + accountSID + `","phone_number":"+15005550006","friendly_name":"Desk",
	"voice_url":"https://app.example.com/twilio/voice?org=1","voice_method":"POST","status_callback":"","status_callback_method":"POST",
	"trunk_sid":null,"api_version":"2010-04-01","beta":false,"capabilities":{"voice":true,"sms":true,"mms":false,"fax":false},
	"date_created":"Tue, 24 Mar 2026 18:15:37 +0000","date_updated":"Tue, 24 Mar 2026 18:15:37 +0000",
	"uri":"/2010-04-01/Accounts/` + accountSID + `/IncomingPhoneNumbers/` + numberSID + `.json"}`

	insightsJSON = `{"account_sid":"` + accountSID + `","advanced_features":true,"voice_trace":false,"url":"https://insights.twilio.com/v1/Voice/Settings"}`

	eventTypeJSON = `{"type":"` + answeredType + `","schema_id":"Voice.WebhookEvent","description":"A call was answered","status":"available",
	"documentation_url":null,"date_created":"2024-02-28T00:00:00Z","date_updated":"2024-02-28T00:00:00Z",
	"url":"https://events.twilio.com/v1/Types/` + answeredType + `","links":{"schema":"https://events.twilio.com/v1/Schemas/Voice.WebhookEvent/Versions"}}`
)

func subscribedJSON(eventType string, version string) string {
	return `{"type":"` + eventType + `","schema_version":` + version + `,"account_sid":"` + accountSID + `","subscription_sid":"` + subSID +
		`","url":"https://events.twilio.com/v1/Subscriptions/` + subSID + `/SubscribedEvents/` + eventType + `"}`
}
